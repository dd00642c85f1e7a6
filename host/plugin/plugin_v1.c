/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything here reads memory of somebody else's, so the order matters: a struct's size is read
 * before any other member, and no member is read that this size does not cover. */
#include "host/plugin/plugin_v1.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "host/plugin/loader.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

/* The bytes that a struct had in 1.0, up to its last member of that version.  These never
 * change. */
#define SIZE_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define PLUGIN_SIZE_1_0 SIZE_UP_TO(struct ub_plugin, connector)
#define LIFE_SIZE_1_0 SIZE_UP_TO(struct ub_life, reload)
#define AGENT_SIZE_1_0 SIZE_UP_TO(struct ub_agent, feedback_get)
#define CONNECTOR_SIZE_1_0 SIZE_UP_TO(struct ub_connector, owner_consent)

/* Copies a struct that begins with its size (rule R5).  ours: zeroed, our_size bytes; its own
 * size member says afterwards how much of it the other side has. */
static int copy_sized(const char *what, const void *theirs, size_t size_1_0, size_t our_size,
                      struct diag *diag, void *ours)
{
        uint32_t size;

        memcpy(&size, theirs, sizeof(size));
        if (size < size_1_0)
                return diag_set(diag, -EINVAL, "%s.size is %u, ABI 1.0 has %zu bytes", what, size,
                                size_1_0);
        if (size > PLUGIN_MAX_TABLE)
                return diag_set(diag, -EINVAL, "%s.size is %u, the limit is %d", what, size,
                                PLUGIN_MAX_TABLE);
        if (size > our_size)
                size = (uint32_t)our_size;
        memcpy(ours, theirs, size);
        memcpy(ours, &size, sizeof(size));
        return 0;
}

static int check_abi(const struct ub_plugin *p, struct diag *diag)
{
        if (p->abi_major != UB_ABI_MAJOR)
                return diag_set(diag, -EPROTO, "%s() describes ABI major %u, expected %d",
                                UB_PLUGIN_ENTRY, p->abi_major, UB_ABI_MAJOR);
        if (p->abi_minor_needed > p->abi_minor_wanted)
                return diag_set(diag, -EINVAL,
                                "abi_minor_needed is %u but abi_minor_wanted only %u",
                                p->abi_minor_needed, p->abi_minor_wanted);
        if (p->abi_minor_needed > UB_ABI_MINOR)
                return diag_set(diag, -EPROTO, "needs a host with ABI %d.%u, this one has %d.%d",
                                UB_ABI_MAJOR, p->abi_minor_needed, UB_ABI_MAJOR, UB_ABI_MINOR);
        if (p->flags != 0)
                return diag_set(diag, -EINVAL, "unknown flags 0x%x", p->flags);
        return 0;
}

static int check_name(const char *name, struct diag *diag)
{
        size_t length;

        if (!name)
                return diag_set(diag, -EINVAL, "name is NULL");
        length = strnlen(name, UB_MAX_NAME + 1);
        if (length == 0 || length > UB_MAX_NAME ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
                return diag_set(diag, -EINVAL, "name is not 1 to %d of the characters a-z 0-9 -",
                                UB_MAX_NAME);
        return 0;
}

/* one_line: ends up in tables and log lines. */
static int check_text(const char *what, const char *text, size_t max, bool one_line,
                      struct diag *diag)
{
        size_t length;

        if (!text)
                return diag_set(diag, -EINVAL, "%s is NULL", what);
        length = strnlen(text, max + 1);
        if (length > max)
                return diag_set(diag, -E2BIG, "%s is longer than %zu bytes", what, max);
        if (!utf8_is_valid(text, length))
                return diag_set(diag, -EINVAL, "%s is not UTF-8", what);
        if (one_line && !utf8_is_line(text, length))
                return diag_set(diag, -EINVAL, "%s contains a control character", what);
        return 0;
}

static int check_texts(const struct ub_plugin *p, struct diag *diag)
{
        int r;

        r = check_name(p->name, diag);
        if (r == 0)
                r = check_text("version", p->version, UB_MAX_VERSION, true, diag);
        if (r == 0)
                r = check_text("description", p->description, UB_MAX_DESCRIPTION, true, diag);
        if (r == 0 && p->settings_schema)
                r = check_text("settings_schema", p->settings_schema, UB_MAX_JSON, false, diag);
        return r;
}

/* A slot that is not marked (opt) in plugin.h. */
#define CHECK_SLOT(table, slot, diag)                                                           \
        do {                                                                                    \
                if (!(table)->slot)                                                             \
                        return diag_set(diag, -EINVAL, #table "." #slot " is NULL, but required"); \
        } while (0)

static int read_life(const struct ub_life *theirs, struct diag *diag, struct ub_life *life)
{
        int r;

        if (!theirs)
                return diag_set(diag, -EINVAL, "life is NULL, but required");
        r = copy_sized("life", theirs, LIFE_SIZE_1_0, sizeof(*life), diag, life);
        if (r < 0)
                return r;
        CHECK_SLOT(life, create, diag);
        CHECK_SLOT(life, start, diag);
        CHECK_SLOT(life, stop, diag);
        CHECK_SLOT(life, destroy, diag);
        return 0;
}

static int read_agent(const struct ub_agent *theirs, struct diag *diag, struct ub_agent *agent)
{
        int r;

        r = copy_sized("agent", theirs, AGENT_SIZE_1_0, sizeof(*agent), diag, agent);
        if (r < 0)
                return r;
        CHECK_SLOT(agent, current_state_get, diag);
        CHECK_SLOT(agent, desired_state, diag);
        CHECK_SLOT(agent, command, diag);
        return 0;
}

static int read_connector(const struct ub_connector *theirs, struct diag *diag,
                          struct ub_connector *connector)
{
        int r;

        r = copy_sized("connector", theirs, CONNECTOR_SIZE_1_0, sizeof(*connector), diag,
                       connector);
        if (r < 0)
                return r;
        CHECK_SLOT(connector, feedback, diag);
        CHECK_SLOT(connector, current_state, diag);
        return 0;
}

static int read_roles(const struct ub_plugin *p, struct diag *diag, struct plugin *plugin)
{
        int r;

        if (!p->agent && !p->connector)
                return diag_set(diag, -EINVAL, "no role: agent and connector are both NULL");
        r = read_life(p->life, diag, &plugin->life);
        if (r < 0)
                return r;
        if (p->agent) {
                r = read_agent(p->agent, diag, &plugin->agent);
                if (r < 0)
                        return r;
                plugin->roles |= PLUGIN_ROLE_AGENT;
        }
        if (p->connector) {
                r = read_connector(p->connector, diag, &plugin->connector);
                if (r < 0)
                        return r;
                plugin->roles |= PLUGIN_ROLE_CONNECTOR;
        }
        return 0;
}

int plugin_v1_read(void *entry, struct diag *diag, struct plugin *plugin)
{
        const struct ub_plugin *(*describe)(void);
        const struct ub_plugin *theirs;
        struct plugin read = { .roles = 0 };
        struct ub_plugin p = { .size = 0 };
        int r;

        /* ISO C has no conversion from void * to a function pointer; POSIX has, in this way. */
        memcpy(&describe, &entry, sizeof(describe));
        theirs = describe();
        if (!theirs)
                return diag_set(diag, -EINVAL, "%s() returned NULL", UB_PLUGIN_ENTRY);

        r = copy_sized("plugin", theirs, PLUGIN_SIZE_1_0, sizeof(p), diag, &p);
        if (r == 0)
                r = check_abi(&p, diag);
        if (r == 0)
                r = check_texts(&p, diag);
        if (r == 0)
                r = read_roles(&p, diag, &read);
        if (r < 0)
                return r;

        read.abi_minor_wanted = p.abi_minor_wanted;
        read.abi_minor_needed = p.abi_minor_needed;
        read.name = p.name;
        read.version = p.version;
        read.description = p.description;
        read.settings_schema = p.settings_schema;
        *plugin = read;
        return 0;
}
