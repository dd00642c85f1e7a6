/* SPDX-License-Identifier: Apache-2.0
 *
 * unit - the components of one domain that move together: the unit of progress
 *
 * A domain without baselines is one unit; each baseline that touches a domain is a unit of its own,
 * and what no baseline names is another.  A unit has a state; the state says which step comes next;
 * what becomes of that step is an input; and one table says which state follows.
 *
 *     NEW -> IDENTIFIED -> DOWNLOADED -> UPDATED -> ACTIVATED -> VERIFIED -> DONE      all is well
 *       `-> NOTHING                                                    `-> LEFTOVER    CLEANUP
 *                                                                      failed
 *
 *     SPOILED  failed, nothing to undo     CLEANUP follows, then OVER, or LOST when that fails
 *     UNDO     nothing of it is active     ROLLBACK follows, then UNDONE, or SPOILED when that
 *              fails
 *     REVERT   it is active, or may be     ROLLBACK follows, then UNDONE, or BROKEN when that
 *              fails
 *     UNDONE   it is rolled back           CLEANUP follows, then OVER
 *     BROKEN   neither old nor new         CLEANUP follows, then INCONSISTENT
 *     OVER     failed, and nothing of it is left
 *     LOST     a member of a baseline failed, and nobody knows what is left
 *
 * The table has three columns.  "alone" is a unit without a baseline, which does what Kanto does: a
 * failed step is followed by CLEANUP.  "tied" is a member of a baseline, and "touched" one that has
 * been told to ACTIVATE: it is not over before it is rolled back or known to be inconsistent.
 *
 * COMPLETED is what an agent says of its whole domain, and agents were seen to say it without being
 * asked: that all that was wanted of the domain is active.  In a member of a baseline that goes
 * back, this is the one thing that must not be, so the word counts unless something speaks against
 * it:
 *
 *     OVER     the agent has cleaned up; then it is the word with which Kanto's agents end an
 *              activity, after CLEANUP_SUCCESS
 *     UNDONE   the agent has rolled back; then it is an answer to CLEANUP, as good as any
 *     SPOILED, UNDO, LOST: nothing does, so it is to ROLLBACK what it has activated
 *     REVERT, BROKEN: it contradicts a ROLLBACK that is under way or has failed: INCONSISTENT
 *
 * A unit gets into REVERT in this way once at most: what follows on REVERT are states that do not
 * lead back. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "host/model/status.h"

enum unit_state {
        UNIT_NEW = 0,
        UNIT_IDENTIFIED,
        UNIT_DOWNLOADED,
        UNIT_UPDATED,
        UNIT_ACTIVATED,
        UNIT_VERIFIED,
        UNIT_SPOILED,
        UNIT_UNDO,
        UNIT_REVERT,
        UNIT_UNDONE,
        UNIT_BROKEN,
        UNIT_NOTHING, /* from here on: final */
        UNIT_DONE,
        UNIT_LEFTOVER,
        UNIT_OVER,
        UNIT_LOST,
        UNIT_INCONSISTENT,
        UNIT_STATE_COUNT,
};

enum unit_input {
        UNIT_OK = 0,        /* the step succeeded */
        UNIT_NOTHING_TO_DO, /* identified, without an action */
        UNIT_FAILED,        /* the step failed */
        UNIT_SILENT,        /* the step did not end in time */
        UNIT_DIED,          /* the agent died */
        UNIT_COMPLETED,     /* the agent says that the domain is through */
        UNIT_INCOMPLETE,    /* the agent has given the activity up */
        UNIT_GIVE_UP,       /* the baseline failed, or the activity ends early */
        UNIT_PASS,          /* nothing to verify */
        UNIT_BOOTED,        /* the device has booted because the agent asked for it */
        UNIT_AGAIN,         /* the agent is given the whole desired state once more */
        UNIT_INPUT_COUNT,
};

enum unit_tie { UNIT_ALONE = 0,
                UNIT_TIED,
                UNIT_TOUCHED,
                UNIT_TIE_COUNT };

/* The state that follows; the same one when the input means nothing in this state. */
enum unit_state unit_next(enum unit_state state, enum unit_input input, enum unit_tie tie);

/* The step that a state waits for; STEP_NONE when it is final. */
enum step unit_step(enum unit_state state);

bool unit_is_final(enum unit_state state);
/* On its way to success. */
bool unit_is_forward(enum unit_state state);
/* Did, or will, not get what the desired state says. */
bool unit_has_failed(enum unit_state state);

const char *unit_state_to_string(enum unit_state state);
/* -1 when there is none of this name. */
int unit_state_from_string(const char *text);

/* Writes the table for people, and for the test that compares it with the committed one. */
void unit_print_table(FILE *f);
