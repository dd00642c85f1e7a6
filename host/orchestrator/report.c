/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said upward: composing feedback, and how often.
 *
 * IDENTIFYING, IDENTIFIED and the terminal word are said at once.  RUNNING, which carries the
 * progress of all components, is throttled, since agents may report each percent and a device may
 * be behind a slow line: see struct throttle.  The terminal word goes through the outgoing list,
 * and into the history, in one record with the end of the activity. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/feedback.h"
#include "host/orchestrator/state.h"

static struct json *all_actions(const struct activity *a)
{
        CLEANUP_JSON struct json *array = json_new_array();
        size_t i;

        for (i = 0; array && a && i < a->n_domains; i++)
                if (actions_write(&a->domains[i].actions, true, array) < 0)
                        return NULL;
        return TAKE_PTR(array);
}

/* One that is too long to be sent says at least how it stands. */
static char *compose(struct orchestrator *o, enum status status, const char *message,
                     const struct activity *a)
{
        char *text = NULL;

        orchestrator_check(o, feedback_write(status, message, a ? all_actions(a) : NULL, &text));
        if (!text || strlen(text) <= ORCHESTRATOR_FEEDBACK_MAX)
                return text;
        orchestrator_log(o, 4, NULL, "feedback of %zu bytes is sent without its actions",
                         strlen(text));
        free(text);
        text = NULL;
        orchestrator_check(o, feedback_write(status, message, NULL, &text));
        return text;
}

void report_status(struct orchestrator *o, enum status status, const char *message)
{
        const struct effect effect = { .kind = EFFECT_FEEDBACK, .activity = o->activity->id };

        orchestrator_flush(o);
        effects_add_text(o->effects, &effect, compose(o, status, message, o->activity));
}

/* ------------------------------------------------------------------------------------- throttle */

static void send_running(struct orchestrator *o)
{
        o->throttle.changed = false;
        report_status(o, STATUS_RUNNING, NULL);
        orchestrator_arm(o, TIMER_REPORT, 0, o->config.report_interval_usec, &o->throttle.timer);
}

void report_running(struct orchestrator *o, bool changed)
{
        if (o->config.report_interval_usec == 0 || !changed || !o->activity->identified)
                return;
        if (o->throttle.timer)
                o->throttle.changed = true;
        else
                send_running(o);
}

void report_timer(struct orchestrator *o)
{
        o->throttle.timer = 0;
        if (o->throttle.changed && o->activity)
                send_running(o);
}

void report_close(struct orchestrator *o)
{
        o->throttle.changed = false;
        orchestrator_disarm(o, TIMER_REPORT, 0, &o->throttle.timer);
}

/* ---------------------------------------------------------------------------- terminal feedback */

void report_terminal(struct orchestrator *o, const char *activity, enum status status,
                     const char *message, bool with_actions)
{
        CLEANUP_FREE char *text = compose(o, status, message, with_actions ? o->activity : NULL);

        outgoing_add(o, activity, text);
        orchestrator_check(o, history_add(&o->history, activity, status, message));
        o->dirty = true;
        orchestrator_log(o, 5, NULL, "activity %s: %s%s%s", activity, status_to_string(status),
                         message && *message ? ": " : "", message ? message : "");
}

void report_again(struct orchestrator *o, const struct result *result)
{
        const struct effect effect = { .kind = EFFECT_FEEDBACK, .activity = result->activity };

        effects_add_text(o->effects, &effect, compose(o, result->status, result->message, NULL));
}
