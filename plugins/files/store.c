/* SPDX-License-Identifier: Apache-2.0
 *
 * store - see store.h */
#define _GNU_SOURCE 1 /* asprintf */
#include "plugins/files/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "plugins/files/path.h"
#include "plugins/files/scope.h"

#define ACTIVE "active"
#define PREVIOUS "previous"
#define NEW ".new"
#define GONE ".gone"
#define LINK_BEGIN "../../versions/"
#define LINK_END "/" STORE_CONTENT
#define GENERATIONS "generations"

/* -------------------------------------------------------------------------------------- opening */

static int open_folders(struct store *store)
{
        int r;

        r = tree_open_folder(store->dir_fd, "versions", true, TREE_FOLDER_MODE,
                             &store->versions_fd);
        if (r == 0)
                r = tree_open_folder(store->dir_fd, GENERATIONS, true, TREE_FOLDER_MODE,
                                     &store->generations_fd);
        if (r == 0)
                r = tree_open_folder(store->dir_fd, "downloads", true, 0700, &store->downloads_fd);
        return r;
}

int store_open(const char *path, struct ub_error *error, struct store *ret)
{
        CLEANUP(store_done) struct store store = STORE_NONE;
        int r;

        store.path = strdup(path);
        if (!store.path)
                return ub_error_set(error, -ENOMEM, "out of memory");
        if (mkdir(path, TREE_FOLDER_MODE) < 0 && errno != EEXIST)
                return ub_error_set(error, -errno, "store %s: cannot make it: %s", path,
                                    strerror(errno));
        store.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store.dir_fd < 0)
                return ub_error_set(error, -errno, "store %s: %s", path, strerror(errno));
        if (flock(store.dir_fd, LOCK_EX | LOCK_NB) < 0)
                return ub_error_set(error, -EBUSY, "store %s: another agent uses it", path);
        r = open_folders(&store);
        if (r < 0)
                return ub_error_set(error, r, "store %s: %s", path, strerror(-r));
        *ret = store;
        store = STORE_NONE;
        return 0;
}

void store_done(struct store *store)
{
        scope_close(&store->downloads_fd);
        scope_close(&store->generations_fd);
        scope_close(&store->versions_fd);
        scope_close(&store->dir_fd);
        free(store->path);
        *store = STORE_NONE;
}

/* ---------------------------------------------------------------------------------- generations */

/* The folder of a version from the target of its link; NULL: it is none of ours. */
static char *folder_of_link(const char *id, const char *target)
{
        const char *folder;
        size_t length;

        if (strncmp(target, LINK_BEGIN, strlen(LINK_BEGIN)) != 0)
                return NULL;
        folder = target + strlen(LINK_BEGIN);
        length = strlen(id);
        if (strncmp(folder, id, length) != 0 || folder[length] != '/')
                return NULL;
        folder += length + 1;
        length = strcspn(folder, "/");
        if (length == 0 || strcmp(folder + length, LINK_END) != 0)
                return NULL;
        return strndup(folder, length);
}

/* The number of the active generation; 0: none. */
static int active_number(const struct store *store, unsigned long *ret)
{
        CLEANUP_FREE char *target = NULL;
        int end = 0;
        int r;

        r = tree_read_link(store->dir_fd, ACTIVE, &target);
        if (r == -ENOENT) {
                *ret = 0;
                return 0;
        }
        if (r < 0)
                return r;
        if (sscanf(target, GENERATIONS "/%9lu%n", ret, &end) != 1 || target[end])
                return -EBADMSG;
        return 0;
}

/* *ret_fd -1: nothing was ever active. */
static int open_active(const struct store *store, int *ret_fd)
{
        char name[24];
        unsigned long number;
        int r;

        r = active_number(store, &number);
        if (r < 0)
                return r;
        if (number == 0) {
                *ret_fd = -1;
                return 0;
        }
        (void)snprintf(name, sizeof(name), "%lu", number); /* fits */
        return tree_open_folder(store->generations_fd, name, false, 0, ret_fd);
}

static int read_active(int generation_fd, const char *id, char **ret)
{
        CLEANUP_FREE char *target = NULL;
        int r;

        *ret = NULL;
        if (generation_fd < 0)
                return 0;
        r = tree_read_link(generation_fd, id, &target);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        *ret = folder_of_link(id, target);
        return *ret ? 0 : -EBADMSG;
}

int store_get_active(const struct store *store, const char *id, char **ret)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = open_active(store, &fd);
        return r < 0 ? r : read_active(fd, id, ret);
}

int store_list_active(const struct store *store, struct tree_names *ret)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = open_active(store, &fd);
        if (r < 0)
                return r;
        if (fd >= 0)
                return tree_list(fd, ret);
        *ret = (struct tree_names){ .n = 0 };
        return 0;
}

static const struct store_link *find_link(const struct store_link *links, size_t n, const char *id)
{
        size_t i;

        for (i = 0; i < n; i++)
                if (strcmp(links[i].id, id) == 0)
                        return &links[i];
        return NULL;
}

static int add_link(int generation_fd, const char *id, const char *folder)
{
        CLEANUP_FREE char *target = NULL;

        if (asprintf(&target, LINK_BEGIN "%s/%s" LINK_END, id, folder) < 0)
                return -ENOMEM;
        return symlinkat(target, generation_fd, id) < 0 ? -errno : 0;
}

/* Is all of it active already? */
static int is_active(int generation_fd, const struct store_link *links, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                CLEANUP_FREE char *folder = NULL;
                int r = read_active(generation_fd, links[i].id, &folder);

                if (r < 0)
                        return r;
                if (!folder != !links[i].folder ||
                    (folder && strcmp(folder, links[i].folder) != 0))
                        return 0;
        }
        return 1;
}

/* Fills a generation: what the present one has, except for what changes. */
static int fill(int old_fd, int new_fd, const struct store_link *links, size_t n)
{
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        size_t i;
        int r = 0;

        if (old_fd >= 0)
                r = tree_list(old_fd, &ids);
        for (i = 0; i < ids.n && r == 0; i++) {
                CLEANUP_FREE char *folder = NULL;

                if (find_link(links, n, ids.list[i]))
                        continue;
                r = read_active(old_fd, ids.list[i], &folder);
                if (r == 0 && folder)
                        r = add_link(new_fd, ids.list[i], folder);
        }
        for (i = 0; i < n && r == 0; i++)
                if (links[i].folder)
                        r = add_link(new_fd, links[i].id, links[i].folder);
        return r < 0 ? r : tree_sync(new_fd);
}

static int make_generation(const struct store *store, int old_fd, const struct store_link *links,
                           size_t n)
{
        CLEANUP_CLOSE int new_fd = -1;
        char target[sizeof(GENERATIONS) + 24];
        const char *name = target + sizeof(GENERATIONS);
        unsigned long number;
        int r;

        r = active_number(store, &number);
        if (r < 0)
                return r;
        (void)snprintf(target, sizeof(target), GENERATIONS "/%lu", number + 1); /* fits */
        r = tree_remove(store->generations_fd, name); /* an attempt that a crash ended */
        if (r == 0)
                r = tree_open_folder(store->generations_fd, name, true, TREE_FOLDER_MODE, &new_fd);
        if (r == 0 && fchmod(new_fd, TREE_FOLDER_MODE) < 0) /* whatever the umask is */
                r = -errno;
        if (r == 0)
                r = fill(old_fd, new_fd, links, n);
        if (r == 0)
                r = tree_sync(store->generations_fd);
        return r < 0 ? r : tree_put_link(store->dir_fd, ACTIVE, target);
}

int store_switch(const struct store *store, const struct store_link *links, size_t n,
                 struct ub_error *error)
{
        CLEANUP_CLOSE int old_fd = -1;
        int r;

        r = open_active(store, &old_fd);
        if (r == 0)
                r = is_active(old_fd, links, n);
        if (r == 0)
                r = make_generation(store, old_fd, links, n);
        else if (r > 0)
                r = tree_sync(store->dir_fd); /* the crash may have come between rename and sync */
        return r < 0 ? ub_error_set(error, r, "cannot switch: %s", strerror(-r)) : 0;
}

/* ------------------------------------------------------------------------------------- versions */

/* make: also when nothing of it is there yet. */
static int open_component(const struct store *store, const char *id, bool make, int *ret_fd)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = tree_open_folder(store->versions_fd, id, make, TREE_FOLDER_MODE, &fd);
        if (r == 0 && make && fchmod(fd, TREE_FOLDER_MODE) < 0)
                r = -errno;
        if (r == 0 && make)
                r = tree_sync(store->versions_fd);
        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}

int store_begin_version(const struct store *store, const char *id, int *ret_fd)
{
        CLEANUP_CLOSE int component_fd = -1;
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = open_component(store, id, true, &component_fd);
        if (r == 0)
                r = tree_remove(component_fd, NEW);
        if (r == 0)
                r = tree_open_folder(component_fd, NEW, true, TREE_FOLDER_MODE, &fd);
        if (r == 0 && fchmod(fd, TREE_FOLDER_MODE) < 0)
                r = -errno;
        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}

/* "1.2.0", or "1.2.0~2" where that is taken. */
static int free_name(int component_fd, const char *version, char **ret)
{
        char name[PATH_NAME_MAX + 1];
        unsigned n;

        path_name_of_version(version, name);
        if (strcmp(name, PREVIOUS) == 0)
                name[0] = '_';
        for (n = 1; n < 1000; n++) {
                char suffix[8] = "";
                char *folder;

                if (n > 1)
                        (void)snprintf(suffix, sizeof(suffix), "~%u", n); /* fits */
                if (asprintf(&folder, "%s%s", name, suffix) < 0)
                        return -ENOMEM;
                if (faccessat(component_fd, folder, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                        *ret = folder;
                        return 0;
                }
                free(folder);
        }
        return -EEXIST;
}

int store_publish_version(const struct store *store, const char *id, const char *version,
                          int version_fd, char **ret_folder)
{
        CLEANUP_CLOSE int component_fd = -1;
        CLEANUP_FREE char *folder = NULL;
        int r;

        r = tree_sync(version_fd);
        if (r == 0)
                r = open_component(store, id, false, &component_fd);
        if (r == 0)
                r = free_name(component_fd, version, &folder);
        if (r == 0 && renameat(component_fd, NEW, component_fd, folder) < 0)
                r = -errno;
        if (r == 0)
                r = tree_sync(component_fd);
        if (r == 0)
                *ret_folder = TAKE_PTR(folder);
        return r;
}

int store_drop_version(const struct store *store, const char *id)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = open_component(store, id, false, &fd);
        return r == -ENOENT ? 0 : r < 0 ? r : tree_remove(fd, NEW);
}

int store_open_version(const struct store *store, const char *id, const char *folder, int *ret_fd)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = open_component(store, id, false, &fd);
        return r < 0 ? r : tree_open_folder(fd, folder, false, 0, ret_fd);
}

int store_get_previous(const struct store *store, const char *id, char **ret)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        *ret = NULL;
        r = open_component(store, id, false, &fd);
        if (r == 0)
                r = tree_read_link(fd, PREVIOUS, ret);
        return r == -ENOENT ? 0 : r;
}

int store_put_previous(const struct store *store, const char *id, const char *folder)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = open_component(store, id, false, &fd);
        return r < 0 ? r : tree_put_link(fd, PREVIOUS, folder);
}

/* ------------------------------------------------------------------------------------ downloads */

int store_open_downloads(const struct store *store, const char *id, int *ret_fd)
{
        return tree_open_folder(store->downloads_fd, id, true, 0700, ret_fd);
}

int store_drop_downloads(const struct store *store, const char *id)
{
        return tree_remove(store->downloads_fd, id);
}

/* ------------------------------------------------------------------------------------- sweeping */

static bool is_version(const char *name)
{
        return *name != '.' && strcmp(name, PREVIOUS) != 0;
}

static int visit_component(const struct store *store, const char *id, store_visit_fn fn, void *data)
{
        CLEANUP(tree_names_done) struct tree_names folders = { .n = 0 };
        CLEANUP_CLOSE int fd = -1;
        size_t i;
        int r;

        r = open_component(store, id, false, &fd);
        if (r == 0)
                r = tree_list(fd, &folders);
        for (i = 0; i < folders.n && r == 0; i++)
                if (is_version(folders.list[i]))
                        r = fn(data, id, folders.list[i]);
        return r;
}

int store_visit_versions(const struct store *store, store_visit_fn fn, void *data)
{
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        size_t i;
        int r;

        r = tree_list(store->versions_fd, &ids);
        for (i = 0; i < ids.n && r == 0; i++)
                r = visit_component(store, ids.list[i], fn, data);
        return r;
}

/* By way of another name: what has a version's name is whole. */
static int remove_version(int component_fd, const char *folder)
{
        int r;

        r = tree_remove(component_fd, GONE);
        if (r == 0 && renameat(component_fd, folder, component_fd, GONE) < 0)
                r = -errno;
        return r < 0 ? r : tree_remove(component_fd, GONE);
}

/* *ret_n: how many versions are left. */
static int sweep_component(int component_fd, const char *id, store_keep_fn keep, void *data,
                           size_t *ret_n)
{
        CLEANUP(tree_names_done) struct tree_names names = { .n = 0 };
        size_t i;
        int r;

        *ret_n = 0;
        r = tree_list(component_fd, &names);
        for (i = 0; i < names.n && r == 0; i++) {
                const char *name = names.list[i];

                if (strcmp(name, PREVIOUS) == 0)
                        continue;
                if (!is_version(name))
                        r = tree_remove(component_fd, name);
                else if (keep(data, id, name))
                        ++*ret_n;
                else
                        r = remove_version(component_fd, name);
        }
        return r;
}

static int sweep_generations(const struct store *store)
{
        char name[24];
        unsigned long number;
        int r;

        r = active_number(store, &number);
        (void)snprintf(name, sizeof(name), "%lu", number); /* fits */
        return r < 0 ? r : tree_empty(store->generations_fd, name);
}

int store_sweep(const struct store *store, store_keep_fn keep, void *data, struct ub_error *error)
{
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        size_t i;
        int r;

        r = sweep_generations(store);
        if (r == 0)
                r = tree_list(store->versions_fd, &ids);
        for (i = 0; i < ids.n && r == 0; i++) {
                CLEANUP_CLOSE int fd = -1;
                size_t n = 0;

                r = open_component(store, ids.list[i], false, &fd);
                if (r == 0)
                        r = sweep_component(fd, ids.list[i], keep, data, &n);
                if (r == 0 && n == 0)
                        r = tree_remove(store->versions_fd, ids.list[i]);
        }
        return r < 0 ? ub_error_set(error, r, "cannot remove old versions: %s", strerror(-r)) : 0;
}
