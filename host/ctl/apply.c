/* SPDX-License-Identifier: Apache-2.0
 *
 * apply - the commands that have the daemon do something: apply, cancel, reload
 *
 * With --watch, signals are subscribed to before anything is applied, so the first feedback is not
 * missed; those that came before the id was known wait in the connection until the loop runs. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/ctl/dry-run.h"
#include "host/ctl/watch.h"
#include "host/json/json.h"
#include "host/model/place.h"
#include "host/util/cleanup.h"
#include "host/util/file.h"

enum { FILE_BYTES_MAX = PLACE_JSON_MAX + PLACE_ENVELOPE_MAX };

/* The desired state; its faults in reading have been said. */
static int read_desired(const char *path, char **ret)
{
        bool from_stdin = strcmp(path, "-") == 0;
        CLEANUP_FREE char *text = NULL;
        size_t length = 0;
        size_t n;
        int r;

        if (from_stdin) {
                text = malloc(FILE_BYTES_MAX + 2);
                if (!text)
                        return -ENOMEM;
                n = fread(text, 1, FILE_BYTES_MAX + 1, stdin);
                text[n] = '\0';
                length = n;
                r = ferror(stdin) ? -EIO : n > FILE_BYTES_MAX ? -E2BIG : 0;
        } else {
                r = file_read_at(AT_FDCWD, path, FILE_BYTES_MAX, &text, &length);
        }
        if (r >= 0 && strlen(text) != length)
                r = -EBADMSG;
        if (r == -EBADMSG)
                (void)ctl_fail("%s: it has NUL bytes", path);
        else if (r == -E2BIG)
                (void)ctl_fail("%s: a desired state has at most %d bytes", path, FILE_BYTES_MAX);
        else if (r < 0)
                (void)ctl_fail("%s: %s", path, strerror(-r));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

/* Returns an exit status. */
static int apply(struct watch *watch, const char *text)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *id = NULL;
        const char *wanted = watch->ctl->activity;
        int result = CTL_EXIT_COMPLETED;
        int r;

        if (wanted)
                r = sd_bus_call_method(watch->bus, CLIENT_NAME, CLIENT_PATH, CLIENT_INTERFACE,
                                       "Apply", &error, &reply, "sa{sv}", text, 1, "activityId",
                                       "s", wanted);
        else
                r = sd_bus_call_method(watch->bus, CLIENT_NAME, CLIENT_PATH, CLIENT_INTERFACE,
                                       "Apply", &error, &reply, "sa{sv}", text, 0);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &id);
        if (r >= 0) {
                watch->activity = strdup(id);
                r = watch->activity ? 0 : -ENOMEM;
        }
        if (r < 0)
                result = client_explain(&error, r);
        sd_bus_error_free(&error);
        (void)sd_bus_message_unref(reply);
        return result;
}

static int print_id(const struct ctl *ctl, const char *id)
{
        CLEANUP_JSON struct json *answer = NULL;
        CLEANUP_FREE char *text = NULL;
        int r;

        if (!ctl->json) {
                (void)puts(id);
                return CTL_EXIT_COMPLETED;
        }
        answer = json_new_object();
        r = answer ? json_set(answer, "activityId", json_new_string(id)) : -ENOMEM;
        if (r == 0)
                r = json_print(answer, JSON_LAYOUT_COMPACT, &text);
        if (r < 0)
                return ctl_fail("%s", strerror(-r));
        (void)puts(text);
        return CTL_EXIT_COMPLETED;
}

int ctl_apply(const struct ctl *ctl)
{
        CLEANUP(watch_done) struct watch watch = { .ctl = ctl };
        CLEANUP_FREE char *text = NULL;
        int r;

        r = read_desired(ctl->argv[0], &text);
        if (r >= 0 && ctl->dry_run)
                return dry_run(ctl, text);
        if (r >= 0)
                r = ctl->watch ? watch_begin(&watch) : client_connect(ctl, false, &watch.bus);
        if (r < 0)
                return CTL_EXIT_FAILURE;
        r = apply(&watch, text);
        if (r != CTL_EXIT_COMPLETED)
                return r;
        return ctl->watch ? watch_run(&watch) : print_id(ctl, watch.activity);
}

int ctl_cancel(const struct ctl *ctl)
{
        CLEANUP_CLIENT sd_bus *bus = NULL;
        CLEANUP_FREE char *id = NULL;
        int r;

        r = client_connect(ctl, false, &bus);
        if (r >= 0)
                r = client_call(bus, "Cancel", ctl->argc > 0 ? ctl->argv[0] : "", &id);
        return r < 0 ? CTL_EXIT_FAILURE : print_id(ctl, id);
}

int ctl_reload(const struct ctl *ctl)
{
        CLEANUP_CLIENT sd_bus *bus = NULL;
        int r;

        r = client_connect(ctl, false, &bus);
        if (r >= 0)
                r = client_call(bus, "Reload", NULL, NULL);
        return r < 0 ? CTL_EXIT_FAILURE : CTL_EXIT_COMPLETED;
}
