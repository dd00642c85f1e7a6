/* SPDX-License-Identifier: Apache-2.0
 *
 * health - is what has booted well?
 *
 * Built-in checks first, then the executables of a folder in the order of their names:
 *
 *     mqtt          the daemon is connected to its server
 *     writable      a file can be made in each of these folders
 *     units         systemd says "active" of each of these units
 *     url           can be fetched
 *     executables   each ends with 0; they get UB_VERSION, UB_SLOT and UB_TRIAL (1 or 0)
 *
 * A round stops at the first check that fails, and is repeated after an interval until one succeeds
 * as a whole or the time is over: services take their time to come up.  The outcome names the check
 * that failed last. */
#pragma once

#include <stdbool.h>

struct fetch;
struct health;
struct rauc;
struct settings;
struct ub_host;

/* text: "NAME: reason", "" when result is 0 */
typedef void (*health_fn)(void *data, int result, const char *text);

/* Everything is borrowed and outlives it.  -ENOMEM. */
int health_new(const struct ub_host *host, const struct settings *settings, struct rauc *rauc,
               struct fetch *fetch, struct health **ret);
struct health *health_free(struct health *health);

struct health_subject {
        const char *version;
        const char *slot;
        bool trial;
};

/* Takes the place of one that goes on.  done is never called from inside. */
void health_start(struct health *health, const struct health_subject *subject, health_fn done,
                  void *data);
void health_stop(struct health *health);
