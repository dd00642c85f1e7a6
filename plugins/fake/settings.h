/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - what the fake agent has at first, and how each phase goes
 *
 *     {"components": [{"id": "a", "version": "1"}],
 *      "reboot": false,
 *      "phases": {"DOWNLOAD": {"result": "ok", "delayMs": 0, "steps": 1, "message": ""}}}
 *
 * Phases: IDENTIFY DOWNLOAD UPDATE ACTIVATE VERIFY ROLLBACK CLEANUP; one that is not named goes
 * well.  A phase reports its beginning, then takes `steps` steps of `delayMs` each, reporting
 * progress between them, and then ends as `result` says:
 *
 *     ok       its word of success.
 *     fail     its word of failure, with `message`.  Nothing was changed.
 *     hang     no word, ever; everything else is still answered, and cancel is obeyed.
 *     silent   nothing from the beginning on: no progress, no word, no answer to current_state_get,
 *              feedback_get or cancel, until the next phase begins.  stop() is obeyed.
 *     block    blocks the loop thread for `delayMs` (2000 when not given) inside the call that
 *              begins the phase; then as ok, without further delay.
 *     twice    its word of success, and the same once more.
 *     garbage  a feedback that is no JSON; then as hang.
 *     crash    dereferences NULL.
 *     abort    abort().
 *     exit     ends the process at once with status 0, as if all were well. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

#include "plugins/fake/inventory.h"

enum result {
        RESULT_OK,
        RESULT_FAIL,
        RESULT_HANG,
        RESULT_SILENT,
        RESULT_BLOCK,
        RESULT_TWICE,
        RESULT_GARBAGE,
        RESULT_CRASH,
        RESULT_ABORT,
        RESULT_EXIT,
};

/* Phases are numbered as commands are, UB_CMD_*; 0 is IDENTIFY. */
enum {
        PHASE_IDENTIFY = 0,
        PHASE_COUNT = 7,
        PHASE_STEPS_MAX = 1000,
        PHASE_DELAY_MAX_MS = 3600 * 1000
};

struct phase {
        enum result result;
        uint64_t delay_usec; /* of one step */
        int steps;
        char *message; /* "" when none is given */
};

struct settings {
        struct inventory components;
        bool reboot; /* ACTIVATE takes effect with a boot, and asks for it */
        struct phase phases[PHASE_COUNT];
};

/* A JSON Schema of all that, for the host. */
extern const char settings_schema[];

/* Reads the text that create() and reload() get.  -EBADMSG and a sentence. */
int settings_parse(const char *json, struct ub_error *error, struct settings *ret);
void settings_done(struct settings *settings);
