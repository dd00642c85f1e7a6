/* SPDX-License-Identifier: Apache-2.0
 *
 * uses services that its registration does not name */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static void ended(void *data, int32_t code, int32_t status)
{
        (void)code;
        (void)status;
        guest_log(data, UB_LOG_ERR, "a program that must not run has ended");
}

static int spoiled(void *self, const char *activity, const char *json)
{
        static const char *const argv[] = { "/bin/true", NULL };
        const struct ub_spawn command = { .size = sizeof(command), .argv = argv };
        const struct ub_host *host = self;

        guest_tell(host, "mqtt", host->get(host->ctx, UB_SERVICE_MQTT) != NULL);
        guest_tell(host, "orchestrator", host->get(host->ctx, UB_SERVICE_ORCHESTRATOR) != NULL);
        guest_tell(host, "future", host->get(host->ctx, "ub.future/1") != NULL);
        guest_tell(host, "spawn", host->spawn(host->ctx, &command, ended, self, NULL));
        return guest_desired_state(self, activity, json);
}
