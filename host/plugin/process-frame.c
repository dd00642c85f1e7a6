/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes out of an isolated plugin's process, frame by frame.
 *
 * Three things stand between a frame and the broker: the budget of bytes per second, the gate (are
 * the values what this role may say?), and the handler's own look at the state (is it the time for
 * it?).  ub-agent-host has made the same checks before it sent the frame; so one that fails at the
 * second or third means that its memory is not in order, and the process is killed, not corrected.
 *
 * A handler calls the broker at most once, and touches nothing of the instance after it but what
 * process_leave() keeps alive. */
#include <errno.h>
#include <string.h>

#include "host/plugin/process-internal.h"
#include "host/util/time.h"

enum {
        BUDGET_BYTES = 8 * 1024 * 1024, /* per second: see process.c */
        FRAME_COST_BYTES = 4096,        /* what a frame costs us beside its length */
};

static int on_started(struct process *p, const struct frame *frame)
{
        int r = (int)(int64_t)frame->number[0];

        if (r > 0 || !watchdog_answered(&p->watchdog, INSTANCE_CALL_START, ""))
                return -EBADMSG;
        if (r < 0) {
                (void)diag_set(&p->verdict, r, "%s", frame->text[0]);
                process_fail(p, r);
                return 0;
        }
        p->state = PROCESS_STATE_RUNNING;
        p->events->started(p->data, 0, frame->text[0]);
        if (p->stop_wanted && p->state == PROCESS_STATE_RUNNING)
                process_send_stop(p);
        return 0;
}

static int on_stopped(struct process *p, const struct frame *frame)
{
        (void)frame;

        if (p->state != PROCESS_STATE_STOPPING)
                return -EBADMSG;
        p->state = PROCESS_STATE_LEAVING;
        watchdog_clear(&p->watchdog);
        p->channel = channel_free(p->channel); /* at whose end it exits */
        process_await_end(p);
        return 0;
}

static int on_died(struct process *p, const struct frame *frame)
{
        process_die(p, "%s", frame->text[0]);
        return 0;
}

static void take_stats(struct process *p, const uint64_t *numbers)
{
        p->stats.calls = numbers[0];
        p->stats.call_usec = numbers[1];
        p->stats.call_usec_max = numbers[2];
}

static int on_answered(struct process *p, const struct frame *frame)
{
        enum instance_call call = (enum instance_call)frame->number[0];

        if (!watchdog_answered(&p->watchdog, call, frame->text[0]))
                return -EBADMSG;
        take_stats(p, &frame->number[2]);
        p->events->answered(p->data, call, frame->text[0], (int)(int64_t)frame->number[1]);
        return 0;
}

static int on_stats(struct process *p, const struct frame *frame)
{
        if (!watchdog_answered(&p->watchdog, INSTANCE_CALL_CALLBACK, ""))
                return -EBADMSG;
        take_stats(p, frame->number);
        /* The next ping, if nothing else is asked until then. */
        if (p->activity[0])
                (void)watchdog_look(&p->watchdog, p->hang_usec / 2); /* failed: at a request */
        return 0;
}

static int on_misbehaved(struct process *p, const struct frame *frame)
{
        p->stats.faults[frame->number[0]]++;
        p->events->misbehaved(p->data, (enum instance_fault)frame->number[0], frame->text[0]);
        return 0;
}

static int on_log(struct process *p, const struct frame *frame)
{
        p->events->log(p->data, (int)frame->number[0], frame->text[0],
                       (int)(int64_t)frame->number[1], frame->text[1], frame->text[2]);
        return 0;
}

static int on_current_state(struct process *p, const struct frame *frame)
{
        p->events->current_state(p->data, frame->text[0], frame->text[1]);
        return 0;
}

/* An activity may have ended here while the last word on it was under way: that is nobody's
 * fault.  While none runs, the owner knows what to do with a word on one of an earlier life. */
static int on_feedback(struct process *p, const struct frame *frame)
{
        if (!p->activity[0] || strcmp(p->activity, frame->text[0]) == 0)
                p->events->feedback(p->data, frame->text[0], frame->text[1]);
        return 0;
}

static int on_reboot_request(struct process *p, const struct frame *frame)
{
        bool outside = frame->text[0][0] == '\0';

        if (outside || (p->activity[0] && strcmp(p->activity, frame->text[0]) == 0))
                p->events->reboot_request(p->data, frame->text[0], frame->text[1]);
        return 0;
}

static int on_state_put(struct process *p, const struct frame *frame)
{
        p->events->state_put(p->data, frame->text[0], frame->blob, frame->blob_length);
        return 0;
}

static int on_state_sync(struct process *p, const struct frame *frame)
{
        p->events->state_sync(p->data, frame->number[0]);
        return 0;
}

static int on_mqtt_publish(struct process *p, const struct frame *frame)
{
        p->events->mqtt_publish(p->data, frame->number[0], frame->text[0], frame->blob,
                                frame->blob_length, (uint32_t)frame->number[1],
                                (uint32_t)frame->number[2]);
        return 0;
}

static int on_mqtt_subscribe(struct process *p, const struct frame *frame)
{
        p->events->mqtt_subscribe(p->data, frame->number[0], frame->text[0],
                                  (uint32_t)frame->number[1]);
        return 0;
}

static int on_mqtt_unsubscribe(struct process *p, const struct frame *frame)
{
        p->events->mqtt_unsubscribe(p->data, frame->number[0]);
        return 0;
}

static int on_orchestrator(struct process *p, const struct frame *frame)
{
        p->events->orchestrator(p->data, (enum instance_request)frame->number[0], frame->text[0],
                                frame->text[1]);
        return 0;
}

/* -EBADMSG: at the wrong time. */
static int (*const frame_handlers[FRAME_TYPE_COUNT])(struct process *p,
                                                     const struct frame *frame) = {
        [FRAME_STARTED] = on_started,
        [FRAME_STOPPED] = on_stopped,
        [FRAME_DIED] = on_died,
        [FRAME_ANSWERED] = on_answered,
        [FRAME_STATS] = on_stats,
        [FRAME_MISBEHAVED] = on_misbehaved,
        [FRAME_LOG] = on_log,
        [FRAME_CURRENT_STATE] = on_current_state,
        [FRAME_FEEDBACK] = on_feedback,
        [FRAME_REBOOT_REQUEST] = on_reboot_request,
        [FRAME_STATE_PUT] = on_state_put,
        [FRAME_STATE_SYNC] = on_state_sync,
        [FRAME_MQTT_PUBLISH] = on_mqtt_publish,
        [FRAME_MQTT_SUBSCRIBE] = on_mqtt_subscribe,
        [FRAME_MQTT_UNSUBSCRIBE] = on_mqtt_unsubscribe,
        [FRAME_ORCHESTRATOR] = on_orchestrator,
};

static uint64_t now_usec(struct process *p)
{
        uint64_t usec = 0;

        (void)sd_event_now(p->event, CLOCK_MONOTONIC, &usec); /* cannot fail with this clock */
        return usec;
}

static int on_budget_timer(sd_event_source *source, uint64_t usec, void *data)
{
        struct process *p = data;

        (void)source;
        (void)usec;

        if (p->channel)
                channel_pause(p->channel, false);
        return 0;
}

/* Counts what a frame costs us, and stops reading when that is too much. */
static void charge(struct process *p, const struct frame *frame)
{
        uint64_t now = now_usec(p);
        size_t bytes;
        int r = 0;

        if (now - p->budget_begin_usec >= USEC_PER_SEC) {
                p->budget_begin_usec = now;
                p->budget_used = 0;
        }
        /* Answers are as many as we have asked for. */
        if (frame->type == FRAME_ANSWERED || frame->type == FRAME_STATS ||
            frame_size(frame, &bytes) < 0)
                return;
        p->budget_used += FRAME_COST_BYTES + bytes;
        if (p->budget_used < BUDGET_BYTES)
                return;
        channel_pause(p->channel, true);
        p->budget_timer = sd_event_source_disable_unref(p->budget_timer);
        r = sd_event_add_time(p->event, &p->budget_timer, CLOCK_MONOTONIC,
                              p->budget_begin_usec + USEC_PER_SEC, 0, on_budget_timer, p);
        if (r < 0)
                process_die(p, "says more than can be read");
}

void process_on_frame(void *data, const struct frame *frame)
{
        struct process *p = data;
        struct diag diag = DIAG_INIT;

        process_enter(p);
        charge(p, frame);
        if (p->state >= PROCESS_STATE_LEAVING)
                ; /* too late for anything */
        else if (gate_check(&p->gate, frame, &diag) < 0)
                process_die(p, "broke the frame protocol: %s", diag.text);
        else if (frame_handlers[frame->type](p, frame) < 0)
                process_die(p, "broke the frame protocol: %s out of turn",
                            frame_type_to_string(frame->type));
        process_leave(p);
}
