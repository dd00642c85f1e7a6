/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/config/confd.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/schema.h"
#include "host/util/diag.h"

/* A file of one folder. */
struct candidate {
        char *name;
        size_t dir;
};

/* What is only needed while loading. */
struct loader {
        const struct confd_options *options;
        struct confd *confd;
        DIR *dirs[CONFD_DIRS_MAX]; /* NULL: does not exist */
        struct candidate *candidates;
        size_t n_candidates;
        size_t candidates_size;
};

struct confd *confd_free(struct confd *confd)
{
        size_t i;

        if (!confd)
                return NULL;
        for (i = 0; i < confd->n_registrations; i++)
                registration_free(confd->registrations[i]);
        for (i = 0; i < confd->n_fragments; i++)
                fragment_free(confd->fragments[i]);
        free(confd->registrations);
        free(confd->fragments);
        problems_done(&confd->problems);
        free(confd);
        return NULL;
}

static void loader_done(struct loader *loader)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(loader->dirs); i++)
                cleanup_closedir(&loader->dirs[i]);
        for (i = 0; i < loader->n_candidates; i++)
                free(loader->candidates[i].name);
        free(loader->candidates);
}

static int complain(struct loader *loader, const char *file, const char *text)
{
        struct problem problem = { .error = true, .file = (char *)file, .text = (char *)text };

        return problems_add(&loader->confd->problems, &problem, NULL);
}

/* ----------------------------------------------------------------------- 1, 2: files that count */

/* Leaves out hidden files too: editors keep their own there. */
static bool is_fragment_name(const char *name)
{
        size_t n = strlen(name);

        return name[0] != '.' && n > strlen(".conf") &&
               strcmp(name + n - strlen(".conf"), ".conf") == 0;
}

static int add_candidate(struct loader *loader, const char *name, size_t dir)
{
        struct candidate *candidates = loader->candidates;

        if (loader->n_candidates == loader->candidates_size) {
                size_t size = loader->candidates_size ? 2 * loader->candidates_size : 16;

                candidates = reallocarray(candidates, size, sizeof(*candidates));
                if (!candidates)
                        return -ENOMEM;
                loader->candidates = candidates;
                loader->candidates_size = size;
        }
        candidates[loader->n_candidates].dir = dir;
        candidates[loader->n_candidates].name = strdup(name);
        if (!candidates[loader->n_candidates].name)
                return -ENOMEM;
        loader->n_candidates++;
        return 0;
}

static int list_dir(struct loader *loader, size_t dir)
{
        const char *path = loader->options->dirs[dir];
        const struct dirent *entry;
        struct diag text;
        size_t n = 0;
        int r;

        loader->dirs[dir] = opendir(path);
        if (!loader->dirs[dir] && errno == ENOENT)
                return 0;
        for (errno = 0; loader->dirs[dir] && (entry = readdir(loader->dirs[dir])); errno = 0) {
                if (!is_fragment_name(entry->d_name))
                        continue;
                if (++n > CONFD_FILES_MAX) {
                        (void)diag_set(&text, 0, "more than %d files; the rest is ignored",
                                       CONFD_FILES_MAX);
                        return complain(loader, path, text.text);
                }
                r = add_candidate(loader, entry->d_name, dir);
                if (r < 0)
                        return r;
        }
        if (errno == 0)
                return 0;
        (void)diag_set_errno(&text, -errno, "cannot be read");
        return complain(loader, path, text.text);
}

/* By name; of the same name the highest folder first. */
static int compare_candidates(const void *a, const void *b)
{
        const struct candidate *x = a;
        const struct candidate *y = b;
        int order = strcmp(x->name, y->name);

        return order ? order : (x->dir < y->dir) - (x->dir > y->dir);
}

static int load_candidate(struct loader *loader, const struct candidate *candidate)
{
        CLEANUP(fragment_freep) struct fragment *fragment = NULL;
        struct confd *confd = loader->confd;
        struct fragment **fragments;
        int result;

        result = fragment_load(dirfd(loader->dirs[candidate->dir]),
                               loader->options->dirs[candidate->dir], candidate->name,
                               loader->options->owner, &confd->problems, &fragment);
        if (result != FRAGMENT_LOADED)
                return result;
        fragments = reallocarray(confd->fragments, confd->n_fragments + 1, sizeof(*fragments));
        if (!fragments)
                return -ENOMEM;
        confd->fragments = fragments;
        fragment->order = confd->n_fragments;
        fragments[confd->n_fragments++] = TAKE_PTR(fragment);
        return result;
}

static int load_fragments(struct loader *loader)
{
        const char *settled = NULL; /* the name that needs no more looking at */
        size_t i;
        int r;

        for (i = 0; i < loader->options->n_dirs; i++) {
                r = list_dir(loader, i);
                if (r < 0)
                        return r;
        }
        if (loader->n_candidates > 1)
                qsort(loader->candidates, loader->n_candidates, sizeof(*loader->candidates),
                      compare_candidates);
        for (i = 0; i < loader->n_candidates; i++) {
                const struct candidate *candidate = &loader->candidates[i];

                if (settled && strcmp(settled, candidate->name) == 0)
                        continue;
                r = load_candidate(loader, candidate);
                if (r < 0)
                        return r;
                /* An ignored file neither replaces nor masks: the one below it is looked at. */
                if (r != FRAGMENT_IGNORED)
                        settled = candidate->name;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------ reporting */

int confd_get_origin(const struct registration *registration, const char *pointer,
                     struct confd_origin *ret)
{
        size_t i;

        for (i = registration->n_fragments; i-- > 0;) {
                struct scan_position at;

                if (fragment_find(registration->fragments[i], pointer, &at)) {
                        *ret = (struct confd_origin){ .fragment = registration->fragments[i],
                                                      .at = at };
                        return 0;
                }
        }
        return -ENOENT;
}

/* The same, or of the nearest thing around it: what is missing has no place of its own. */
static int get_origin_around(const struct registration *registration, const char *pointer,
                             struct confd_origin *ret)
{
        CLEANUP_FREE char *around = strdup(pointer);
        char *slash;

        if (!around)
                return -ENOMEM;
        while (confd_get_origin(registration, around, ret) < 0) {
                slash = strrchr(around, '/');
                if (!slash)
                        return -ENOENT;
                *slash = '\0';
        }
        return 0;
}

/* What the callbacks of registration.h and schema.h report to. */
struct reporter {
        struct problems *problems;
        const struct registration *registration;
        const struct fragment *fragment; /* where all of it is; NULL: look for it */
        int r;
};

static void report(void *data, bool error, const char *pointer, const char *text)
{
        struct reporter *reporter = data;
        struct confd_origin origin = { .fragment = reporter->fragment };
        struct problem problem = {
                .error = error,
                .id = reporter->registration->id,
                .text = (char *)text,
        };
        int r;

        if (origin.fragment)
                r = fragment_find(origin.fragment, pointer, &origin.at) ? 0 : -ENOENT;
        else
                r = get_origin_around(reporter->registration, pointer, &origin);
        if (r == 0 || r == -ENOENT) {
                problem.file = origin.fragment ? origin.fragment->path : reporter->registration->id;
                problem.at = origin.at;
                r = problems_add(reporter->problems, &problem, pointer);
        }
        if (r < 0)
                reporter->r = r;
}

/* ----------------------------------------------------------------------------- 3: registrations */

static struct registration *find(const struct confd *confd, const char *id)
{
        size_t i;

        for (i = 0; i < confd->n_registrations; i++) {
                if (strcmp(confd->registrations[i]->id, id) == 0)
                        return confd->registrations[i];
        }
        return NULL;
}

struct registration *confd_find(const struct confd *confd, const char *id)
{
        return find(confd, id);
}

static int add_registration(struct confd *confd, const struct fragment *first,
                            struct registration **ret)
{
        CLEANUP(registration_freep) struct registration *reg = NULL;
        struct registration **registrations;
        int r;

        r = registration_new(first->id, first->role, &reg);
        if (r < 0)
                return r;
        registrations = reallocarray(confd->registrations, confd->n_registrations + 1,
                                     sizeof(*registrations));
        if (!registrations)
                return -ENOMEM;
        confd->registrations = registrations;
        *ret = reg;
        registrations[confd->n_registrations++] = TAKE_PTR(reg);
        return 0;
}

/* The first fragment that can be read decides about the role; an id is one or the other. */
static int check_role(struct confd *confd, struct registration *reg,
                      const struct fragment *fragment)
{
        struct reporter reporter = {
                .problems = &confd->problems,
                .registration = reg,
                .fragment = fragment,
        };
        struct diag pointer;
        struct diag text;
        size_t i;

        if (!fragment->json)
                return 0;
        for (i = 0; i < reg->n_fragments && !reg->fragments[i]->json; i++)
                ;
        if (i == reg->n_fragments) {
                reg->role = fragment->role;
                return 0;
        }
        if (reg->role == fragment->role)
                return 0;
        (void)diag_set(&pointer, 0, "/%s", registration_role_to_string(fragment->role));
        (void)diag_set(&text, 0, "\"%s\" is already the id of %s %s, in %s", reg->id,
                       reg->role == FRAGMENT_ROLE_AGENT ? "an" : "a",
                       registration_role_to_string(reg->role), reg->fragments[i]->path);
        report(&reporter, true, pointer.text, text.text);
        return reporter.r;
}

static int add_fragment(struct confd *confd, struct fragment *fragment)
{
        struct registration *reg;
        struct reporter reporter = { .problems = &confd->problems, .fragment = fragment };
        int r;

        if (!fragment->id)
                return 0; /* nobody to hold it against; the problem is on the list */
        reg = find(confd, fragment->id);
        if (!reg) {
                r = add_registration(confd, fragment, &reg);
                if (r < 0)
                        return r;
        }
        r = check_role(confd, reg, fragment);
        if (r < 0)
                return r;
        r = registration_add(reg, fragment);
        if (r < 0 || !fragment->json)
                return r;
        reporter.registration = reg;
        r = registration_check_keys(fragment->json, report, &reporter);
        return r < 0 ? r : reporter.r;
}

static void report_setting(void *data, const char *pointer, const char *text)
{
        CLEANUP_FREE char *whole = NULL;
        struct reporter *reporter = data;

        if (asprintf(&whole, "/settings%s", pointer) < 0) {
                whole = NULL; /* undefined after a failure */
                reporter->r = -ENOMEM;
                return;
        }
        report(reporter, true, whole, text);
}

/* That a plugin cannot be asked stops an agent that is to run; for one that is disabled, whose
 * plugin may not be installed, it is worth a warning.  A schema that is itself wrong is its
 * plugin's fault and leaves the settings to create(). */
static int get_schema(const struct loader *loader, const struct registration *reg,
                      struct reporter *reporter, struct json **ret)
{
        CLEANUP_FREE char *schema = NULL;
        struct diag diag = DIAG_INIT;
        bool error = reg->enabled;
        int r;

        r = loader->options->schema(loader->options->schema_data, reg->plugin, &schema, &diag);
        if (r == 0 && schema) {
                r = schema_parse(schema, strlen(schema), &diag, ret);
                (void)diag_prefix(&diag, r, "the schema of this plugin's settings");
                error = false;
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                report(reporter, error, "/plugin", diag.text);
        return reporter->r;
}

static int check_settings(const struct loader *loader, const struct registration *reg,
                          struct reporter *reporter)
{
        const struct json *settings = json_get_member(reg->effective, "settings");
        CLEANUP_JSON struct json *none = json_new_object();
        CLEANUP_JSON struct json *schema = NULL;
        int r;

        if (!none)
                return -ENOMEM;
        if (!loader->options->schema || !reg->plugin)
                return 0;
        if (settings && json_get_type(settings) != JSON_TYPE_OBJECT)
                return 0; /* reported already */
        r = get_schema(loader, reg, reporter, &schema);
        if (r < 0 || !schema)
                return r;
        r = schema_check(schema, settings ? settings : none, report_setting, reporter);
        return r < 0 ? r : reporter->r;
}

static int compare_registrations(const void *a, const void *b)
{
        const struct registration *const *x = a;
        const struct registration *const *y = b;

        return strcmp((*x)->id, (*y)->id);
}

static int read_registration(struct loader *loader, struct registration *reg)
{
        struct reporter reporter = { .problems = &loader->confd->problems, .registration = reg };
        size_t i;
        int r;

        /* Where a fragment is missing, complaints about what it may have said would be noise. */
        for (i = 0; i < reg->n_fragments; i++) {
                if (!reg->fragments[i]->json)
                        return 0;
        }
        r = registration_read(reg, report, &reporter);
        if (r == 0)
                r = reporter.r;
        if (r == 0)
                r = check_settings(loader, reg, &reporter);
        if (r == 0)
                reg->state =
                        reg->enabled ? REGISTRATION_STATE_ENABLED : REGISTRATION_STATE_DISABLED;
        return r;
}

/* Every error that has an id makes that registration a bad one; the first is what people see. */
static int mark_bad(struct confd *confd)
{
        size_t i;

        for (i = 0; i < confd->problems.n; i++) {
                const struct problem *problem = &confd->problems.items[i];
                struct registration *reg;
                struct diag text;

                if (!problem->error || !problem->id)
                        continue;
                reg = find(confd, problem->id);
                if (!reg || reg->message)
                        continue;
                problem_format(problem, &text);
                reg->state = REGISTRATION_STATE_BAD_CONFIG;
                reg->message = strdup(text.text);
                if (!reg->message)
                        return -ENOMEM;
        }
        return 0;
}

static int load_registrations(struct loader *loader)
{
        struct confd *confd = loader->confd;
        size_t i;
        int r;

        for (i = 0; i < confd->n_fragments; i++) {
                r = add_fragment(confd, confd->fragments[i]);
                if (r < 0)
                        return r;
        }
        if (confd->n_registrations > 1)
                qsort(confd->registrations, confd->n_registrations, sizeof(*confd->registrations),
                      compare_registrations);
        for (i = 0; i < confd->n_registrations; i++) {
                r = read_registration(loader, confd->registrations[i]);
                if (r < 0)
                        return r;
        }
        return mark_bad(confd);
}

/* ----------------------------------------------------------------------------------- 4: domains */

/* An agent lays claim to its domain in the file that enables it. */
static size_t get_claim(const struct registration *reg)
{
        struct confd_origin origin;

        return confd_get_origin(reg, "/enabled", &origin) == 0 ? origin.fragment->order : 0;
}

static int shadow(struct confd *confd, struct registration *loser,
                  const struct registration *winner)
{
        struct reporter reporter = { .problems = &confd->problems, .registration = loser };
        struct diag text;

        (void)diag_set(
                &text, 0,
                "the domain \"%s\" is served by \"%s\", which is enabled in a later file, %s",
                loser->domain, winner->id, confd->fragments[get_claim(winner)]->name);
        loser->message = strdup(text.text);
        if (!loser->message)
                return -ENOMEM;
        loser->state = REGISTRATION_STATE_SHADOWED;
        report(&reporter, false, "/enabled", text.text);
        return reporter.r;
}

static bool claims(const struct registration *reg)
{
        return reg->state == REGISTRATION_STATE_ENABLED && reg->domain;
}

static int settle_domains(struct confd *confd)
{
        size_t i;
        size_t j;
        int r;

        for (i = 0; i < confd->n_registrations; i++) {
                struct registration *a = confd->registrations[i];

                for (j = i + 1; j < confd->n_registrations && claims(a); j++) {
                        struct registration *b = confd->registrations[j];

                        if (!claims(b) || strcmp(a->domain, b->domain) != 0)
                                continue;
                        r = get_claim(a) < get_claim(b) ? shadow(confd, a, b) : shadow(confd, b, a);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int confd_load(const struct confd_options *options, struct confd **ret)
{
        CLEANUP(confd_freep) struct confd *confd = calloc(1, sizeof(*confd));
        CLEANUP(loader_done) struct loader loader = { .options = options, .confd = confd };
        int r;

        assert(options && options->n_dirs <= CONFD_DIRS_MAX && ret);

        if (!confd)
                return -ENOMEM;
        r = load_fragments(&loader);
        if (r == 0)
                r = load_registrations(&loader);
        if (r == 0)
                r = settle_domains(confd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(confd);
        return 0;
}
