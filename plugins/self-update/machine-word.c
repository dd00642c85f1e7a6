/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-word - what is said about an activity, and kept of it
 *
 * The last word on the activity of the record is part of the record: whoever asks after a death
 * hears it again.  Words go out only when the host has spoken of the activity in this life; an
 * activity that nobody asked for talks to itself instead, and goes on by what it hears. */
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/settings.h"

/* The next command goes where those of the host wait for their turn. */
void machine_drive_local(struct machine *m)
{
        static const int32_t commands[STATE_COUNT] = {
                [STATE_IDENTIFIED] = UB_CMD_DOWNLOAD,  [STATE_DOWNLOADING] = UB_CMD_DOWNLOAD,
                [STATE_DOWNLOADED] = UB_CMD_UPDATE,    [STATE_UPDATED] = UB_CMD_ACTIVATE,
                [STATE_ACTIVATING] = UB_CMD_ACTIVATE,  [STATE_ACTIVATED] = UB_CMD_CLEANUP,
                [STATE_FAILED] = UB_CMD_CLEANUP,
        };
        const struct activity *a = &m->record.activity;
        int32_t command = commands[a->state];

        if (!a->local || !command || m->n_held == MACHINE_HELD_MAX)
                return;
        m->held[m->n_held] = (struct held){ .kind = EVENT_COMMAND, .command = command };
        RECORD_SET(m->held[m->n_held].activity, a->id);
        m->n_held++;
}

/* Does this word end a step, so that an activity that drives itself goes on? */
static bool ends_step(enum message_kind kind)
{
        return kind == MESSAGE_IDENTIFIED || kind == MESSAGE_DOWNLOADED ||
               kind == MESSAGE_INSTALLED || kind == MESSAGE_ACTIVATED ||
               kind == MESSAGE_DOWNLOAD_FAILED || kind == MESSAGE_INSTALL_FAILED ||
               kind == MESSAGE_REJECTED || kind == MESSAGE_ACTIVATION_FAILED;
}

static void send(struct machine *m, const char *activity, const char *payload)
{
        machine_do(m, &(struct effect){ .kind = EFFECT_FEEDBACK,
                                        .a = activity,
                                        .b = payload });
}

static char *render(struct machine *m, const struct message *message)
{
        char *payload = NULL;

        if (message_write(message, m->domain, m->settings, &payload) < 0)
                m->effects.failed = true;
        return payload;
}

/* Renders a word on the activity of the record, and makes it the last one. */
static void set_last(struct machine *m, const struct message *message)
{
        char *payload = render(m, message);

        if (!payload)
                return;
        free(m->record.activity.last);
        m->record.activity.last = payload;
}

static void send_last(struct machine *m, enum message_kind kind)
{
        const struct activity *a = &m->record.activity;

        if (a->local) {
                machine_log(m, UB_LOG_NOTICE, "local update: %s", a->last ? a->last : "");
                if (ends_step(kind))
                        machine_drive_local(m);
                if (kind == MESSAGE_ACTIVATED && m->settings->watch.reboot)
                        boot_leave(m, m->settings->reboot_after_usec);
        } else if (m->known && a->last) {
                send(m, a->id, a->last);
        }
}

void machine_say(struct machine *m, enum message_kind kind, const char *text, int progress)
{
        const struct message message = { .kind = kind,
                                         .version = m->record.activity.request.version,
                                         .text = text,
                                         .progress = progress };

        set_last(m, &message);
        send_last(m, kind);
}

void machine_say_kept(struct machine *m, enum message_kind kind)
{
        const struct activity *a = &m->record.activity;
        const struct message message = { .kind = kind,
                                         .version = a->request.version,
                                         .text = a->kept_message,
                                         .word = a->kept_status };

        set_last(m, &message);
        send_last(m, kind);
}

void machine_say_to(struct machine *m, const char *activity, enum message_kind kind,
                    const char *version, const char *text)
{
        const struct message message = {
                .kind = kind,
                .version = version,
                .text = text,
                .word = kind == MESSAGE_INCOMPLETE ? UB_UPDATE_FAILURE : NULL,
                .progress = kind == MESSAGE_LATE_COMPLETED ? 100 : 0,
        };
        char *payload = render(m, &message);

        if (payload && ((m->wanted_local && strcmp(activity, m->wanted_id) == 0) ||
                        (m->record.activity.local &&
                         strcmp(activity, m->record.activity.id) == 0)))
                machine_log(m, UB_LOG_NOTICE, "local update: %s", payload);
        else if (payload)
                send(m, activity, payload);
        free(payload);
}

void machine_repeat(struct machine *m)
{
        if (m->record.activity.last && m->known)
                send(m, m->record.activity.id, m->record.activity.last);
}

/* The word becomes the last one before the record is stored, and goes out behind that: after a
 * death in between it is repeated, and never has to be taken back. */
void machine_conclude(struct machine *m, enum state state, enum message_kind kind,
                      const char *text, int progress)
{
        const struct message message = { .kind = kind,
                                         .version = m->record.activity.request.version,
                                         .text = text,
                                         .progress = progress };

        figures_end(m, kind);
        m->record.activity.state = state;
        m->percent = -1;
        m->waiting = false;
        set_last(m, &message);
        machine_store(m);
        send_last(m, kind);
}

void machine_keep(struct machine *m, const char *status, const char *message)
{
        RECORD_SET(m->record.activity.kept_status, status);
        RECORD_SET(m->record.activity.kept_message, message);
}

void machine_fail(struct machine *m, enum message_kind kind, const char *text, const char *kept)
{
        int progress = m->percent > 0 && kind != MESSAGE_REJECTED ? m->percent : 0;

        machine_rest(&m->main);
        machine_keep(m, kind == MESSAGE_DOWNLOAD_FAILED ? UB_DOWNLOAD_FAILURE : UB_UPDATE_FAILURE,
                     kept ? kept : text);
        machine_remember(m, "failed", text);
        machine_conclude(m, STATE_FAILED, kind, text, progress);
}

void machine_remember(struct machine *m, const char *result, const char *message)
{
        const struct activity *a = &m->record.activity;
        struct outcome outcome = { .time_sec = m->wall_sec > 0 ? (uint64_t)m->wall_sec : 0 };

        RECORD_SET(outcome.id, a->id);
        RECORD_SET(outcome.version, a->request.version);
        RECORD_SET(outcome.from, a->from);
        RECORD_SET(outcome.result, result);
        RECORD_SET(outcome.message, message);
        record_remember(&m->record, &outcome);
}
