/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of ids and versions are carried over as they stand, escapes included, so nothing has to
 * be decoded and encoded again. */
#include "host/plugin-check/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/scan.h"
#include "host/util/cleanup.h"

/* A piece of the inventory's text. */
struct piece {
        const char *text;
        size_t length;
};

static bool find(const char *inventory, unsigned node, const char *member, struct piece *ret)
{
        char pointer[64];
        size_t offset;

        (void)snprintf(pointer, sizeof(pointer), "/softwareNodes/%u%s", node, member);
        if (scan_locate(inventory, strlen(inventory), pointer, &offset, &ret->length) < 0)
                return false;
        ret->text = inventory + offset;
        return true;
}

/* Turns "ID:name" into name: what follows the prefix, up to the closing quote. */
static bool strip_domain(struct piece *node_id, const char *id)
{
        size_t prefix = 1 + strlen(id) + 1;

        if (node_id->length < prefix + 2 || node_id->text[0] != '"' ||
            strncmp(node_id->text + 1, id, strlen(id)) != 0 || node_id->text[prefix - 1] != ':')
                return false;
        node_id->text += prefix;
        node_id->length -= prefix + 1;
        return true;
}

char *inventory_to_desired_state(const char *inventory, const char *id)
{
        static const struct piece no_version = { "\"\"", 2 };
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        const char *separator = "";
        struct piece whole;
        unsigned i;

        if (!out)
                return NULL;
        fprintf(out, "{\"domains\":[{\"id\":\"%s\",\"components\":[", id);
        for (i = 0; inventory && find(inventory, i, "", &whole); i++) {
                struct piece version = no_version;
                struct piece component;

                if (!find(inventory, i, "/id", &component) || !strip_domain(&component, id))
                        continue;
                (void)find(inventory, i, "/version", &version); /* else it stays empty */
                fprintf(out, "%s{\"id\":\"%.*s\",\"version\":%.*s}", separator,
                        (int)component.length, component.text, (int)version.length, version.text);
                separator = ",";
        }
        fprintf(out, "]}]}");
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
