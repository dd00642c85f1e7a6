/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/inspect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "host/plugin/loader.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

DEFINE_FREEP(struct plugin, plugin);

static bool write_text(int fd, const char *key, const char *value)
{
        return dprintf(fd, "%s=%s%c", key, value, '\0') >= 0;
}

static bool write_number(int fd, const char *key, int value)
{
        return dprintf(fd, "%s=%d%c", key, value, '\0') >= 0;
}

static bool write_plugin(int fd, const struct plugin *plugin)
{
        return write_number(fd, "abi", (int)plugin->abi_major) &&
               write_number(fd, "wanted", (int)plugin->abi_minor_wanted) &&
               write_number(fd, "needed", (int)plugin->abi_minor_needed) &&
               write_number(fd, "roles", (int)plugin->roles) &&
               write_text(fd, "name", plugin->name) &&
               write_text(fd, "version", plugin->version) &&
               write_text(fd, "description", plugin->description) &&
               (!plugin->settings_schema ||
                write_text(fd, "schema", plugin->settings_schema)) &&
               write_text(fd, "end", "");
}

int inspect_main(const char *path, int out_fd)
{
        CLEANUP(plugin_freep) struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;
        void *handle = NULL;
        int r;

        if (!write_text(out_fd, "doing", "load"))
                return 2;
        r = plugin_open(path, &diag, &handle);
        if (r == 0) {
                if (!write_text(out_fd, "doing", "entry"))
                        return 2;
                r = plugin_describe(path, handle, &diag, &plugin);
        }
        if (r < 0) {
                if (!diag.text[0]) /* out of memory has no sentence */
                        (void)diag_set_errno(&diag, r, "%s", path);
                return write_number(out_fd, "result", r) &&
                       write_text(out_fd, "error", diag.text) ? 1 : 2;
        }
        return write_plugin(out_fd, plugin) ? 0 : 2;
}
