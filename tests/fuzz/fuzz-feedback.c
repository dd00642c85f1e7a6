/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-feedback - feedback: an action that is read is written and read again the same */
#include <stdint.h>
#include <string.h>

#include "host/model/feedback.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json *parse(const char *text, size_t length)
{
        static const struct scan_rules rules = { .max_bytes = 1 << 20, .max_depth = 64 };
        struct json *json = NULL;

        return json_parse(text, length, &rules, NULL, NULL, &json) < 0 ? NULL : json;
}

static void again(const struct action *action)
{
        struct action copy = { .id = NULL };
        struct json *json = NULL;

        CHECK(action_write(action, &json) == 0);
        CHECK(action_read(json, &copy) == 0);
        CHECK(strcmp(action->id, copy.id) == 0 && strcmp(action->version, copy.version) == 0);
        CHECK(strcmp(action->status, copy.status) == 0);
        CHECK(strcmp(action->message, copy.message) == 0 && action->progress == copy.progress);
        action_done(&copy);
        (void)json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct json *json = parse((const char *)data, size);
        struct feedback *f = NULL;
        struct diag diag = DIAG_INIT;
        size_t i;

        if (!json)
                return 0;
        if (feedback_read(json, &diag, &f) < 0)
                CHECK(diag.text[0] && !f);
        for (i = 0; f && i < f->n_actions; i++)
                again(&f->actions[i]);
        (void)feedback_free(f);
        (void)json_free(json);
        return 0;
}
