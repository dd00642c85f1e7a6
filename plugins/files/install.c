/* SPDX-License-Identifier: Apache-2.0
 *
 * install - UPDATE: what was fetched becomes a version in the store, beside the one that is active
 *
 * unpack -> scan (which syncs every file and folder) -> about -> publish.  Only the last step gives
 * the version its name. */
#define _GNU_SOURCE 1 /* syncfs */
#include "plugins/files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/files/scope.h"
#include "plugins/files/tree.h"
#include "plugins/files/verify.h"
#include "plugins/files/version.h"

static int make_rules(const struct files *files, const struct recipe *recipe,
                      struct unpack_rules *ret, struct ub_error *error)
{
        *ret = (struct unpack_rules){
                .limits = files->settings.limits,
                .special_files = files->settings.special_files,
                .setuid = files->settings.setuid,
                .must_be_archive = recipe_wants_archive(recipe),
                .must_be_file = recipe->format == RECIPE_FILE,
                .strip = recipe->strip,
                .has_mode = recipe->has_mode,
                .mode = recipe->mode,
        };
        return recipe_find_owner(recipe, &ret->uid, &ret->gid, error);
}

static int open_verified(const struct files *files, const char *id, int *ret_fd,
                         struct ub_error *error)
{
        CLEANUP_CLOSE int dir_fd = -1;
        int fd;
        int r;

        r = store_open_downloads(&files->store, id, &dir_fd);
        if (r < 0)
                return ub_error_set(error, r, "downloads: %s", strerror(-r));
        fd = openat(dir_fd, FETCH_VERIFIED, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return ub_error_set(error, -errno, "what was downloaded is gone: %s",
                                    strerror(errno));
        *ret_fd = fd;
        return 0;
}

/* Writes everything out at once; the walk's fsync(2) of each file then has nothing left to wait
 * for, and says whether it worked. */
static int write_manifest(const struct files *files, int version_fd, struct scan_sum *ret,
                          struct ub_error *error)
{
        CLEANUP_CLOSE int manifest_fd = -1;

        (void)syncfs(version_fd); /* to save time only */
        manifest_fd = openat(version_fd, STORE_MANIFEST,
                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (manifest_fd < 0)
                return ub_error_set(error, -errno, "manifest: %s", strerror(errno));
        return scan_write(version_fd, STORE_CONTENT, manifest_fd, &files->progress.cancel, ret,
                          error);
}

/* Fills the folder of a version that has been begun. */
static int fill(struct files *files, int version_fd, struct recipe *recipe, struct ub_error *error)
{
        CLEANUP_CLOSE int archive_fd = -1;
        char digest[VERIFY_HEX_SIZE];
        struct unpack_rules rules;
        struct scan_sum sum;
        int r;

        r = make_rules(files, recipe, &rules, error);
        if (r == 0)
                r = open_verified(files, recipe->id, &archive_fd, error);
        if (r == 0)
                r = unpack(archive_fd, version_fd, STORE_CONTENT, &rules, &files->progress, error);
        if (r == 0)
                r = write_manifest(files, version_fd, &sum, error);
        if (r == 0 && !recipe->sha256) { /* else DOWNLOAD has compared it */
                r = verify_digest(archive_fd, &files->progress.cancel, digest, error);
                recipe->sha256 = r == 0 ? strdup(digest) : NULL;
                if (r == 0 && !recipe->sha256)
                        r = -ENOMEM;
        }
        if (r < 0)
                return r;
        r = version_write(version_fd, recipe, &sum);
        return r < 0 ? ub_error_set(error, r, "cannot write about it: %s", strerror(-r)) : 0;
}

static int make_version(struct files *files, struct recipe *recipe, char **ret_folder,
                        struct ub_error *error)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = store_begin_version(&files->store, recipe->id, &fd);
        if (r < 0)
                return ub_error_set(error, r, "cannot make a version's folder: %s", strerror(-r));
        r = fill(files, fd, recipe, error);
        if (r == 0) {
                r = store_publish_version(&files->store, recipe->id, recipe->version, fd,
                                          ret_folder);
                if (r < 0)
                        (void)ub_error_set(error, r, "cannot finish the version: %s", strerror(-r));
        }
        if (r < 0)
                (void)store_drop_version(&files->store, recipe->id); /* else CLEANUP does */
        return r;
}

int install_run(struct files *files, void *data, struct ub_error *error)
{
        struct change *change = &files->record.plan.list[files->step.at];
        CLEANUP(recipe_done) struct recipe recipe = { .id = NULL };
        CLEANUP_FREE char *folder = NULL;
        int r;

        (void)data;
        r = recipe_read(ub_desired_state_component(files->desired, change->id), &files->settings,
                        error, &recipe);
        if (r < 0)
                return r;
        r = make_version(files, &recipe, &folder, error);
        if (r < 0)
                return ub_error_prefix(error, r, "%s", change->id);
        free(change->next);
        change->next = TAKE_PTR(folder);
        return 0;
}
