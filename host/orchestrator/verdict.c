/* SPDX-License-Identifier: Apache-2.0
 *
 * The words for the end.
 *
 * The status is the worst that is true of any unit: INCONSISTENT outweighs the reason for which the
 * activity was ended early, because somebody has to look after that device, whoever cancelled what.
 *
 * The text begins as Kanto's does, and behind that names each domain or baseline with the first thing
 * that went wrong in it: what follows on it is consequence. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/orchestrator/state.h"

enum { REASONS_MAX = 4096 };

/* The words of Kanto's update manager, kept because people and programs know them. */
#define TEXT_INCOMPLETED "the update process is incompleted"
#define TEXT_WAITED "failed to wait for command '%s' signal: %s"

int verdict_waited(enum phase phase, const char *cause, char **ret_text)
{
        enum step awaited = phase_awaited(phase);
        char *text;

        if (awaited == STEP_NONE ? asprintf(&text, "%s", cause) < 0
                                 : asprintf(&text, TEXT_WAITED, step_to_string(awaited), cause) < 0)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

/* ----------------------------------------------------------------------------------------- reasons
 * "[containers]: image not found; [self-update]: not received in 4s": one per domain and baseline
 * that gave one.  A member that only followed its baseline has none. */

struct list {
        char text[REASONS_MAX];
        size_t length;
        size_t n;
        bool only_silence;
        const char *first; /* the bare text of the first one */
};

static void list_add(struct list *list, const char *name, const struct reason *reason,
                     const char *more)
{
        size_t left = sizeof(list->text) - list->length;
        int n;

        if (!reason->text)
                return;
        if (list->n == 0)
                list->first = reason->text;
        list->n++;
        list->only_silence &= reason->silence;
        n = snprintf(list->text + list->length, left, "%s[%s]: %s%s", list->length ? "; " : "",
                     name, more, reason->text);
        if ((size_t)n < left)
                list->length += (size_t)n;
        else /* full: what did not fit as a whole is left away */
                list->text[list->length] = '\0';
}

static void list_reasons(const struct activity *a, struct list *list)
{
        const char *last;
        size_t i;
        size_t k;

        *list = (struct list){ .only_silence = true };
        for (i = 0; i < a->n_groups; i++)
                list_add(list, a->desired->baselines[i].title, &a->groups[i].reason, "");
        for (i = 0; i < a->n_domains; i++) {
                const struct domain *d = &a->domains[i];

                for (last = NULL, k = 0; k < d->n_units; k++) {
                        const struct unit *u = &d->units[k];
                        const char *more = "";

                        if (u->state == UNIT_INCONSISTENT)
                                more = "neither old nor new: ";
                        /* The units of a domain mostly fail of one cause. */
                        if (last && u->reason.text && strcmp(last, u->reason.text) == 0)
                                continue;
                        list_add(list, d->desired->id, &u->reason, more);
                        last = u->reason.text ? u->reason.text : last;
                }
        }
}

/* -------------------------------------------------------------------------------------- verdict */

static bool any_in(const struct activity *a, enum unit_state state)
{
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++)
                        if (a->domains[i].units[k].state == state)
                                return true;
        return false;
}

static enum status find_status(const struct orchestrator *o)
{
        const struct activity *a = o->activity;
        size_t i;
        size_t k;

        if (any_in(a, UNIT_INCONSISTENT))
                return STATUS_INCOMPLETE_INCONSISTENT;
        if (a->abandoned)
                return a->verdict;
        for (i = 0; i < a->n_domains; i++) {
                const struct domain *d = &a->domains[i];

                if (!d->known && o->config.ignore_unknown_domains)
                        continue;
                for (k = 0; k < d->n_units; k++)
                        if (unit_has_failed(d->units[k].state))
                                return STATUS_INCOMPLETE;
        }
        return STATUS_COMPLETED;
}

/* INCOMPLETE after the phase that nobody got beyond; after the last phase without the command. */
static int incomplete_text(const struct activity *a, const struct list *reasons, char **ret)
{
        enum phase phase = a->stuck == PHASE_COUNT ? PHASE_END : a->stuck;
        CLEANUP_FREE char *cause = NULL;
        int r;

        if (reasons->n && reasons->only_silence && phase != PHASE_END)
                r = asprintf(&cause, "%s", reasons->first);
        else
                r = asprintf(&cause, TEXT_INCOMPLETED "%s%s", reasons->n ? ": " : "",
                             reasons->text);
        if (r < 0) {
                cause = NULL; /* asprintf(3) leaves it undefined */
                return -ENOMEM;
        }
        return verdict_waited(phase, cause, ret);
}

static int find_text(const struct activity *a, enum status status, char **ret)
{
        struct list reasons;
        char *text;

        list_reasons(a, &reasons);
        if (a->abandoned && a->verdict_text) {
                if (asprintf(&text, "%s%s%s", a->verdict_text,
                             status == STATUS_INCOMPLETE_INCONSISTENT && reasons.n ? ": " : "",
                             status == STATUS_INCOMPLETE_INCONSISTENT ? reasons.text : "") < 0)
                        return -ENOMEM;
                *ret = text;
                return 0;
        }
        if (status == STATUS_IDENTIFICATION_FAILED)
                return verdict_waited(PHASE_IDENTIFY,
                                      reasons.n && reasons.only_silence ? reasons.first
                                                                        : reasons.text,
                                      ret);
        if (status != STATUS_COMPLETED)
                return incomplete_text(a, &reasons, ret);
        text = strdup("");
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

int verdict(struct orchestrator *o, enum status *ret_status, char **ret_text)
{
        enum status status = find_status(o);
        int r;

        r = find_text(o->activity, status, ret_text);
        if (r < 0)
                return r;
        *ret_status = status;
        return 0;
}
