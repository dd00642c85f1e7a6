/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - what a registration says about a remote agent
 *
 *     {"prefix": "containersupdate", "readTimeout": "30s", "answerTimeout": "30s",
 *      "silentRollback": "auto"}
 *
 *     prefix          first level of its topics; by Kanto's rule, from the domain
 *     readTimeout     how long it may take to report its current state; 1m
 *     answerTimeout   how long it may take to react to a request at all; 30s, or readTimeout if
 *                     that is longer; 0: for ever.  Not how long a step takes: that is
 *                     phaseTimeout.
 *     silentRollback  true: it says nothing about ROLLBACK, ask for its state instead of waiting;
 *                     false: it always answers; "auto": find out, after answerTimeout
 *
 * Times are texts as Kanto writes them ("1m30s", "500ms"), or numbers of milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

enum { PREFIX_MAX = 900 }; /* UB_MAX_TOPIC, less the longest that follows it */

enum silent_rollback {
        SILENT_ROLLBACK_AUTO = 0,
        SILENT_ROLLBACK_ALWAYS,
        SILENT_ROLLBACK_NEVER,
};

struct settings {
        char *prefix;
        uint64_t read_usec;
        uint64_t answer_usec;
        enum silent_rollback silent_rollback;
};

extern const char settings_schema[];

/* domain: for the prefix.  -EBADMSG: error says what and where.  -ENOMEM.  On failure *ret is
 * untouched. */
int settings_parse(const char *json, const char *domain, struct ub_error *error,
                   struct settings *ret);
void settings_done(struct settings *settings);
