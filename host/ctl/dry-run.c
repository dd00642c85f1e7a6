/* SPDX-License-Identifier: Apache-2.0
 *
 * dry-run - `apply --dry-run`: what a desired state would change
 *
 * It is read as the daemon reads it and laid beside the inventory.  No agent is asked: whether one
 * would accept its part (a signature, an older version) is known only when it is applied. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/ctl/dry-run.h"
#include "host/ctl/text.h"
#include "host/json/json.h"
#include "host/model/desired_state.h"
#include "host/model/envelope.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum { NODE_ID_MAX = PLACE_ID_MAX + PLACE_NAME_MAX + 2 };

static const char *text_of(const struct json *object, const char *key)
{
        const char *text = json_get_string(json_get_member(object, key));

        return text ? text : "";
}

static const struct json *find(const struct json *list, const char *key, const char *text)
{
        const struct json *item;

        JSON_FOREACH(item, list)
                if (strcmp(text_of(item, key), text) == 0)
                        return item;
        return NULL;
}

static bool has_agent(const struct json *agents, const char *domain)
{
        const struct json *list = json_get_member(agents, "agents");
        const struct json *agent;

        /* One domain may have several registrations, of which one is enabled. */
        JSON_FOREACH(agent, list)
                if (strcmp(text_of(agent, "domain"), domain) == 0 &&
                    strcmp(text_of(agent, "state"), "disabled") != 0 &&
                    strcmp(text_of(agent, "state"), "shadowed") != 0)
                        return true;
        return false;
}

static const char *judge(bool served, const struct json *node, const char *version)
{
        if (!served)
                return "no agent";
        if (!node)
                return "install";
        return strcmp(text_of(node, "version"), version) == 0 ? "nothing" : "change";
}

static int add_component(struct json *list, const char *id, const struct json *node,
                         const struct desired_component *component, const char *would)
{
        CLEANUP_JSON struct json *item = json_new_object();
        int r;

        r = json_set(item, "id", json_new_string(id));
        if (r >= 0)
                r = json_set(item, "running", json_new_string(text_of(node, "version")));
        if (r >= 0)
                r = json_set(item, "wanted", json_new_string(component->version));
        if (r >= 0)
                r = json_set(item, "would", json_new_string(would));
        return r < 0 ? r : json_append(list, TAKE_PTR(item));
}

static int compare(const struct desired_state *desired, const struct json *inventory,
                   const struct json *agents, struct json *list)
{
        const struct json *nodes = json_get_member(inventory, "softwareNodes");
        size_t i;
        size_t j;
        int r = 0;

        for (i = 0; i < desired->n_domains; i++) {
                const struct desired_domain *domain = &desired->domains[i];
                bool served = has_agent(agents, domain->id);

                for (j = 0; j < domain->n_components && r >= 0; j++) {
                        const struct desired_component *component = &domain->components[j];
                        const struct json *node;
                        char id[NODE_ID_MAX];

                        (void)snprintf(id, sizeof(id), "%s:%s", domain->id, component->id);
                        node = find(nodes, "id", id);
                        r = add_component(list, id, node, component,
                                          judge(served, node, component->version));
                }
        }
        return r;
}

static int print_table(const struct ctl *ctl, const struct json *list)
{
        static const char *const headings[] = { "COMPONENT", "RUNNING", "WANTED", "WOULD", NULL };
        static const char *const keys[] = { "id", "running", "wanted", "would" };
        CLEANUP(table_done) struct table table;
        const struct json *item;
        size_t i;

        table_init(&table, headings, -1);
        JSON_FOREACH(item, list)
                for (i = 0; i < ARRAY_SIZE(keys); i++)
                        table_add(&table, text_of(item, keys[i]));
        return table_print(&table, ctl->colour, stdout);
}

static int print_json(const struct json *list)
{
        CLEANUP_FREE char *text = NULL;
        int r = json_print(list, JSON_LAYOUT_PRETTY, &text);

        if (r >= 0)
                (void)puts(text);
        return r;
}

/* A bare desired state, or the payload of an envelope, which has one, were it null. */
static int read_desired(const char *text, struct diag *diag, struct desired_state **ret)
{
        CLEANUP(envelope_freep) struct envelope *e = NULL;
        const struct json *payload;
        const struct json *member;
        int r;

        r = envelope_read(text, strlen(text), diag, &e);
        if (r < 0)
                return r;
        payload = e->root;
        JSON_FOREACH(member, e->root)
                if (strcasecmp(json_get_key(member), "payload") == 0)
                        payload = e->payload;
        return desired_state_read(payload, diag, ret);
}

int dry_run(const struct ctl *ctl, const char *text)
{
        CLEANUP(desired_state_freep) struct desired_state *desired = NULL;
        CLEANUP_JSON struct json *list = json_new_array();
        CLEANUP_JSON struct json *inventory = NULL;
        CLEANUP_JSON struct json *agents = NULL;
        CLEANUP_CLIENT sd_bus *bus = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = read_desired(text, &diag, &desired);
        if (r < 0) {
                (void)ctl_fail("the desired state is refused: %s",
                               *diag.text ? diag.text : strerror(-r));
                return CTL_EXIT_IDENTIFICATION_FAILED;
        }
        if (client_connect(ctl, false, &bus) < 0 ||
            client_get(bus, "Inventory", &inventory) < 0 || client_get(bus, "Agents", &agents) < 0)
                return CTL_EXIT_FAILURE;
        r = compare(desired, inventory, agents, list);
        if (r >= 0)
                r = ctl->json ? print_json(list) : print_table(ctl, list);
        if (r < 0)
                return ctl_fail("%s", strerror(-r));
        return find(list, "would", "no agent") ? CTL_EXIT_IDENTIFICATION_FAILED
                                               : CTL_EXIT_COMPLETED;
}
