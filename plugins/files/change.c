/* SPDX-License-Identifier: Apache-2.0
 *
 * change - ACTIVATE, ROLLBACK, CLEANUP and VERIFY: what is active, and what goes
 *
 * All components of a command are switched by one rename (store_switch), so none of them ever runs
 * beside the old version of another.  Each of these can be done again after it was cut short. */
#include "plugins/files/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/log.h>

#include "plugins/files/scope.h"
#include "plugins/files/target.h"
#include "plugins/files/version.h"

/* The recipe of one version.  0: it cannot be read. */
static int read_version(const struct files *files, const char *id, const char *folder,
                        struct version *ret)
{
        CLEANUP_CLOSE int fd = -1;

        if (!folder || store_open_version(&files->store, id, folder, &fd) < 0)
                return 0;
        return version_read(fd, NULL, ret) == 0;
}

static int set_program(struct change *change, const char *name)
{
        free(change->program);
        change->program = name ? strdup(name) : NULL;
        return name && !change->program ? -ENOMEM : 0;
}

/* Switches everything in scope: to what UPDATE made, or back. */
static int switch_to(const struct files *files, bool back, struct ub_error *error)
{
        const struct plan *plan = &files->record.plan;
        CLEANUP_FREE struct store_link *links = calloc(plan->n + 1, sizeof(*links));
        size_t n = 0;
        size_t i;

        if (!links)
                return ub_error_set(error, -ENOMEM, "out of memory");
        for (i = 0; i < plan->n; i++) {
                const struct change *c = &plan->list[i];

                if (c->in_scope)
                        links[n++] = (struct store_link){ c->id, back ? c->before : c->next };
        }
        return store_switch(&files->store, links, n, error);
}

/* Puts the link of a version's target in place, and notes the command that it asks for. */
static int prepare(struct files *files, struct change *change, const char *folder,
                   struct ub_error *error)
{
        CLEANUP(version_done) struct version version = { .recipe = { .id = NULL } };
        int r = 0;

        if (!read_version(files, change->id, folder, &version))
                return ub_error_set(error, -ESTALE, "%s: version %s cannot be read", change->id,
                                    folder);
        if (version.recipe.target)
                r = target_place(&files->settings, &files->store, change->id, version.recipe.target,
                                 error);
        if (r == 0 && set_program(change, version.recipe.activate) < 0)
                r = ub_error_set(error, -ENOMEM, "out of memory");
        return r;
}

/* -------------------------------------------------------------------------------------- targets */

struct settling {
        const struct files *files;
        const char *id;
        const char *target; /* of the active version; NULL: it has none */
        struct ub_error *error;
};

static int settle_version(void *data, const char *id, const char *folder)
{
        CLEANUP(version_done) struct version version = { .recipe = { .id = NULL } };
        const struct settling *s = data;
        const char *target;

        if (strcmp(id, s->id) != 0 || !read_version(s->files, id, folder, &version))
                return 0;
        target = version.recipe.target;
        if (!target || (s->target && strcmp(s->target, target) == 0))
                return 0;
        return target_remove(&s->files->settings, &s->files->store, id, target, s->error);
}

/* Removes the links at the targets that other versions of a component have and the active one has
 * not. */
static int settle(const struct files *files, const char *id, struct ub_error *error)
{
        CLEANUP(version_done) struct version version = { .recipe = { .id = NULL } };
        struct settling settling = { .files = files, .id = id, .error = error };
        CLEANUP_FREE char *folder = NULL;
        int r;

        r = store_get_active(&files->store, id, &folder);
        if (r < 0)
                return ub_error_set(error, r, "%s: what is active cannot be read: %s", id,
                                    strerror(-r));
        if (read_version(files, id, folder, &version))
                settling.target = version.recipe.target;
        else if (folder)
                return 0; /* better one link too many than one too few */
        return store_visit_versions(&files->store, settle_version, &settling);
}

/* --------------------------------------------------------------------------- ACTIVATE, ROLLBACK */

int change_activate(struct files *files, void *data, struct ub_error *error)
{
        struct plan *plan = &files->record.plan;
        size_t i;
        int r = 0;

        (void)data;
        for (i = 0; i < plan->n; i++)
                if (plan->list[i].in_scope)
                        plan->list[i].touched = true;
        r = record_save(&files->store, &files->record, error);
        for (i = 0; i < plan->n && r == 0; i++) {
                struct change *change = &plan->list[i];

                if (!change->in_scope || change->kind == UB_ACTION_REMOVE)
                        continue;
                if (!change->next)
                        r = ub_error_set(error, -ESTALE, "%s: UPDATE has not installed it",
                                         change->id);
                else
                        r = prepare(files, change, change->next, error);
        }
        return r < 0 ? r : switch_to(files, false, error);
}

int change_roll_back(struct files *files, void *data, struct ub_error *error)
{
        struct plan *plan = &files->record.plan;
        size_t i;
        int r = 0;

        (void)data;
        for (i = 0; i < plan->n && r == 0; i++) {
                struct change *change = &plan->list[i];

                if (!change->in_scope)
                        continue;
                (void)set_program(change, NULL); /* ACTIVATE's, when it takes itself back */
                if (change->touched && change->before)
                        r = prepare(files, change, change->before, error);
        }
        if (r == 0)
                r = switch_to(files, true, error);
        for (i = 0; i < plan->n && r == 0; i++)
                if (plan->list[i].in_scope)
                        r = settle(files, plan->list[i].id, error);
        return r;
}

/* -------------------------------------------------------------------------------------- CLEANUP */

/* What stays: what is active, what was before, and what another baseline of this activity still
 * needs.  When in doubt, keep. */
static bool keep_version(void *data, const char *id, const char *folder)
{
        const struct files *files = data;
        const struct change *change = plan_find(&files->record.plan, id);
        CLEANUP_FREE char *active = NULL;
        CLEANUP_FREE char *previous = NULL;

        if (store_get_active(&files->store, id, &active) < 0 ||
            store_get_previous(&files->store, id, &previous) < 0)
                return true;
        if (active && strcmp(active, folder) == 0)
                return true;
        if (active && previous && strcmp(previous, folder) == 0)
                return true;
        return change && !change->in_scope &&
               ((change->before && strcmp(change->before, folder) == 0) ||
                (change->next && strcmp(change->next, folder) == 0));
}

static int remember_previous(const struct files *files, const struct change *change,
                             struct ub_error *error)
{
        CLEANUP_FREE char *active = NULL;
        int r;

        r = store_get_active(&files->store, change->id, &active);
        if (r == 0 && active && change->before && change->next && strcmp(active, change->next) == 0)
                r = store_put_previous(&files->store, change->id, change->before);
        return r < 0 ? ub_error_set(error, r, "%s: previous version: %s", change->id, strerror(-r))
                     : 0;
}

static int drop_downloads(const struct files *files, struct ub_error *error)
{
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        size_t i;
        int r;

        r = tree_list(files->store.downloads_fd, &ids);
        for (i = 0; i < ids.n && r == 0; i++) {
                const struct change *change = plan_find(&files->record.plan, ids.list[i]);

                if (!change || change->in_scope)
                        r = store_drop_downloads(&files->store, ids.list[i]);
        }
        return r < 0 ? ub_error_set(error, r, "cannot remove downloads: %s", strerror(-r)) : 0;
}

int change_clean_up(struct files *files, void *data, struct ub_error *error)
{
        const struct plan *plan = &files->record.plan;
        size_t i;
        int r = 0;

        (void)data;
        for (i = 0; i < plan->n && r == 0; i++) {
                if (!plan->list[i].in_scope)
                        continue;
                r = remember_previous(files, &plan->list[i], error);
                if (r == 0)
                        r = settle(files, plan->list[i].id, error);
        }
        if (r == 0)
                r = drop_downloads(files, error);
        return r < 0 ? r : store_sweep(&files->store, keep_version, files, error);
}

/* --------------------------------------------------------------------------------------- VERIFY */

static int verify_change(const struct files *files, const struct change *change,
                         struct ub_error *error)
{
        struct ub_error drift = UB_ERROR_INIT;
        CLEANUP_FREE char *active = NULL;
        int r;

        r = store_get_active(&files->store, change->id, &active);
        if (r < 0)
                return ub_error_set(error, r, "%s: what is active cannot be read: %s", change->id,
                                    strerror(-r));
        if (!active != !change->next || (active && strcmp(active, change->next) != 0))
                return ub_error_set(error, -ESTALE, "%s: %s is active, not %s", change->id,
                                    active ? active : "nothing",
                                    change->next ? change->next : "nothing");
        if (!active)
                return 0;
        r = identify_drift(files, change->id, active, false, &drift, error);
        return r > 0 ? ub_error_set(error, -ESTALE, "%s: %s", change->id, drift.text) : r;
}

int change_verify(struct files *files, void *data, struct ub_error *error)
{
        const struct plan *plan = &files->record.plan;
        size_t i;
        int r = 0;

        (void)data;
        for (i = 0; i < plan->n && r == 0; i++)
                if (plan->list[i].in_scope)
                        r = verify_change(files, &plan->list[i], error);
        return r;
}
