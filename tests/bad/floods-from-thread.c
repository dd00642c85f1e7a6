/* SPDX-License-Identifier: Apache-2.0
 *
 * logs from a thread more than the loop can read */
#include <pthread.h>
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
static void join(void *self);
#define GUEST_WOKEN join
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static struct {
        pthread_t thread;
        const struct ub_host *host;
        char activity[UB_MAX_ID + 1];
} other; /* a test loads this plugin once */

static void *run(void *unused)
{
        const struct ub_host *host = other.host;

        (void)unused;
        for (int i = 0; i < 5000; i++)
                guest_log(host, UB_LOG_INFO, "again");
        host->wake(host->ctx);
        return NULL;
}

static void join(void *self)
{
        (void)pthread_join(other.thread, NULL);
        (void)guest_desired_state(self, other.activity, "");
}

static int spoiled(void *self, const char *activity, const char *json)
{
        other.host = self;
        (void)json;
        (void)snprintf(other.activity, sizeof(other.activity), "%s", activity);
        return -pthread_create(&other.thread, NULL, run, NULL);
}
