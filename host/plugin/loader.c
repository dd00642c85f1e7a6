/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* dlinfo, dladdr1 */

#include "host/plugin/loader.h"

#include <assert.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "host/plugin/plugin_v1.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

DEFINE_FREEP(struct plugin, plugin);

/* The majors that this host speaks, the newest first: a plugin may carry an entry for each of
 * several. */
static const struct {
        unsigned major;
        const char *entry;
        int (*read)(void *entry, struct diag *diag, struct plugin *plugin);
} majors[] = {
        { UB_ABI_MAJOR, UB_PLUGIN_ENTRY, plugin_v1_read },
};

struct plugin *plugin_free(struct plugin *plugin)
{
        free(plugin);
        return NULL;
}

int plugin_open(const char *path, struct diag *diag, void **ret_handle)
{
        void *handle;

        assert(path && ret_handle);

        /* Without a slash dlopen(3) would search the library path of the system. */
        if (path[0] != '/')
                return diag_set(diag, -EINVAL, "%s: not an absolute path", path);

        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (!handle) {
                const char *error = dlerror();
                size_t length = strlen(path);

                /* It begins with the file that the fault is in: this one, or a library it needs. */
                if (strncmp(error, path, length) == 0 && error[length] == ':')
                        return diag_set(diag, -ENOEXEC, "%s", error);
                return diag_set(diag, -ENOEXEC, "%s: %s", path, error);
        }
        *ret_handle = handle;
        return 0;
}

/* dlsym(3) on a handle also finds what the plugin's *dependencies* export, so a library without
 * an entry that links a real plugin would pass for one; and a variable would be called like a
 * function. */
static int check_entry(void *handle, const char *name, void *address, struct diag *diag)
{
        struct link_map *own = NULL;
        struct link_map *holder = NULL;
        ElfW(Sym) *symbol = NULL;
        Dl_info info;

        if (dlinfo(handle, RTLD_DI_LINKMAP, &own) < 0 ||
            !dladdr1(address, &info, (void **)&holder, RTLD_DL_LINKMAP) || holder != own)
                return diag_set(diag, -ENOENT, "not a plugin: %s() comes from a library that it "
                                "links, %s", name, holder ? holder->l_name : "which is unknown");
        if (!dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
            ELF64_ST_TYPE(symbol->st_info) != STT_FUNC) /* the same bits in 32-bit files */
                return diag_set(diag, -ENOENT, "not a plugin: %s is not a function", name);
        return 0;
}

int plugin_describe(const char *path, void *handle, struct diag *diag, struct plugin **ret)
{
        CLEANUP(plugin_freep) struct plugin *plugin = NULL;
        int r;

        assert(path && handle && ret);

        plugin = calloc(1, sizeof(*plugin));
        if (!plugin)
                return -ENOMEM;

        for (size_t i = 0; i < ARRAY_SIZE(majors); i++) {
                void *entry = dlsym(handle, majors[i].entry);

                if (!entry)
                        continue;
                r = check_entry(handle, majors[i].entry, entry, diag);
                if (r == 0)
                        r = majors[i].read(entry, diag, plugin);
                if (r < 0)
                        return diag_prefix(diag, r, "%s", path);
                plugin->abi_major = majors[i].major;
                *ret = TAKE_PTR(plugin);
                return 0;
        }
        return diag_set(diag, -ENOENT, "%s: not a plugin: it does not export %s()", path,
                        majors[0].entry);
}

int plugin_load(const char *path, struct diag *diag, struct plugin **ret)
{
        void *handle = NULL;
        int r;

        r = plugin_open(path, diag, &handle);
        if (r < 0)
                return r;
        return plugin_describe(path, handle, diag, ret);
}
