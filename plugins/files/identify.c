/* SPDX-License-Identifier: Apache-2.0
 *
 * identify - what differs between what is on disk and what is desired
 *
 * Beside another version, another recipe of the same version and files that somebody has changed by
 * hand make a component one that must change. */
#include "plugins/files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/files/scope.h"
#include "plugins/files/target.h"
#include "plugins/files/version.h"

int identify_drift(const struct files *files, const char *id, const char *folder, bool quick,
                   struct ub_error *drift, struct ub_error *error)
{
        const struct scan_how how = { .cancel = &files->progress.cancel, .quick = quick };
        CLEANUP_CLOSE int fd = -1;
        CLEANUP_CLOSE int manifest_fd = -1;
        int r;

        r = store_open_version(&files->store, id, folder, &fd);
        if (r < 0)
                return ub_error_set(error, r, "%s: version %s: %s", id, folder, strerror(-r));
        manifest_fd = openat(fd, STORE_MANIFEST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (manifest_fd < 0) {
                (void)ub_error_set(drift, 0, "its manifest is gone");
                return 1;
        }
        r = scan_compare(fd, STORE_CONTENT, manifest_fd, &how, drift, error);
        return r < 0 ? ub_error_prefix(error, r, "%s", id) : r;
}

/* The recipe of the active version.  1: there is one, 0: there is none, or it cannot be read, which
 * is as good as drift. */
static int read_active(const struct files *files, const char *id, char **ret_folder,
                       struct version *ret, struct ub_error *error)
{
        CLEANUP_FREE char *folder = NULL;
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = store_get_active(&files->store, id, &folder);
        if (r < 0)
                return ub_error_set(error, r, "%s: what is active cannot be read: %s", id,
                                    strerror(-r));
        if (!folder)
                return 0;
        r = store_open_version(&files->store, id, folder, &fd);
        if (r == 0)
                r = version_read(fd, error, ret);
        *ret_folder = TAKE_PTR(folder);
        return r == 0;
}

static bool is_merge(const struct files *files, struct ub_error *error, int *ret)
{
        const char *mode = ub_config_get(files->desired->config, files->desired->n_config, "mode");

        *ret = 0;
        if (mode && strcmp(mode, "merge") != 0 && strcmp(mode, "replace") != 0)
                *ret = ub_error_set(error, -EBADMSG,
                                    "mode: expected \"merge\" or \"replace\", got \"%s\"", mode);
        return mode && strcmp(mode, "merge") == 0;
}

/* Could it be installed?  Everything that can be told without fetching it. */
static int check_recipe(const struct files *files, const struct recipe *recipe,
                        struct ub_error *error)
{
        uid_t uid;
        gid_t gid;
        int r;

        r = recipe_check_source(recipe, &files->settings, error);
        if (r == 0)
                r = recipe_find_owner(recipe, &uid, &gid, error);
        if (r == 0 && recipe->target)
                r = target_check(&files->settings, &files->store, recipe->id, recipe->target,
                                 error);
        return r;
}

static int add(struct plan *plan, int32_t kind, const struct recipe *want, const char *from,
               const char *before)
{
        return plan_add(plan, kind, want->id, want->version, from, before);
}

/* Two components at one place would take turns. */
static int check_targets_differ(const struct files *files, const struct recipe *want, size_t i,
                                struct ub_error *error)
{
        size_t j;

        for (j = 0; want->target && j < i; j++) {
                const struct ub_component *other = &files->desired->components[j];
                const char *target = ub_config_get(other->config, other->n_config, "target");

                if (target && strcmp(target, want->target) == 0)
                        return ub_error_set(error, -EBADMSG, "%s: target: %s is that of %s too",
                                            want->id, target, other->id);
        }
        return 0;
}

static int identify_component(const struct files *files, size_t i, struct plan *plan,
                              struct ub_error *error)
{
        CLEANUP(recipe_done) struct recipe want = { .id = NULL };
        CLEANUP(version_done) struct version have = { .recipe = { .id = NULL } };
        CLEANUP_FREE char *folder = NULL;
        struct ub_error drift = UB_ERROR_INIT;
        const char *from;
        int r;

        r = recipe_read(&files->desired->components[i], &files->settings, error, &want);
        if (r == 0)
                r = check_targets_differ(files, &want, i, error);
        if (r < 0)
                return r;
        r = read_active(files, want.id, &folder, &have, error);
        if (r < 0)
                return r;
        from = r > 0 ? have.recipe.version : "";
        if (r > 0 && !recipe_differs(&want, &have.recipe)) {
                r = identify_drift(files, want.id, folder, false, &drift, error);
                if (r == 0 && have.recipe.target)
                        r = target_is_placed(&files->settings, &files->store, want.id,
                                             have.recipe.target) ? 0 : 1;
                if (r <= 0)
                        return r;
        }
        r = check_recipe(files, &want, error);
        if (r == 0)
                r = add(plan, folder ? UB_ACTION_UPDATE : UB_ACTION_INSTALL, &want, from, folder);
        return r;
}

/* What is active and not desired. */
static int identify_removals(const struct files *files, struct plan *plan, struct ub_error *error)
{
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        size_t i;
        int r;

        r = store_list_active(&files->store, &ids);
        if (r < 0)
                return ub_error_set(error, r, "what is active cannot be read: %s", strerror(-r));
        for (i = 0; i < ids.n && r == 0; i++) {
                CLEANUP(version_done) struct version have = { .recipe = { .id = NULL } };
                CLEANUP_FREE char *folder = NULL;

                if (ub_desired_state_component(files->desired, ids.list[i]))
                        continue;
                r = read_active(files, ids.list[i], &folder, &have, error);
                if (r >= 0 && folder)
                        r = plan_add(plan, UB_ACTION_REMOVE, ids.list[i], "",
                                     r > 0 ? have.recipe.version : folder, folder);
        }
        return r;
}

int identify_run(struct files *files, void *data, struct ub_error *error)
{
        CLEANUP(plan_done) struct plan plan = { .n = 0 };
        bool merge;
        size_t i;
        int r;

        (void)data;
        merge = is_merge(files, error, &r);
        for (i = 0; i < files->desired->n_components && r == 0; i++)
                r = identify_component(files, i, &plan, error);
        if (r == 0 && !merge)
                r = identify_removals(files, &plan, error);
        if (r < 0)
                return r;
        plan_done(&files->record.plan);
        files->record.plan = plan;
        plan = (struct plan){ .n = 0 };
        return 0;
}
