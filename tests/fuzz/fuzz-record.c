/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-record - records of the journal: one that loads is written the same, and its activity
 * ends */
#include <stdint.h>
#include <string.h>

#include "host/orchestrator/state.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 20000 };

static const struct orchestrator_agent agents[] = { { .domain = "d0" }, { .domain = "d1" } };
static const struct orchestrator_config config = {
        .agents = agents,
        .n_agents = 2,
        .phase_timeout_usec = 1000,
        .precondition_limit_usec = 1000,
        .consent_timeout_usec = 1000,
        .report_interval_usec = 1000,
        .reboot_enabled = true,
        .boot_id = "boot1",
};

static struct timer armed[4096];
static size_t n_armed;

static void give(struct orchestrator *o, const struct event *event)
{
        struct effects effects = EFFECTS_INIT;
        bool boots = false;
        size_t i;

        CHECK(orchestrator_step(o, event, &effects) == 0);
        for (i = 0; i < effects.n; i++) {
                if (effects.items[i].kind == EFFECT_TIMER_ARM && n_armed < 4096)
                        armed[n_armed++] = effects.items[i].timer;
                boots |= effects.items[i].kind == EFFECT_REBOOT;
        }
        effects_done(&effects);
        if (boots)
                give(o, &(struct event){ .kind = EVENT_REBOOT_FAILED, .text = "no" });
}

/* Nobody answers, all timers fire. */
static void run(struct orchestrator *o)
{
        size_t i;

        n_armed = 0;
        give(o, &(struct event){ .kind = EVENT_START });
        for (i = 0; i < config.n_agents; i++)
                give(o, &(struct event){ .kind = EVENT_AGENT_STARTED, .domain = agents[i].domain });
        for (i = 0; n_armed && i < STEPS_MAX; i++) {
                struct event event = { .kind = EVENT_TIMER, .timer = armed[0] };

                memmove(&armed[0], &armed[1], --n_armed * sizeof(armed[0]));
                give(o, &event);
        }
        CHECK(i < STEPS_MAX && !orchestrator_get_activity(o));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct orchestrator *again = NULL;
        struct orchestrator *o = NULL;
        struct diag diag = DIAG_INIT;
        char *second = NULL;
        char *first = NULL;

        if (size > 1 << 16 ||
            orchestrator_restore(&config, (const char *)data, size, &diag, &o) < 0)
                return 0;
        CHECK(record_write(o, &first) == 0);
        CHECK(orchestrator_restore(&config, first, strlen(first), &diag, &again) == 0);
        CHECK(record_write(again, &second) == 0 && strcmp(first, second) == 0);
        run(o);
        free(first);
        free(second);
        (void)orchestrator_free(again);
        (void)orchestrator_free(o);
        return 0;
}
