/* SPDX-License-Identifier: Apache-2.0
 *
 * program-inventory - asks the program of an agent what is installed
 *
 * The program is the only one who knows, so nothing of it is kept: each inventory and each
 * beginning of an activity is a call of its own, and several may be under way at a time.  What it
 * prints is either understood as a whole or not at all.  A list of which a part is missing would
 * make an update install what is there, and one with a component too many would remove it. */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/log.h>

#include "sdk/program-private.h"

static void installed_done(struct installed *installed)
{
        size_t i;

        for (i = 0; i < installed->n; i++)
                free((void *)installed->list[i].id); /* the version is behind it */
        free(installed->list);
        *installed = (struct installed){ NULL, 0 };
}

void ub_program_inquiry_done(struct inquiry *q)
{
        if (!q->agent)
                return;
        q->call = ub_call_free(q->call);
        installed_done(&q->installed);
        free(q->activity);
        *q = (struct inquiry){ .agent = NULL };
}

/* The first fault is the one that is told. */
static void spoil(struct inquiry *q, const char *id, const char *what)
{
        if (!*q->fault.text)
                (void)ub_error_set(&q->fault, 0, "%s: %s", id, what);
}

static bool is_listed(const struct installed *installed, const char *id)
{
        size_t i;

        for (i = 0; i < installed->n; i++)
                if (strcmp(installed->list[i].id, id) == 0)
                        return true;
        return false;
}

/* Cuts "ID VERSION" in two, in place.  A blank at the end would be a version of its own, which is
 * never the desired one. */
static const char *cut_version(char *line)
{
        size_t length = strlen(line);
        char *version;

        while (length > 0 && strchr(" \t\r", line[length - 1]))
                line[--length] = '\0';
        version = line + strcspn(line, " \t");
        if (*version)
                *version++ = '\0';
        return version + strspn(version, " \t");
}

static void take_installed(void *data, const char *line)
{
        struct inquiry *q = (struct inquiry *)data;
        struct installed *installed = &q->installed;
        struct ub_component *list;
        const char *version;
        char *id;

        if (!*line || *line == ' ')
                return;
        id = strdup(line);
        list = (struct ub_component *)reallocarray(installed->list, installed->n + 1,
                                                   sizeof(*list));
        if (list)
                installed->list = list;
        if (!id || !list) {
                spoil(q, "inventory", "out of memory");
                free(id);
                return;
        }
        version = cut_version(id);
        if (installed->n == UB_COMPONENTS_MAX || is_listed(installed, id)) {
                spoil(q, id, installed->n == UB_COMPONENTS_MAX ? "one component too many"
                                                               : "is in the inventory twice");
                free(id);
                return;
        }
        list[installed->n++] = (struct ub_component){ .id = id, .version = version };
}

static void send_inventory(const struct inquiry *q)
{
        const struct program_agent *a = q->agent;
        struct ub_inventory *inventory;
        size_t i;
        int r;

        r = ub_inventory_new(ub_id(a->host), &inventory);
        if (r == 0) {
                ub_inventory_add_agent(inventory, a->program->version, a->program->description);
                for (i = 0; i < q->installed.n; i++)
                        ub_inventory_add_component(inventory, q->installed.list[i].id,
                                                   q->installed.list[i].version, NULL,
                                                   UB_TYPE_DATA);
                r = ub_inventory_send(inventory, a->host, q->activity);
                (void)ub_inventory_free(inventory);
        }
        if (r < 0)
                ub_err(a->host, "inventory: %s", strerror(-r));
}

static void inquiry_answered(void *data, const char *message)
{
        struct inquiry *q = (struct inquiry *)data;
        struct program_agent *a = q->agent;
        const char *fault = *message ? message : q->fault.text;

        q->call = NULL; /* frees itself */
        if (*fault) {
                ub_err(a->host, "%s inventory: %s", a->path, fault);
                installed_done(&q->installed); /* half of the truth */
        }
        if (q->identifies)
                ub_program_identify(a, &q->installed, fault);
        else
                send_inventory(q); /* without components after a fault: the broker waits for it */
        ub_program_inquiry_done(q);
}

int ub_program_inquire(struct program_agent *a, const char *activity, bool identifies)
{
        /* Nobody who asks for inventories again and again can keep an update away. */
        const size_t begin = identifies ? UB_PROGRAM_CALLS_MAX - 1 : 0;
        const size_t end = identifies ? UB_PROGRAM_CALLS_MAX : UB_PROGRAM_CALLS_MAX - 1;
        const char *const argv[] = { a->path, "inventory", NULL };
        struct ub_call_order order = {
                .argv = argv,
                .timeout_usec = a->timeout_usec,
                .line = take_installed,
                .done = inquiry_answered,
        };
        struct inquiry *q = NULL;
        size_t i;
        int r;

        for (i = begin; i < end && !q; i++)
                q = a->inquiries[i].agent ? NULL : &a->inquiries[i];
        if (!q)
                return -EBUSY;
        *q = (struct inquiry){ .agent = a, .identifies = identifies, .activity = strdup(activity) };
        order.data = q;
        r = q->activity ? ub_call_start(a->host, &order, &q->call) : -ENOMEM;
        if (r < 0)
                ub_program_inquiry_done(q);
        return r;
}
