/* SPDX-License-Identifier: Apache-2.0
 *
 * fake - an agent that updates nothing and behaves as it is told
 *
 * For tests of the broker and for demonstrations without devices.  It serves any domain, keeps an
 * inventory in its durable state, finds out what a desired state would change, and goes through the
 * phases of an activity well or badly as its settings say (settings.h).  One .so serves any number
 * of domains at once: all that changes hangs from struct fake. */
#include "plugins/fake/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/log.h>

#ifndef FAKE_VERSION
#define FAKE_VERSION "1.0"
#endif

/* ----------------------------------------------------------------------------------------- life */

static void fake_destroy(void *self)
{
        struct fake *fake = self;

        activity_done(fake);
        inventory_done(&fake->inventory);
        inventory_done(&fake->previous);
        inventory_done(&fake->next);
        settings_done(&fake->settings);
        free(fake);
}

static int fake_create(const struct ub_host *host, const char *settings_json, void **ret_self)
{
        struct ub_error error = UB_ERROR_INIT;
        struct fake *fake;
        int r;

        fake = calloc(1, sizeof(*fake));
        if (!fake)
                return -ENOMEM;
        fake->host = host;
        r = settings_parse(settings_json, &error, &fake->settings);
        if (r < 0) {
                ub_err(host, "%s", error.text);
                free(fake);
                return r;
        }
        r = keep_load(fake);
        if (r < 0) {
                ub_err(host, "cannot read the durable state: %s", strerror(-r));
                fake_destroy(fake);
                return r;
        }
        *ret_self = fake;
        return 0;
}

static int fake_start(void *self, uint32_t flags)
{
        struct fake *fake = self;

        /* The boot that ACTIVATE asked for: what was prepared runs.  It is kept with the next word;
         * until then `next` on disk says the same. */
        if (flags & UB_START_REBOOTED && fake->has_next) {
                inventory_done(&fake->inventory);
                fake->inventory = fake->next;
                fake->next = (struct inventory){ .n = 0 };
                fake->has_next = false;
        }
        ub_info(fake->host, "components: %zu%s%s", fake->inventory.n,
                flags & UB_START_RECOVERED ? ", after a crash" : "",
                flags & UB_START_REBOOTED ? ", after a boot" : "");
        return 0;
}

static void fake_stop(void *self)
{
        struct fake *fake = self;

        activity_stop(fake);
        (void)ub_stopped(fake->host);
}

static int fake_reload(void *self, const char *settings_json)
{
        struct ub_error error = UB_ERROR_INIT;
        struct fake *fake = self;
        struct settings settings;
        int r;

        r = settings_parse(settings_json, &error, &settings);
        if (r < 0) {
                ub_err(fake->host, "%s", error.text);
                return r;
        }
        settings_done(&fake->settings);
        fake->settings = settings;
        return 0;
}

/* ---------------------------------------------------------------------------------------- agent */

static int fake_current_state_get(void *self, const char *activity)
{
        struct fake *fake = self;
        struct ub_inventory *inventory;
        size_t i;
        int r;

        if (fake->silent)
                return 0;
        r = ub_inventory_new(ub_id(fake->host), &inventory);
        if (r < 0)
                return r;
        ub_inventory_add_agent(inventory, FAKE_VERSION, "Fake agent");
        for (i = 0; i < fake->inventory.n; i++)
                ub_inventory_add_component(inventory, fake->inventory.list[i].id,
                                           fake->inventory.list[i].version, NULL, UB_TYPE_DATA);
        r = ub_inventory_send(inventory, fake->host, activity);
        (void)ub_inventory_free(inventory);
        return r;
}

static int fake_desired_state(void *self, const char *activity, const char *json)
{
        return activity_begin(self, activity, json);
}

static int fake_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        return activity_command(self, activity, baseline, command);
}

static int fake_cancel(void *self, const char *activity)
{
        return activity_cancel(self, activity);
}

static int fake_feedback_get(void *self, const char *activity)
{
        struct fake *fake = self;

        if (fake->silent)
                return 0;
        if (!fake->activity || strcmp(fake->activity, activity) != 0 || !fake->feedback)
                return -ENOENT;
        return ub_feedback(fake->host, activity, fake->feedback);
}

/* --------------------------------------------------------------------------------------- tables */

static const struct ub_life life = {
        .size = sizeof(life),
        .create = fake_create,
        .start = fake_start,
        .stop = fake_stop,
        .destroy = fake_destroy,
        .reload = fake_reload,
};

static const struct ub_agent agent = {
        .size = sizeof(agent),
        .current_state_get = fake_current_state_get,
        .desired_state = fake_desired_state,
        .command = fake_command,
        .cancel = fake_cancel,
        .feedback_get = fake_feedback_get,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "fake",
        .version = FAKE_VERSION,
        .description = "An agent that updates nothing and behaves as it is told",
        .settings_schema = settings_schema,
        .life = &life,
        .agent = &agent,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
