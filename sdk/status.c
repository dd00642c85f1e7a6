/* SPDX-License-Identifier: Apache-2.0
 *
 * status - see <update-broker/sdk/status.h> */
#define UB_ABI_MINOR_WANTED 0
#include <stddef.h>
#include <string.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/status.h>

#define WORDS(noun, progress) { noun, progress, noun "_SUCCESS", noun "_FAILURE" }

/* Indexed by UB_CMD_*, whose numbers never change. */
static const struct ub_step_words words[] = {
        [UB_CMD_DOWNLOAD] = WORDS("DOWNLOAD", UB_DOWNLOADING),
        [UB_CMD_UPDATE] = WORDS("UPDATE", UB_UPDATING),
        [UB_CMD_ACTIVATE] = { "ACTIVATE", UB_ACTIVATING, UB_ACTIVATION_SUCCESS,
                              UB_ACTIVATION_FAILURE },
        [UB_CMD_ROLLBACK] = WORDS("ROLLBACK", UB_ROLLBACK),
        [UB_CMD_CLEANUP] = WORDS("CLEANUP", UB_CLEANUP),
        [UB_CMD_VERIFY] = WORDS("VERIFY", UB_VERIFYING),
};

static const size_t n_words = sizeof(words) / sizeof(words[0]);

const struct ub_step_words *ub_step_words(int32_t command)
{
        if (command < 1 || (size_t)command >= n_words)
                return NULL;
        return &words[command];
}

bool ub_status_is_progress(const char *status)
{
        size_t i;

        for (i = 1; i < n_words; i++)
                if (strcmp(status, words[i].progress) == 0)
                        return true;
        return strcmp(status, UB_IDENTIFYING) == 0 || strcmp(status, UB_REMOVING) == 0 ||
               strcmp(status, UB_RUNNING) == 0;
}
