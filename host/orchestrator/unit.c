/* SPDX-License-Identifier: Apache-2.0 */
#include "host/orchestrator/unit.h"

#include <string.h>

#include "host/util/cleanup.h"

static const struct {
        const char *name;
        enum step step;
} states[UNIT_STATE_COUNT] = {
        [UNIT_NEW] = { "NEW", STEP_IDENTIFY },
        [UNIT_IDENTIFIED] = { "IDENTIFIED", STEP_DOWNLOAD },
        [UNIT_DOWNLOADED] = { "DOWNLOADED", STEP_UPDATE },
        [UNIT_UPDATED] = { "UPDATED", STEP_ACTIVATE },
        [UNIT_ACTIVATED] = { "ACTIVATED", STEP_VERIFY },
        [UNIT_VERIFIED] = { "VERIFIED", STEP_CLEANUP },
        [UNIT_SPOILED] = { "SPOILED", STEP_CLEANUP },
        [UNIT_UNDO] = { "UNDO", STEP_ROLLBACK },
        [UNIT_REVERT] = { "REVERT", STEP_ROLLBACK },
        [UNIT_UNDONE] = { "UNDONE", STEP_CLEANUP },
        [UNIT_BROKEN] = { "BROKEN", STEP_CLEANUP },
        [UNIT_NOTHING] = { "NOTHING", STEP_NONE },
        [UNIT_DONE] = { "DONE", STEP_NONE },
        [UNIT_LEFTOVER] = { "LEFTOVER", STEP_NONE },
        [UNIT_OVER] = { "OVER", STEP_NONE },
        [UNIT_LOST] = { "LOST", STEP_NONE },
        [UNIT_INCONSISTENT] = { "INCONSISTENT", STEP_NONE },
};

static const char *const inputs[UNIT_INPUT_COUNT] = {
        [UNIT_OK] = "ok",
        [UNIT_NOTHING_TO_DO] = "nothing to do",
        [UNIT_FAILED] = "failed",
        [UNIT_SILENT] = "silent",
        [UNIT_DIED] = "died",
        [UNIT_COMPLETED] = "completed",
        [UNIT_INCOMPLETE] = "incomplete",
        [UNIT_GIVE_UP] = "give up",
        [UNIT_PASS] = "pass",
        [UNIT_BOOTED] = "booted",
        [UNIT_AGAIN] = "again",
};

#define NEW UNIT_NEW
#define IDENTIFIED UNIT_IDENTIFIED
#define DOWNLOADED UNIT_DOWNLOADED
#define UPDATED UNIT_UPDATED
#define ACTIVATED UNIT_ACTIVATED
#define VERIFIED UNIT_VERIFIED
#define SPOILED UNIT_SPOILED
#define UNDO UNIT_UNDO
#define REVERT UNIT_REVERT
#define UNDONE UNIT_UNDONE
#define BROKEN UNIT_BROKEN
#define NOTHING UNIT_NOTHING
#define DONE UNIT_DONE
#define LEFTOVER UNIT_LEFTOVER
#define OVER UNIT_OVER
#define LOST UNIT_LOST
#define INCONSISTENT UNIT_INCONSISTENT

/* A pair that is not here changes nothing.  Where a silent unit that is alone goes straight to
 * OVER, a last CLEANUP is sent after it, whose answer nobody waits for. */
static const struct transition {
        enum unit_state state;
        enum unit_input input;
        enum unit_state next[UNIT_TIE_COUNT]; /* alone, tied, touched */
} transitions[] = {
        { NEW, UNIT_OK, { IDENTIFIED, IDENTIFIED, IDENTIFIED } },
        { NEW, UNIT_NOTHING_TO_DO, { NOTHING, NOTHING, DONE } },
        { NEW, UNIT_FAILED, { SPOILED, SPOILED, REVERT } },
        { NEW, UNIT_SILENT, { OVER, OVER, REVERT } },
        { NEW, UNIT_DIED, { SPOILED, SPOILED, REVERT } },
        { NEW, UNIT_COMPLETED, { NOTHING, NOTHING, DONE } },
        { NEW, UNIT_INCOMPLETE, { OVER, OVER, INCONSISTENT } },
        { NEW, UNIT_GIVE_UP, { SPOILED, SPOILED, REVERT } },

        { IDENTIFIED, UNIT_OK, { DOWNLOADED, DOWNLOADED, DOWNLOADED } },
        { IDENTIFIED, UNIT_FAILED, { SPOILED, SPOILED, REVERT } },
        { IDENTIFIED, UNIT_SILENT, { OVER, SPOILED, REVERT } },
        { IDENTIFIED, UNIT_DIED, { SPOILED, SPOILED, REVERT } },
        { IDENTIFIED, UNIT_COMPLETED, { DONE, DONE, DONE } },
        { IDENTIFIED, UNIT_INCOMPLETE, { OVER, OVER, INCONSISTENT } },
        { IDENTIFIED, UNIT_GIVE_UP, { SPOILED, SPOILED, REVERT } },

        { DOWNLOADED, UNIT_OK, { UPDATED, UPDATED, UPDATED } },
        { DOWNLOADED, UNIT_FAILED, { SPOILED, SPOILED, REVERT } },
        { DOWNLOADED, UNIT_SILENT, { OVER, UNDO, REVERT } },
        { DOWNLOADED, UNIT_DIED, { SPOILED, UNDO, REVERT } },
        { DOWNLOADED, UNIT_COMPLETED, { DONE, DONE, DONE } },
        { DOWNLOADED, UNIT_INCOMPLETE, { OVER, OVER, INCONSISTENT } },
        { DOWNLOADED, UNIT_GIVE_UP, { UNDO, UNDO, REVERT } },

        { UPDATED, UNIT_OK, { ACTIVATED, ACTIVATED, ACTIVATED } },
        { UPDATED, UNIT_FAILED, { SPOILED, UNDO, REVERT } },
        { UPDATED, UNIT_SILENT, { OVER, UNDO, REVERT } },
        { UPDATED, UNIT_DIED, { SPOILED, UNDO, REVERT } },
        { UPDATED, UNIT_COMPLETED, { DONE, DONE, DONE } },
        { UPDATED, UNIT_INCOMPLETE, { OVER, OVER, INCONSISTENT } },
        { UPDATED, UNIT_GIVE_UP, { UNDO, UNDO, REVERT } },

        { ACTIVATED, UNIT_OK, { VERIFIED, VERIFIED, VERIFIED } },
        { ACTIVATED, UNIT_FAILED, { REVERT, REVERT, REVERT } },
        { ACTIVATED, UNIT_SILENT, { REVERT, REVERT, REVERT } },
        { ACTIVATED, UNIT_DIED, { REVERT, REVERT, REVERT } },
        { ACTIVATED, UNIT_COMPLETED, { DONE, DONE, DONE } },
        { ACTIVATED, UNIT_INCOMPLETE, { OVER, INCONSISTENT, INCONSISTENT } },
        { ACTIVATED, UNIT_GIVE_UP, { REVERT, REVERT, REVERT } },
        { ACTIVATED, UNIT_PASS, { VERIFIED, VERIFIED, VERIFIED } },

        { VERIFIED, UNIT_OK, { DONE, DONE, DONE } },
        { VERIFIED, UNIT_FAILED, { LEFTOVER, LEFTOVER, LEFTOVER } },
        { VERIFIED, UNIT_SILENT, { LEFTOVER, LEFTOVER, LEFTOVER } },
        { VERIFIED, UNIT_DIED, { LEFTOVER, LEFTOVER, LEFTOVER } },
        { VERIFIED, UNIT_COMPLETED, { DONE, DONE, DONE } },
        { VERIFIED, UNIT_INCOMPLETE, { LEFTOVER, LEFTOVER, LEFTOVER } },
        { VERIFIED, UNIT_GIVE_UP, { REVERT, REVERT, REVERT } },

        { DONE, UNIT_GIVE_UP, { DONE, REVERT, REVERT } },
        { DONE, UNIT_FAILED, { LEFTOVER, REVERT, REVERT } }, /* to boot */
        /* It was through before the boot, but what runs is only seen after it. */
        { DONE, UNIT_BOOTED, { ACTIVATED, ACTIVATED, ACTIVATED } },

        { SPOILED, UNIT_OK, { OVER, OVER, OVER } },
        { SPOILED, UNIT_FAILED, { OVER, LOST, LOST } },
        { SPOILED, UNIT_SILENT, { OVER, LOST, LOST } },
        { SPOILED, UNIT_DIED, { OVER, LOST, LOST } },
        { SPOILED, UNIT_COMPLETED, { OVER, REVERT, REVERT } },
        { SPOILED, UNIT_INCOMPLETE, { OVER, OVER, OVER } },

        { UNDO, UNIT_OK, { UNDONE, UNDONE, UNDONE } },
        { UNDO, UNIT_FAILED, { SPOILED, SPOILED, SPOILED } },
        { UNDO, UNIT_SILENT, { OVER, LOST, LOST } },
        { UNDO, UNIT_DIED, { SPOILED, SPOILED, SPOILED } },
        { UNDO, UNIT_COMPLETED, { OVER, REVERT, REVERT } },
        { UNDO, UNIT_INCOMPLETE, { OVER, OVER, OVER } },

        { REVERT, UNIT_OK, { UNDONE, UNDONE, UNDONE } },
        { REVERT, UNIT_FAILED, { BROKEN, BROKEN, BROKEN } },
        { REVERT, UNIT_SILENT, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { REVERT, UNIT_DIED, { BROKEN, BROKEN, BROKEN } },
        { REVERT, UNIT_COMPLETED, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { REVERT, UNIT_INCOMPLETE, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },

        { UNDONE, UNIT_OK, { OVER, OVER, OVER } },
        { UNDONE, UNIT_FAILED, { OVER, OVER, OVER } },
        { UNDONE, UNIT_SILENT, { OVER, OVER, OVER } },
        { UNDONE, UNIT_DIED, { OVER, OVER, OVER } },
        { UNDONE, UNIT_COMPLETED, { OVER, OVER, OVER } },
        { UNDONE, UNIT_INCOMPLETE, { OVER, OVER, OVER } },

        { BROKEN, UNIT_OK, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { BROKEN, UNIT_FAILED, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { BROKEN, UNIT_SILENT, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { BROKEN, UNIT_DIED, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { BROKEN, UNIT_COMPLETED, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },
        { BROKEN, UNIT_INCOMPLETE, { INCONSISTENT, INCONSISTENT, INCONSISTENT } },

        /* An agent that forgot the activity also forgot that it has cleaned up.  The desired state
         * that it is given anew has this unit in it, so it is told once more. */
        { OVER, UNIT_AGAIN, { OVER, SPOILED, SPOILED } },

        { LOST, UNIT_COMPLETED, { OVER, REVERT, REVERT } },
        /* It may have said so to a daemon that died, and have forgotten it since. */
        { LOST, UNIT_AGAIN, { OVER, REVERT, REVERT } },
};

enum unit_state unit_next(enum unit_state state, enum unit_input input, enum unit_tie tie)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(transitions); i++)
                if (transitions[i].state == state && transitions[i].input == input)
                        return transitions[i].next[tie];
        return state;
}

enum step unit_step(enum unit_state state)
{
        return states[state].step;
}

bool unit_is_final(enum unit_state state)
{
        return state >= UNIT_NOTHING;
}

bool unit_is_forward(enum unit_state state)
{
        return state <= UNIT_VERIFIED;
}

bool unit_has_failed(enum unit_state state)
{
        return !unit_is_forward(state) && state != UNIT_NOTHING && state != UNIT_DONE;
}

const char *unit_state_to_string(enum unit_state state)
{
        return states[state].name;
}

int unit_state_from_string(const char *text)
{
        size_t i;

        for (i = 0; text && i < ARRAY_SIZE(states); i++)
                if (strcmp(states[i].name, text) == 0)
                        return (int)i;
        return -1;
}

void unit_print_table(FILE *f)
{
        size_t i;

        fprintf(f, "%-12s %-9s %-14s %-13s %-13s %s\n", "state", "step", "input", "alone", "tied",
                "touched");
        for (i = 0; i < ARRAY_SIZE(transitions); i++) {
                const struct transition *t = &transitions[i];

                if (i == 0 || t[-1].state != t->state)
                        fputc('\n', f);
                fprintf(f, "%-12s %-9s %-14s %-13s %-13s %s\n", states[t->state].name,
                        step_to_string(states[t->state].step), inputs[t->input],
                        states[t->next[UNIT_ALONE]].name, states[t->next[UNIT_TIED]].name,
                        states[t->next[UNIT_TOUCHED]].name);
        }
}
