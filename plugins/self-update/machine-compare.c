/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-compare - is on the medium what RAUC has written?
 *
 * RAUC checks what it reads from the bundle and believes that what it writes arrives.  A worn-out
 * flash, a bad cable or somebody with dd makes that untrue, and the boot that finds it out costs
 * the driver a restart.  So each slot that was written is read back from its device and compared
 * with the digest that RAUC keeps of the image.
 *
 * It is done twice.  In UPDATE, because that is where an update may take its time and may fail: no
 * other domain has activated anything yet, and nobody waits for the device.  And before ACTIVATE
 * marks anything, which may be days of waiting for consent later; there the reading of UPDATE still
 * counts if it was in this boot and the kernel has not counted a write to the device since, so that
 * ACTIVATE is as quick as without.  (A write behind the device's back, through the disk that it is
 * a part of, is not in that count.)
 *
 *     for each slot: a reason not to? -> read -> same?  next
 *                                             -> not:   ask RAUC of the images, if nobody has yet
 *                                                       -> a good reason?  next
 *                                                       -> none:  mark the target bad, fail
 *
 * What cannot be compared is left out with a sentence: the device cannot be opened, the image was
 * an archive, and what else stands in reading.c.  "readBack": "require" makes that a failure,
 * "off" does nothing of all this. */
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/settings.h"

enum { DIGITS = 12 /* of a digest, for people */ };
#define REPEAT_USEC UINT64_C(60000000)

static void compare_next(struct machine *m);

static const struct slot *present(const struct machine *m)
{
        return &m->survey.list[m->comparison.next];
}

/* Only the target, and what hangs on it where RAUC says that this installation wrote that, too. */
static bool was_written(const struct activity *a, const struct slot *slot)
{
        return strcmp(slot->name, a->target) == 0 ||
               (strcmp(slot->parent, a->target) == 0 && *a->transaction &&
                strcmp(slot->transaction, a->transaction) == 0);
}

/* --------------------------------------------------------------------------------------- stamps */

/* "NAME=STAMP " for each slot; NULL: it has none. */
static const char *find_stamp(const char *stamps, const char *name)
{
        size_t length = strlen(name);

        while (*stamps) {
                if (strncmp(stamps, name, length) == 0 && stamps[length] == '=')
                        return stamps + length + 1;
                stamps += strcspn(stamps, " ");
                stamps += *stamps == ' ';
        }
        return NULL;
}

static void get_stamp(const struct machine *m, const char *name, char stamp[SLOT_TEXT_MAX])
{
        const struct activity *a = &m->record.activity;
        const char *at = find_stamp(a->stamps, name);

        /* The count begins anew in each boot. */
        if (!at || !*m->boot || strcmp(a->boot, m->boot) != 0)
                at = "";
        (void)snprintf(stamp, SLOT_TEXT_MAX, "%.*s", (int)strcspn(at, " "), at);
}

/* One that does not fit is not kept, which costs a reading. */
static void put_stamp(struct machine *m, const char *name, const char *stamp)
{
        char *stamps = m->record.activity.stamps;
        char *at = (char *)find_stamp(stamps, name);
        size_t length;

        if (at) { /* an old one */
                char *begin = at - strlen(name) - 1;
                const char *end = at + strcspn(at, " ");

                end += *end == ' ';
                memmove(begin, end, strlen(end) + 1);
        }
        length = strlen(stamps);
        if (*stamp && length + strlen(name) + strlen(stamp) + 3 <= RECORD_STAMPS_MAX)
                (void)snprintf(stamps + length, RECORD_STAMPS_MAX - length, "%s=%s ", name, stamp);
}

/* -------------------------------------------------------------------------------------- the end */

static void on_marked_bad(struct machine *m, const struct event *e)
{
        struct activity *a = &m->record.activity;

        if (e->result < 0) {
                machine_log(m, UB_LOG_ERR, "slot %s is not marked bad: %s", a->target, e->text);
                m->record.repair = true;
        }
        m->comparison.bad(m, a->read_back);
}

static void fail(struct machine *m, const char *why)
{
        struct activity *a = &m->record.activity;

        RECORD_SET(a->read_back, why);
        a->stamps[0] = '\0';
        machine_log(m, UB_LOG_ERR, "%s", why);
        machine_mark(m, &m->main, "bad", a->target, on_marked_bad);
}

/* Says it once: ACTIVATE finds the same reason as UPDATE. */
static void note(struct machine *m, int level, const char *text)
{
        struct activity *a = &m->record.activity;

        if (strcmp(a->read_back, text) != 0)
                machine_log(m, level, "%s", text);
        RECORD_SET(a->read_back, text);
}

static void leave_out(struct machine *m, const char *why)
{
        const struct slot *slot = present(m);
        char text[RECORD_MESSAGE_MAX];

        (void)snprintf(text, sizeof(text), "Slot %s cannot be compared with what was written to "
                       "it: %s.", slot->name, why);
        if (m->settings->read_back == READ_BACK_REQUIRE) {
                fail(m, text);
                return;
        }
        put_stamp(m, slot->name, "");
        note(m, UB_LOG_NOTICE, text);
        m->comparison.left_out = true;
        m->comparison.next++;
        compare_next(m);
}

static void pass(struct machine *m)
{
        char text[RECORD_MESSAGE_MAX];

        (void)snprintf(text, sizeof(text), "Slot %s holds what was written to it.",
                       present(m)->name);
        if (!m->comparison.left_out) /* which is what people are told of all */
                note(m, UB_LOG_INFO, text);
        m->comparison.next++;
        compare_next(m);
}

/* ---------------------------------------------------------------------------------- the verdict */

static void judge(struct machine *m)
{
        const struct slot *slot = present(m);
        const struct reading *found = &m->comparison.found;
        const char *excuse;
        char text[RECORD_MESSAGE_MAX];

        excuse = reading_excuse(found, slot, bundle_find(&m->bundle, slot->sha256));
        if (!excuse) /* what RAUC has told of the image since */
                excuse = slot_unlike_image(slot, bundle_find(&m->bundle, slot->sha256));
        if (excuse) {
                leave_out(m, excuse);
                return;
        }
        if (found->bytes < slot->size)
                (void)snprintf(text, sizeof(text), "Slot %s does not hold what was written to it: "
                               "%s ends after %llu of %llu bytes.", slot->name, slot->device,
                               (unsigned long long)found->bytes, (unsigned long long)slot->size);
        else
                (void)snprintf(text, sizeof(text), "Slot %s does not hold what was written to it: "
                               "expected sha256 %.*s..., found %.*s... on %s.", slot->name, DIGITS,
                               slot->sha256, DIGITS, found->sha256, slot->device);
        fail(m, text);
}

static void on_inspected(struct machine *m, const struct event *e)
{
        (void)e; /* without an answer it is judged without */
        judge(m);
}

/* A former life may have asked RAUC what the bundle holds, not this one. */
static void differs(struct machine *m)
{
        if (m->inspected)
                judge(m);
        else
                machine_inspect(m, download_source(m), 0, on_inspected);
}

/* -------------------------------------------------------------------------------------- reading */

/* Whoever counts silence hears something: in UPDATE it is the tick that speaks. */
static void report(struct machine *m)
{
        m->alive_usec = m->time_usec;
        if (m->record.activity.state != STATE_ACTIVATING ||
            m->time_usec < m->posted_usec + REPEAT_USEC)
                return;
        m->posted_usec = m->time_usec;
        machine_say(m, MESSAGE_ACTIVATING, NULL, 0);
}

static void on_read(struct machine *m, const struct event *e)
{
        const struct slot *slot = present(m);
        const struct reading *found = e->reading;
        char text[RECORD_MESSAGE_MAX];

        report(m);
        if (e->kind == EVENT_READING)
                return;
        m->comparison.reading = false;
        if (e->result < 0 && (!found || !found->opened)) {
                (void)snprintf(text, sizeof(text), "%s cannot be opened: %s", slot->device,
                               e->text);
                leave_out(m, text);
        } else if (e->result < 0) {
                (void)snprintf(text, sizeof(text), "Slot %s cannot be read back: %s: %s.",
                               slot->name, slot->device, e->text);
                fail(m, text);
        } else if (found->unwritten) {
                pass(m);
        } else if (reading_is_image(found, slot)) {
                put_stamp(m, slot->name, found->stamp);
                pass(m);
        } else {
                m->comparison.found = *found;
                differs(m);
        }
}

static void read_slot(struct machine *m)
{
        const struct slot *slot = present(m);
        char stamp[SLOT_TEXT_MAX];

        if (m->record.activity.state == STATE_UPDATING && m->percent < 99) {
                m->percent = 99;
                machine_say(m, MESSAGE_INSTALLING, NULL, 99);
        }
        get_stamp(m, slot->name, stamp);
        m->comparison.reading = true;
        machine_await(m, &m->main,
                      &(struct effect){ .kind = EFFECT_READ,
                                        .a = slot->device,
                                        .b = stamp,
                                        .number = (int64_t)slot->size },
                      on_read);
}

static void compare_next(struct machine *m)
{
        struct comparison *c = &m->comparison;
        const char *reason;

        while (c->next < m->survey.n && !was_written(&m->record.activity, present(m)))
                c->next++;
        if (c->next == m->survey.n) {
                c->good(m);
                return;
        }
        reason = slot_unlike_image(present(m), bundle_find(&m->bundle, present(m)->sha256));
        if (reason)
                leave_out(m, reason);
        else
                read_slot(m);
}

void compare_begin(struct machine *m, void (*good)(struct machine *m),
                   void (*bad)(struct machine *m, const char *why))
{
        if (m->settings->read_back == READ_BACK_OFF) {
                good(m);
                return;
        }
        m->comparison = (struct comparison){ .good = good, .bad = bad };
        m->posted_usec = m->time_usec;
        compare_next(m);
}

bool compare_stop(struct machine *m)
{
        if (!m->comparison.reading)
                return false;
        m->comparison.reading = false;
        machine_rest(&m->main);
        machine_do(m, &(struct effect){ .kind = EFFECT_READ_STOP });
        return true;
}
