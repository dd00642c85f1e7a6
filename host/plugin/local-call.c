/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling the plugin: what stands around each call, and the calls that queued work leads to.
 *
 * A call is measured and marked.  The breadcrumb is what is left to read when the plugin crashes in
 * it; the time shows who blocks the loop, on which everybody else waits. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/plugin/local-internal.h"
#include "host/util/diag.h"
#include "host/util/time.h"

/* ----------------------------------------------------------------------------- calls and faults */

void local_fault(struct local *local, enum instance_fault fault, const char *format, ...)
{
        char text[DIAG_MAX];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap); /* cut, where a topic is very long */
        va_end(ap);
        local->stats.faults[fault]++;
        LOCAL_EMIT(local, misbehaved, fault, text);
}

/* Not CLOCK_BOOTTIME: a device that goes to sleep in the middle of a call is not the plugin's
 * fault. */
static uint64_t now_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

void local_enter(struct local *local, const char *what)
{
        assert(!local->calling);
        local_pin(local);
        local->calling = what;
        local->call_began_usec = now_usec();
        breadcrumb_enter(local->breadcrumb, &local->mark, what);
}

void local_leave(struct local *local)
{
        uint64_t usec = now_usec() - local->call_began_usec;
        const char *what = local->calling;

        breadcrumb_leave(local->breadcrumb);
        local->calling = NULL;
        local->stats.calls++;
        local->stats.call_usec += usec;
        if (usec > local->stats.call_usec_max)
                local->stats.call_usec_max = usec;
        if (usec > INSTANCE_CALL_BUDGET_USEC)
                local_fault(local, INSTANCE_FAULT_SLOW, "%s took %u ms", what,
                            (unsigned)(usec / USEC_PER_MSEC));
        local_unpin(local);
}

void local_enter_call(struct local *local, enum instance_call call)
{
        local_enter(local, instance_call_to_string(call));
}

/* ------------------------------------------------------------------------------------- requests */

/* The settings in force are the new ones already while reload() runs, so that setting() finds
 * them. */
static int call_reload(struct local *local, const struct work *work)
{
        char *old = local->settings;
        char *settings;
        int r;

        if (!local->plugin->life.reload)
                return -ENOTSUP;
        if (local->dialog.runs)
                return -EBUSY;
        settings = strdup(work->text);
        if (!settings)
                return -ENOMEM;
        local->settings = settings;
        local_enter_call(local, work->call);
        r = local->plugin->life.reload(local->self, settings);
        local_leave(local);
        if (r < 0) {
                local->settings = old;
                old = settings;
        }
        free(old);
        return r;
}

static int call_current_state_get(struct local *local, const struct work *work)
{
        int r;

        inquiry_ask(&local->inquiry, work->activity);
        local_enter_call(local, work->call);
        r = local->plugin->agent.current_state_get(local->self, work->activity);
        local_leave(local);
        if (r < 0 && work->activity[0] && !inquiry_refuse(&local->inquiry, work->activity))
                local_fault(local, INSTANCE_FAULT_TWICE,
                            "current_state_get answered and then failed");
        return r;
}

/* The requests about an activity.  The book is written before the call, because the plugin may
 * answer from inside of it; a call that fails is taken out again. */
static int call_activity(struct local *local, const struct work *work)
{
        const struct ub_agent *agent = &local->plugin->agent;
        struct dialog before = local->dialog;
        int r = 0;

        if (work->call == INSTANCE_CALL_DESIRED_STATE)
                dialog_begin(&local->dialog, work->activity);
        else if (work->call == INSTANCE_CALL_FEEDBACK_GET)
                dialog_ask(&local->dialog, work->activity);
        else
                r = dialog_command(&local->dialog, work->activity, work->text, work->command);
        if (r < 0)
                return r;

        local_enter_call(local, work->call);
        if (work->call == INSTANCE_CALL_DESIRED_STATE)
                r = agent->desired_state(local->self, work->activity, work->text);
        else if (work->call == INSTANCE_CALL_FEEDBACK_GET)
                r = agent->feedback_get(local->self, work->activity);
        else
                r = agent->command(local->self, work->activity, work->text, work->command);
        local_leave(local);
        if (r >= 0)
                return r;

        if (local->dialog.answers != before.answers)
                local_fault(local, INSTANCE_FAULT_TWICE, "%s answered and then failed",
                            instance_call_to_string(work->call));
        else
                local->dialog = before;
        return r;
}

static int call_cancel(struct local *local, const struct work *work)
{
        int r;

        local_enter_call(local, work->call);
        r = local->plugin->agent.cancel(local->self, work->activity);
        local_leave(local);
        return r;
}

static int call_connector(struct local *local, const struct work *work,
                          int (*slot)(void *self, const char *activity, const char *json))
{
        int r;

        local_enter_call(local, work->call);
        r = slot(local->self, work->activity, work->text);
        local_leave(local);
        return r;
}

static int call_plugin(struct local *local, const struct work *work)
{
        const struct plugin *plugin = local->plugin;

        switch (work->call) {
        case INSTANCE_CALL_RELOAD:
                return call_reload(local, work);
        case INSTANCE_CALL_CURRENT_STATE_GET:
                return call_current_state_get(local, work);
        case INSTANCE_CALL_DESIRED_STATE:
        case INSTANCE_CALL_COMMAND:
                return call_activity(local, work);
        case INSTANCE_CALL_FEEDBACK_GET:
                return plugin->agent.feedback_get ? call_activity(local, work) : -ENOTSUP;
        case INSTANCE_CALL_CANCEL:
                return plugin->agent.cancel ? call_cancel(local, work) : -ENOTSUP;
        case INSTANCE_CALL_CONNECTOR_FEEDBACK:
                return call_connector(local, work, plugin->connector.feedback);
        case INSTANCE_CALL_CONNECTOR_CURRENT_STATE:
                return call_connector(local, work, plugin->connector.current_state);
        case INSTANCE_CALL_CONNECTOR_OWNER_CONSENT:
                return plugin->connector.owner_consent
                               ? call_connector(local, work, plugin->connector.owner_consent)
                               : -ENOTSUP;
        case INSTANCE_CALL_CREATE:
        case INSTANCE_CALL_START:
        case INSTANCE_CALL_STOP:
        case INSTANCE_CALL_DESTROY:
        case INSTANCE_CALL_WOKEN:
        case INSTANCE_CALL_CALLBACK:
                break; /* no requests */
        }
        return -EINVAL;
}

void local_run_request(struct local *local, const struct work *work)
{
        int r = call_plugin(local, work);

        LOCAL_EMIT(local, answered, work->call, work->activity, r < 0 ? r : 0);
}

/* ------------------------------------------------------------------------------------ callbacks */

void local_run_done(struct local *local, struct pending *pending, const struct work *work,
                    const char *what)
{
        ub_done_fn done;
        void *data;

        if (pending_take(pending, work->number, &done, &data) < 0)
                return; /* answered twice, by our own side */
        local_enter(local, what);
        done(data, work->result);
        local_leave(local);
}

void local_run_message(struct local *local, const struct work *work)
{
        for (size_t i = 0; i < LOCAL_SUBSCRIPTIONS_MAX; i++) {
                struct local_subscription subscription = local->subscriptions[i];

                if (subscription.id == 0 || subscription.id != work->number)
                        continue;
                local_enter(local, "message");
                subscription.fn(subscription.data, work->text, work->bytes, work->length,
                                work->flags);
                local_leave(local);
                return;
        }
        /* It was on its way when the plugin unsubscribed. */
}

void local_run_connected(struct local *local)
{
        if (!local->watch)
                return;
        local_enter(local, "connection watch");
        local->watch(local->watch_data, local->connected);
        local_leave(local);
}
