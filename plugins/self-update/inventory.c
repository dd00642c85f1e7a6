/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - see inventory.h
 *
 * A parameter that has nothing to say is left out.  Names and types of the nodes are those of
 * Leda's agent, which dashboards look for. */
#include "plugins/self-update/inventory.h"

#include <stdio.h>
#include <time.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>

#include "plugins/self-update/machine.h"
#include "plugins/self-update/settings.h"

enum { ID_MAX = 256, VALUE_MAX = 1024 }; /* what is longer is cut: it is for people */

static void put(struct ub_inventory *inventory, const char *key, const char *value)
{
        if (*value)
                ub_inventory_add_parameter(inventory, key, value);
}

/* "booted, boots as A, good, version v1.0, written: ok at 2027-01-31T12:00:00Z" */
static void put_slot(struct ub_inventory *inventory, const struct slot *slot)
{
        char key[SLOT_NAME_MAX + 8];
        char value[VALUE_MAX];

        (void)snprintf(key, sizeof(key), "slot.%s", slot->name);
        (void)snprintf(value, sizeof(value), "%s%s%s%s%s%s%s%s%s%s%s", slot->state,
                       *slot->bootname ? ", boots as " : "", slot->bootname,
                       *slot->boot_status ? ", " : "", slot->boot_status,
                       *slot->version ? ", version " : "", slot->version,
                       *slot->status ? ", written: " : "", slot->status,
                       *slot->installed ? " at " : "", slot->installed);
        ub_inventory_add_parameter(inventory, key, value);
}

/* What became of the last update: "v2.0, 2027-01-31T12:00:00Z, confirmed: ..." */
static void put_last(struct ub_inventory *inventory, const struct record *record)
{
        const struct outcome *last = &record->history[0];
        time_t sec = (time_t)last->time_sec;
        char value[VALUE_MAX];
        char when[32] = "";
        struct tm tm;

        if (record->n_history == 0)
                return;
        if (gmtime_r(&sec, &tm))
                (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm); /* it fits */
        (void)snprintf(value, sizeof(value), "%s, %s, %s: %s", last->version, when, last->result,
                       last->message);
        ub_inventory_add_parameter(inventory, "lastUpdate", value);
}

static void put_details(struct ub_inventory *inventory, const struct machine *m)
{
        const struct pending *pending = &m->record.pending;
        size_t i;

        put(inventory, "compatible", m->survey.compatible);
        put(inventory, "primary", m->survey.primary);
        put(inventory, "primaryError", m->survey.primary_error);
        if (m->surveyed && survey_is_rescue(&m->survey))
                ub_inventory_add_parameter(inventory, "rescue", "true");
        if (m->confirm_failed)
                ub_inventory_add_parameter(inventory, "boot", "not confirmed");
        put(inventory, "readBack", m->record.activity.read_back);
        /* Also when it is over: what became of it stays until the next one. */
        if (pending->trial != TRIAL_NONE) {
                ub_inventory_add_parameter(inventory, "trial", trial_to_string(pending->trial));
                put(inventory, "trialVersion", pending->version);
                put(inventory, "trialActivity", pending->id);
                put(inventory, "trialMessage", pending->message);
        }
        put_last(inventory, &m->record);
        for (i = 0; i < m->survey.n; i++)
                put_slot(inventory, &m->survey.list[i]);
}

int inventory_send(const struct machine *m, const struct ub_host *host, const char *activity)
{
        struct ub_inventory *inventory;
        char agent[ID_MAX];
        char image[ID_MAX];
        int r;

        r = ub_inventory_new(m->domain, &inventory);
        if (r < 0)
                return r;
        /* Everything that is added may fail; the inventory keeps that until it is sent. */
        (void)snprintf(agent, sizeof(agent), "%s-agent", m->domain);
        if (*m->settings->image_node)
                (void)snprintf(image, sizeof(image), "%s", m->settings->image_node);
        else
                (void)snprintf(image, sizeof(image), "%s:%s", m->domain, m->settings->component);
        ub_inventory_add_software(inventory, agent, SELF_UPDATE_VERSION, "OTA NG Self Update Agent",
                                  UB_TYPE_APPLICATION);
        if (m->settings->details)
                ub_inventory_add_parameter(inventory, "domain", m->domain);
        ub_inventory_add_software(inventory, image, machine_version(m),
                                  "Official Leda device image", UB_TYPE_IMAGE);
        if (m->settings->details)
                put_details(inventory, m);
        ub_inventory_associate(inventory, agent, image);
        r = ub_inventory_send(inventory, host, activity);
        (void)ub_inventory_free(inventory);
        return r;
}
