/* SPDX-License-Identifier: Apache-2.0
 *
 * A daemon that ends in the middle comes back and goes on, or has gone on: what it says then about
 * the activity is the outcome, whether that is still a signal to come or a line of its history. */
#include "config.h"

#include "host/ctl/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/ctl/progress.h"
#include "host/json/json.h"
#include "host/model/status.h"
#include "host/util/cleanup.h"

/* How often to look whether the daemon is back.  Its socket may be away, or there and dead. */
#define LOOK_USEC (250 * USEC_PER_MSEC)

void watch_done(struct watch *watch)
{
        watch->progress = progress_free(watch->progress);
        (void)sd_event_source_disable_unref(watch->again);
        client_done(&watch->bus);
        (void)sd_event_unref(watch->event);
        free(watch->activity);
}

/* -------------------------------------------------------------------------------------- showing */

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

static bool is_watched(const struct watch *watch, const char *id)
{
        return id && strcmp(id, watch->activity) == 0;
}

/* Will there be news of the one that is watched? */
static bool is_ahead(const struct watch *watch, const struct json *status)
{
        const struct json *activity = json_get_member(status, "activity");
        const struct json *item;

        if (is_watched(watch, json_get_string(json_get_member(activity, "activityId"))) ||
            is_watched(watch, json_get_string(json_get_member(status, "queued"))))
                return true;
        JSON_FOREACH(item, json_get_member(status, "ending"))
                if (is_watched(watch, json_get_string(item)))
                        return true;
        return false;
}

/* Where the one that is watched is, at the moment.  1: it is over. */
static int show_present(struct watch *watch)
{
        CLEANUP_JSON struct json *status = NULL;
        const struct json *activity;
        const struct json *feedback;
        const char *id;
        int r;

        r = client_get(watch->bus, "Status", &status);
        if (r < 0)
                return r;
        activity = json_get_member(status, "activity");
        feedback = json_get_member(activity, "feedback");
        id = json_get_string(json_get_member(activity, "activityId"));
        if (id && feedback)
                r = show(watch, id, feedback);
        if (r < 0 || !watch->activity)
                return r;
        return !is_ahead(watch, status);
}

/* What the history says, in the form of the feedback that was missed. */
static int show_outcome(struct watch *watch, const struct json *entry)
{
        static const char *const keys[] = { "status", "message" };
        CLEANUP_JSON struct json *feedback = json_new_object();
        size_t i;
        int r = feedback ? 0 : -ENOMEM;

        for (i = 0; i < ARRAY_SIZE(keys) && r == 0; i++) {
                const struct json *value = json_get_member(entry, keys[i]);

                if (value)
                        r = json_set(feedback, keys[i], json_copy(value));
        }
        return r < 0 ? r : show(watch, watch->activity, feedback);
}

/* What became of it in the meantime. */
static int show_past(struct watch *watch)
{
        CLEANUP_JSON struct json *history = NULL;
        const struct json *entry;
        int r;

        r = client_get(watch->bus, "History", &history);
        if (r < 0)
                return r;
        JSON_FOREACH(entry, json_get_member(history, "activities")) {
                if (is_watched(watch, json_get_string(json_get_member(entry, "activityId"))))
                        return show_outcome(watch, entry);
        }
        return sd_event_exit(watch->event, ctl_fail("there is no activity %s; without an id, `ubctl "
                                                    "watch` waits for any",
                                                    watch->activity));
}

/* --------------------------------------------------------------------------------- a daemon lost */

static int subscribe(struct watch *watch);

static int look(struct watch *watch)
{
        int r;

        r = client_connect(watch->ctl, true, &watch->bus);
        if (r >= 0)
                r = subscribe(watch);
        if (r >= 0)
                r = show_present(watch);
        if (r > 0)
                r = show_past(watch);
        if (r >= 0)
                watch->lost_usec = 0;
        return r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
        struct watch *watch = data;
        int r;

        (void)usec;
        client_done(&watch->bus);
        watch->bus = NULL;
        r = look(watch);
        if (r != -ENOENT && r != -ECONNREFUSED && !client_is_lost(r))
                return r < 0 ? sd_event_exit(watch->event, CTL_EXIT_FAILURE) : 0;
        if (time_now_usec() - watch->lost_usec > WATCH_AWAY_USEC)
                return sd_event_exit(watch->event,
                                     ctl_fail("update-brokerd does not come back; what became of "
                                              "the activity will be in ubctl history"));
        (void)sd_event_source_set_time_relative(source, LOOK_USEC); /* our own: cannot fail */
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct watch *watch = data;

        (void)m;
        (void)error;
        if (watch->lost_usec)
                return 0; /* on_again() is at it */
        (void)ctl_fail("update-brokerd has ended; waiting for it to come back");
        progress_forget(watch->progress);
        watch->lost_usec = time_now_usec();
        (void)sd_event_source_set_time(watch->again, 0); /* our own: cannot fail */
        (void)sd_event_source_set_enabled(watch->again, SD_EVENT_ONESHOT);
        return 0;
}

/* ------------------------------------------------------------------------------------- the loop */

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
        if (r >= 0)
                r = sd_event_add_time(watch->event, &watch->again, CLOCK_MONOTONIC, 0, 0, on_again,
                                      watch);
        if (r >= 0)
                r = sd_event_source_set_enabled(watch->again, SD_EVENT_OFF);
        return r;
}

static int subscribe(struct watch *watch)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

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
        r = sd_bus_call_method(watch->bus, CLIENT_NAME, CLIENT_PATH, CLIENT_INTERFACE, "Subscribe",
                               &error, NULL, "");
        /* One that has just come back may go again; that is waited for. */
        if (r < 0 && !(watch->lost_usec && client_is_lost(r)))
                (void)client_explain(&error, r);
        sd_bus_error_free(&error);
        return r;
}

int watch_begin(struct watch *watch)
{
        int r;

        r = client_connect(watch->ctl, false, &watch->bus);
        if (r < 0)
                return r;
        r = prepare_loop(watch);
        if (r < 0) {
                (void)ctl_fail("%s", strerror(-r));
                return r;
        }
        return subscribe(watch);
}

int watch_run(struct watch *watch)
{
        int r = sd_event_loop(watch->event);

        return r < 0 ? ctl_fail("%s", strerror(-r)) : r;
}

int ctl_watch(const struct ctl *ctl)
{
        CLEANUP(watch_done) struct watch watch = { .ctl = ctl };
        int r;

        r = watch_begin(&watch);
        if (r >= 0 && ctl->argc > 0) {
                watch.activity = strdup(ctl->argv[0]);
                r = watch.activity ? 0 : -ENOMEM;
        }
        if (r >= 0)
                r = show_present(&watch);
        if (r > 0)
                r = show_past(&watch);
        return r < 0 ? CTL_EXIT_FAILURE : watch_run(&watch);
}
