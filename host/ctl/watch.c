/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - the commands about an activity: apply, watch, cancel
 *
 * Signals are subscribed before anything is applied, so the first feedback is not missed; those
 * that came before the id was known wait in the connection until the loop runs.  An activity
 * outlives the daemon's process, so watching it does too: when the connection ends, it is made
 * again, and what happened in between is read from the status and the history. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/ctl/progress.h"
#include "host/json/json.h"
#include "host/model/place.h"
#include "host/model/status.h"
#include "host/util/cleanup.h"
#include "host/util/file.h"

enum { FILE_BYTES_MAX = PLACE_JSON_MAX + PLACE_ENVELOPE_MAX };

/* A daemon that has ended: how often to look whether it is back, and how long. */
#define RETRY_USEC UINT64_C(200000)
enum { RETRIES_MAX = 600 };

struct watch {
        const struct ctl *ctl;
        sd_event *event;
        sd_bus *bus;
        struct progress *progress;
        char *activity; /* NULL: all of them, without end */
        unsigned int retries; /* since the connection ended */
};

static void watch_done(struct watch *watch)
{
        watch->progress = progress_free(watch->progress);
        client_done(&watch->bus);
        (void)sd_event_unref(watch->event);
        free(watch->activity);
}

/* ------------------------------------------------------------------------------------- watching */

static int exit_status(enum status status)
{
        if (status == STATUS_COMPLETED)
                return CTL_EXIT_COMPLETED;
        if (status == STATUS_IDENTIFICATION_FAILED)
                return CTL_EXIT_IDENTIFICATION_FAILED;
        if (status == STATUS_SUPERSEDED)
                return CTL_EXIT_SUPERSEDED;
        if (status == STATUS_INCOMPLETE_INCONSISTENT)
                return CTL_EXIT_INCONSISTENT;
        return CTL_EXIT_INCOMPLETE;
}

static int show(struct watch *watch, const char *activity, const struct json *feedback)
{
        const char *word = json_get_string(json_get_member(feedback, "status"));
        enum status status = status_from_string(word);
        int r;

        if (watch->activity && strcmp(activity, watch->activity) != 0)
                return 0;
        r = progress_show(watch->progress, activity, feedback);
        if (r < 0)
                return r;
        if (watch->activity && status_is_terminal(status))
                return sd_event_exit(watch->event, exit_status(status));
        return 0;
}

static int on_feedback(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct watch *watch = data;
        CLEANUP_JSON struct json *feedback = NULL;
        const char *activity;
        const char *text;
        int r;

        (void)error;
        r = sd_bus_message_read(m, "ss", &activity, &text);
        if (r >= 0)
                r = client_parse(text, &feedback);
        if (r >= 0)
                r = show(watch, activity, feedback);
        if (r < 0)
                (void)sd_event_exit(watch->event, ctl_fail("%s", strerror(-r)));
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data);

static int retry_later(struct watch *watch)
{
        return sd_event_add_time_relative(watch->event, NULL, CLOCK_MONOTONIC, RETRY_USEC, 0,
                                          on_retry, watch);
}

static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct watch *watch = data;
        int r;

        (void)m;
        (void)error;
        (void)fprintf(stderr, "ubctl: update-brokerd has ended; waiting for it to come back\n");
        watch->retries = 0;
        r = retry_later(watch);
        if (r < 0)
                (void)sd_event_exit(watch->event, ctl_fail("%s", strerror(-r)));
        return 0;
}

static int on_resize(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
        struct watch *watch = data;

        (void)source;
        (void)info;
        progress_redraw(watch->progress);
        return 0;
}

static int prepare_loop(struct watch *watch)
{
        sigset_t set;
        int r;

        r = progress_new(watch->ctl, &watch->progress);
        if (r >= 0)
                r = sd_event_new(&watch->event);
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGWINCH);
        if (r >= 0 && sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                r = -errno;
        if (r >= 0)
                r = sd_event_add_signal(watch->event, NULL, SIGWINCH, on_resize, watch);
        return r;
}

/* Connects and subscribes.  What is wrong has been said when this fails; when quiet, that nobody
 * listens has not. */
static int subscribe(struct watch *watch, bool quiet)
{
        int r;

        r = client_connect(watch->ctl, quiet, &watch->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(watch->bus, watch->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal(watch->bus, NULL, NULL, CLIENT_PATH, CLIENT_INTERFACE,
                                        "Feedback", on_feedback, watch);
        if (r >= 0)
                r = sd_bus_match_signal(watch->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                        "org.freedesktop.DBus.Local", "Disconnected",
                                        on_disconnected, watch);
        if (r < 0) {
                (void)ctl_fail("%s", strerror(-r));
                return r;
        }
        return client_call(watch->bus, "Subscribe", NULL, NULL);
}

static int begin(struct watch *watch)
{
        int r;

        r = prepare_loop(watch);
        if (r < 0) {
                (void)ctl_fail("%s", strerror(-r));
                return r;
        }
        return subscribe(watch, false);
}

/* An entry of the history as the feedback that it was. */
static int show_end(struct watch *watch, const struct json *entry)
{
        CLEANUP_JSON struct json *feedback = json_new_object();
        const char *message = json_get_string(json_get_member(entry, "message"));
        const char *status = json_get_string(json_get_member(entry, "status"));
        int r;

        r = feedback ? json_set(feedback, "status", json_new_string(status ? status : "")) : -ENOMEM;
        if (r >= 0 && message)
                r = json_set(feedback, "message", json_new_string(message));
        if (r >= 0)
                r = show(watch, watch->activity, feedback);
        if (r < 0)
                (void)ctl_fail("%s", strerror(-r));
        return r;
}

/* Shows how the activity ended, if the daemon remembers.  -ENOENT: it does not. */
static int show_past(struct watch *watch)
{
        CLEANUP_JSON struct json *history = NULL;
        const struct json *entry;
        const char *id;
        int r;

        r = client_get(watch->bus, "History", &history);
        if (r < 0)
                return r;
        JSON_FOREACH(entry, json_get_member(history, "activities")) {
                id = json_get_string(json_get_member(entry, "activityId"));
                if (id && strcmp(id, watch->activity) == 0)
                        return show_end(watch, entry);
        }
        (void)ctl_fail("there is no activity %s; without an id, `ubctl watch` waits for any",
                       watch->activity);
        return -ENOENT;
}

/* Shows where the activity that runs is already, or how the wanted one ended.  What is wrong has
 * been said. */
static int catch_up(struct watch *watch)
{
        CLEANUP_JSON struct json *status = NULL;
        const struct json *activity;
        const struct json *feedback;
        const char *queued;
        const char *id;
        int r;

        r = client_get(watch->bus, "Status", &status);
        if (r < 0)
                return r;
        activity = json_get_member(status, "activity");
        feedback = json_get_member(activity, "feedback");
        id = json_get_string(json_get_member(activity, "activityId"));
        queued = json_get_string(json_get_member(status, "queued"));
        if (watch->activity && !(id && strcmp(id, watch->activity) == 0))
                return queued && strcmp(queued, watch->activity) == 0 ? 0 : show_past(watch);
        r = id && feedback ? show(watch, id, feedback) : 0;
        if (r < 0)
                (void)ctl_fail("%s", strerror(-r));
        return r;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
        struct watch *watch = data;
        int r;

        (void)source;
        (void)usec;
        client_done(&watch->bus);
        watch->bus = NULL;
        r = subscribe(watch, true);
        if (r == -ENOENT || r == -ECONNREFUSED) {
                if (++watch->retries < RETRIES_MAX)
                        return retry_later(watch);
                (void)ctl_fail("update-brokerd has ended; what became of the activity will be in "
                               "ubctl history when it runs again");
        }
        if (r >= 0)
                r = catch_up(watch);
        return r < 0 ? sd_event_exit(watch->event, CTL_EXIT_FAILURE) : 0;
}

static int run(struct watch *watch)
{
        int r = sd_event_loop(watch->event);

        return r < 0 ? ctl_fail("%s", strerror(-r)) : r;
}

int ctl_watch(const struct ctl *ctl)
{
        CLEANUP(watch_done) struct watch watch = { .ctl = ctl };
        int r;

        if (ctl->argc > 0) {
                watch.activity = strdup(ctl->argv[0]);
                if (!watch.activity)
                        return ctl_fail("out of memory");
        }
        r = begin(&watch);
        if (r >= 0)
                r = catch_up(&watch);
        return r < 0 ? CTL_EXIT_FAILURE : run(&watch);
}

/* ----------------------------------------------------------------------------- apply and cancel */

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
        if (r >= 0)
                r = ctl->watch ? begin(&watch) : client_connect(ctl, false, &watch.bus);
        if (r < 0)
                return CTL_EXIT_FAILURE;
        r = apply(&watch, text);
        if (r != CTL_EXIT_COMPLETED)
                return r;
        return ctl->watch ? run(&watch) : print_id(ctl, watch.activity);
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
