/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/fake/fake-broker.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/json.h"
#include "host/model/desired_state.h"
#include "host/util/diag.h"

__attribute__((format(printf, 2, 3))) static void tell(const struct fake_broker *fake,
                                                       const char *format, ...)
{
        va_list args;

        if (!fake->tell)
                return;
        va_start(args, format);
        (void)vprintf(format, args); /* whoever reads it notices what is missing */
        va_end(args);
        (void)fflush(stdout);
}

static int fake_get(void *data, enum control_document document, char **ret, struct diag *diag)
{
        const struct fake_broker *fake = data;
        char *text = strdup(fake->documents[document] ? fake->documents[document] : "{}");

        (void)diag;
        if (!text)
                return -ENOMEM;
        tell(fake, "get %d\n", (int)document);
        *ret = text;
        return 0;
}

static int fake_apply(void *data, const char *activity, struct desired_state *take_desired,
                      struct diag *diag)
{
        CLEANUP(desired_state_freep) struct desired_state *desired = take_desired;
        CLEANUP_JSON struct json *json = NULL;
        CLEANUP_FREE char *text = NULL;
        struct fake_broker *fake = data;
        int r;

        if (strcmp(activity, "full") == 0)
                return diag_set(diag, -ENOSPC, "the journal cannot be written");
        r = desired_state_write(desired, &json);
        if (r >= 0)
                r = json_print(json, JSON_LAYOUT_COMPACT, &text);
        if (r < 0)
                return r;
        (void)snprintf(fake->activity, sizeof(fake->activity), "%s", activity);
        tell(fake, "apply %s %s\n", activity, text);
        return 0;
}

static int fake_cancel(void *data, const char *activity, char ret[static PLACE_ID_MAX + 1],
                       struct diag *diag)
{
        struct fake_broker *fake = data;

        if (strcmp(activity, "late") == 0)
                return diag_set(diag, -EBUSY,
                                "activity late is cleaning up: it is too late to cancel it");
        if (!*fake->activity)
                return diag_set(diag, -ENOENT, "no activity runs");
        if (*activity && strcmp(activity, fake->activity) != 0)
                return diag_set(diag, -ENOENT, "there is no activity %s", activity);
        (void)snprintf(ret, PLACE_ID_MAX + 1, "%s", fake->activity);
        tell(fake, "cancel %s\n", ret);
        return 0;
}

static int fake_set_running(void *data, const char *agent, bool running, struct diag *diag)
{
        const struct fake_broker *fake = data;

        if (strcmp(agent, "busy") == 0)
                return diag_set(diag, -EBUSY, "agent busy takes part in activity A1");
        if (strcmp(agent, "containers") != 0)
                return diag_set(diag, -ENOENT, "there is no agent %s", agent);
        tell(fake, "%s %s\n", running ? "start" : "stop", agent);
        return 0;
}

static void take(struct fake_broker *fake, struct control_call *call, bool is_check)
{
        tell(fake, "%s\n", is_check ? "check-config" : "reload");
        if (!fake->hold) {
                control_call_done(call, 0, is_check && fake->report ? fake->report : "{}");
                return;
        }
        assert(fake->n_calls < FAKE_BROKER_CALLS_MAX);
        fake->is_check[fake->n_calls] = is_check;
        fake->calls[fake->n_calls++] = call;
}

static void fake_reload(void *data, struct control_call *take_call)
{
        take(data, take_call, false);
}

static void fake_check_config(void *data, struct control_call *take_call)
{
        take(data, take_call, true);
}

const struct control_ops fake_broker_ops = {
        .get = fake_get,
        .apply = fake_apply,
        .cancel = fake_cancel,
        .set_running = fake_set_running,
        .reload = fake_reload,
        .check_config = fake_check_config,
};

void fake_broker_release(struct fake_broker *fake)
{
        size_t i;

        fake->hold = false;
        for (i = 0; i < fake->n_calls; i++)
                control_call_done(fake->calls[i], 0,
                                  fake->is_check[i] && fake->report ? fake->report : "{}");
        fake->n_calls = 0;
}

void fake_broker_done(struct fake_broker *fake)
{
        size_t i;

        fake->control = control_free(fake->control);
        fake_broker_release(fake);
        for (i = 0; i < ARRAY_SIZE(fake->documents); i++)
                free(fake->documents[i]);
        free(fake->report);
        *fake = (struct fake_broker){ .control = NULL };
}
