/* SPDX-License-Identifier: Apache-2.0
 *
 * fake - an instance of the fake agent, as its files share it
 *
 *     fake.c       the tables of the plugin
 *     activity.c   desired state and commands: walking through phases
 *     keep.c       what is kept in the durable state
 *     settings.c   how each phase goes
 *     inventory.c  lists of components */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/desired-state.h>

#include "plugins/fake/inventory.h"
#include "plugins/fake/settings.h"

/* The phase that runs. */
struct step {
        bool running;
        bool syncing; /* its end is decided; its word goes out when the state is on disk */
        bool stuck;   /* its word never comes */
        bool cancel;  /* says only that the activity is cancelled; gives way to a command */
        bool boot;    /* what it did takes effect with a boot */
        bool twice;   /* its word comes twice */
        int32_t phase;
        int steps_done;
        char *baseline;
        struct ub_source *timer;
};

struct fake {
        const struct ub_host *host;
        struct settings settings;

        struct inventory inventory; /* what runs */
        struct inventory previous;  /* what ran before the activity: ROLLBACK goes back to it */
        struct inventory next;      /* what runs after a boot ... */
        bool has_next;              /* ... if ACTIVATE has asked for one */

        char *activity; /* the last one; NULL: none */
        char *desired_json;
        struct ub_desired_state *desired;
        struct ub_actions *actions;
        char *feedback; /* the word that ended the activity's last step */
        struct step step;
        unsigned n_syncs; /* whose end is awaited */
        bool silent;      /* by a phase with that result */
};

/* activity.c: ub_agent.desired_state, .command and .cancel. */
int activity_begin(struct fake *fake, const char *activity, const char *json);
int activity_command(struct fake *fake, const char *activity, const char *baseline,
                     int32_t command);
int activity_cancel(struct fake *fake, const char *activity);

/* Ends the step that runs, without a word. */
void activity_stop(struct fake *fake);
/* Forgets the activity. */
void activity_done(struct fake *fake);

/* keep.c: reads what an earlier run has kept, or starts with the settings' components. */
int keep_load(struct fake *fake);
/* Puts everything into the durable state; on disk after state_sync.  -E2BIG: a part is too long for
 * it. */
int keep_store(struct fake *fake);
