/* SPDX-License-Identifier: Apache-2.0
 *
 * recipe - see recipe.h */
#include "plugins/files/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/files/path.h"
#include "plugins/files/scope.h"

enum { STRIP_MAX = 64, SHA256_DIGITS = 64 };

static const char *const format_names[] = {
        [RECIPE_AUTO] = "auto", [RECIPE_ARCHIVE] = "archive", [RECIPE_FILE] = "file", NULL
};

/* Sets one member from the text of its key.  -EBADMSG and the cause. */
typedef int (*set_fn)(struct recipe *recipe, char **member, const char *value,
                      struct ub_error *error);

/* --------------------------------------------------------------------------------- one key each */

static int set_text(struct recipe *recipe, char **member, const char *value,
                    struct ub_error *error)
{
        (void)recipe;
        if (!*value)
                return ub_error_set(error, -EBADMSG, "empty");
        *member = strdup(value);
        return *member ? 0 : ub_error_set(error, -ENOMEM, "out of memory");
}

static int set_source(struct recipe *recipe, char **member, const char *value,
                      struct ub_error *error)
{
        if (strncasecmp(value, "http://", 7) != 0 && strncasecmp(value, "https://", 8) != 0 &&
            strncasecmp(value, "file:", 5) != 0)
                return ub_error_set(error, -EBADMSG, "expected an http, https or file URL");
        return set_text(recipe, member, value, error);
}

static int set_sha256(struct recipe *recipe, char **member, const char *value,
                      struct ub_error *error)
{
        char *c;
        int r;

        if (strlen(value) != SHA256_DIGITS ||
            strspn(value, "0123456789abcdefABCDEF") != SHA256_DIGITS)
                return ub_error_set(error, -EBADMSG, "expected %d hexadecimal digits",
                                    SHA256_DIGITS);
        r = set_text(recipe, member, value, error);
        for (c = *member; r == 0 && *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return r;
}

static int set_signature(struct recipe *recipe, char **member, const char *value,
                         struct ub_error *error)
{
        if (strncmp(value, "-----BEGIN ", 11) == 0)
                return set_text(recipe, member, value, error);
        return set_source(recipe, member, value, error);
}

/* A number of at most `max` in a base; -EBADMSG. */
static int parse_number(const char *value, int base, unsigned long max, unsigned long *ret)
{
        char *end;

        if (!isdigit((unsigned char)*value))
                return -EBADMSG;
        errno = 0;
        *ret = strtoul(value, &end, base);
        return errno != 0 || *end || *ret > max ? -EBADMSG : 0;
}

static int set_strip(struct recipe *recipe, char **member, const char *value,
                     struct ub_error *error)
{
        unsigned long number;

        (void)member;
        if (parse_number(value, 10, STRIP_MAX, &number) < 0)
                return ub_error_set(error, -EBADMSG, "expected a number of at most %d, got \"%s\"",
                                    STRIP_MAX, value);
        recipe->strip = (unsigned)number;
        return 0;
}

static int set_mode(struct recipe *recipe, char **member, const char *value,
                    struct ub_error *error)
{
        unsigned long number;

        (void)member;
        if (parse_number(value, 8, 0777, &number) < 0)
                return ub_error_set(error, -EBADMSG,
                                    "expected octal permissions like \"0644\", got \"%s\"", value);
        recipe->mode = (mode_t)number;
        recipe->has_mode = true;
        return 0;
}

static int set_format(struct recipe *recipe, char **member, const char *value,
                      struct ub_error *error)
{
        int i;

        (void)member;
        for (i = 0; format_names[i]; i++) {
                if (strcmp(value, format_names[i]) == 0) {
                        recipe->format = (enum recipe_format)i;
                        return 0;
                }
        }
        return ub_error_set(error, -EBADMSG,
                            "expected \"auto\", \"archive\" or \"file\", got \"%s\"", value);
}

/* "." and ".." and "//" would make two names of one place. */
static int set_target(struct recipe *recipe, char **member, const char *value,
                      struct ub_error *error)
{
        static const struct path_limits limits = { .bytes = 1024, .depth = 64 };
        CLEANUP_FREE char *clean = NULL;
        int r;

        if (*value != '/')
                return ub_error_set(error, -EBADMSG, "expected an absolute path, got \"%s\"",
                                    value);
        r = path_clean(value + strspn(value, "/"), 0, &limits, error, &clean);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (r == 0 || strcmp(value + 1, clean) != 0)
                return ub_error_set(error, -EBADMSG,
                                    "expected a path without \".\" and double slashes");
        return set_text(recipe, member, value, error);
}

/* ----------------------------------------------------------------------------- from a component */

static const struct key {
        const char *name;
        set_fn set;
        size_t offset; /* of its text */
} keys[] = {
        { "source", set_source, offsetof(struct recipe, source) },
        { "sha256", set_sha256, offsetof(struct recipe, sha256) },
        { "signature", set_signature, offsetof(struct recipe, signature) },
        { "format", set_format, 0 },
        { "strip", set_strip, 0 },
        { "mode", set_mode, 0 },
        { "owner", set_text, offsetof(struct recipe, owner) },
        { "activate", set_text, offsetof(struct recipe, activate) },
        { "target", set_target, offsetof(struct recipe, target) },
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

static int read_key(const struct ub_pair *pair, unsigned *seen, struct ub_error *error,
                    struct recipe *recipe)
{
        size_t i;
        int r;

        for (i = 0; i < N_KEYS; i++) {
                char **member = (char **)((char *)recipe + keys[i].offset);

                if (strcmp(pair->key, keys[i].name) != 0)
                        continue;
                if (*seen & 1U << i)
                        return ub_error_set(error, -EBADMSG, "%s: given twice", pair->key);
                *seen |= 1U << i;
                r = keys[i].set(recipe, member, pair->value, error);
                return r < 0 ? ub_error_prefix(error, r, "%s", pair->key) : 0;
        }
        return ub_error_set(error, -EBADMSG,
                            "there is no key \"%s\"; there are source, sha256, signature, format, "
                            "strip, mode, owner, activate and target",
                            pair->key);
}

/* What the administrator has not allowed. */
static int check_allowed(const struct recipe *recipe, const struct settings *settings,
                         struct ub_error *error)
{
        const char *rest;

        if (recipe->activate && !settings_program(settings, recipe->activate))
                return ub_error_set(error, -EBADMSG,
                                    "activate: there is no command \"%s\" in the agent's settings",
                                    recipe->activate);
        if (recipe->target && !settings_target_folder(settings, recipe->target, &rest))
                return ub_error_set(error, -EBADMSG,
                                    "target: %s is below none of \"targets\" in the agent's "
                                    "settings",
                                    recipe->target);
        if (recipe->signature && !settings->ca)
                return ub_error_set(error, -EBADMSG,
                                    "signature: cannot be checked without \"ca\" in the agent's "
                                    "settings");
        return 0;
}

int recipe_read(const struct ub_component *component, const struct settings *settings,
                struct ub_error *error, struct recipe *ret)
{
        CLEANUP(recipe_done) struct recipe recipe = { .format = RECIPE_AUTO };
        unsigned seen = 0;
        size_t i;
        int r = 0;

        if (path_check_name(component->id) < 0)
                return ub_error_set(error, -EBADMSG,
                                    "%s: the id of a component is made of A-Z a-z 0-9 . _ - and "
                                    "has at most %d of them",
                                    component->id, PATH_NAME_MAX);
        recipe.id = strdup(component->id);
        recipe.version = strdup(component->version);
        if (!recipe.id || !recipe.version)
                return ub_error_set(error, -ENOMEM, "out of memory");
        for (i = 0; i < component->n_config && r == 0; i++)
                r = read_key(&component->config[i], &seen, error, &recipe);
        if (r == 0)
                r = check_allowed(&recipe, settings, error);
        if (r < 0)
                return ub_error_prefix(error, r, "%s", component->id);
        *ret = recipe;
        recipe = (struct recipe){ .id = NULL };
        return 0;
}

int recipe_check_source(const struct recipe *recipe, const struct settings *settings,
                        struct ub_error *error)
{
        if (!recipe->source)
                return ub_error_set(error, -EBADMSG, "%s: source: missing", recipe->id);
        if (settings->require_signature && !recipe->signature)
                return ub_error_set(error, -EKEYREJECTED,
                                    "%s: signature: missing, and the agent's settings require one",
                                    recipe->id);
        return 0;
}

bool recipe_wants_archive(const struct recipe *recipe)
{
        static const char *const ends[] = { ".tar",    ".tar.gz", ".tgz",  ".tar.xz",  ".txz",
                                            ".tar.zst", ".tzst",  ".tar.bz2", ".tbz2", ".zip",
                                            ".cpio",   ".cpio.gz" };
        size_t length = strcspn(recipe->source, "?#");
        size_t i;

        for (i = 0; recipe->format == RECIPE_AUTO && i < sizeof(ends) / sizeof(ends[0]); i++) {
                size_t n = strlen(ends[i]);

                if (length > n && strncasecmp(recipe->source + length - n, ends[i], n) == 0)
                        return true;
        }
        return recipe->format == RECIPE_ARCHIVE;
}

/* ---------------------------------------------------------------------------------------- owner */

enum { ENTRY_BYTES = 64 * 1024 }; /* more than any entry that a person can read */

/* The number that a text is; -1: it is a name. */
static int64_t number_of(const char *text)
{
        unsigned long number;

        return parse_number(text, 10, UINT32_MAX - 1, &number) == 0 ? (int64_t)number : -1;
}

static int find_user(const char *name, uid_t *ret)
{
        CLEANUP_FREE char *buf = malloc(ENTRY_BYTES);
        struct passwd entry;
        struct passwd *found = NULL;
        int64_t number = number_of(name);

        if (number < 0 && buf)
                (void)getpwnam_r(name, &entry, buf, ENTRY_BYTES, &found); /* found is NULL then */
        if (number < 0 && !found)
                return -ENOENT;
        *ret = number < 0 ? found->pw_uid : (uid_t)number;
        return 0;
}

static int find_group(const char *name, gid_t *ret)
{
        CLEANUP_FREE char *buf = malloc(ENTRY_BYTES);
        struct group entry;
        struct group *found = NULL;
        int64_t number = number_of(name);

        if (number < 0 && buf)
                (void)getgrnam_r(name, &entry, buf, ENTRY_BYTES, &found); /* found is NULL then */
        if (number < 0 && !found)
                return -ENOENT;
        *ret = number < 0 ? found->gr_gid : (gid_t)number;
        return 0;
}

int recipe_find_owner(const struct recipe *recipe, uid_t *ret_uid, gid_t *ret_gid,
                      struct ub_error *error)
{
        CLEANUP_FREE char *user = NULL;
        uid_t uid = (uid_t)-1;
        gid_t gid = (gid_t)-1;
        char *group;

        user = strdup(recipe->owner ? recipe->owner : "");
        if (!user)
                return ub_error_set(error, -ENOMEM, "out of memory");
        group = strchr(user, ':');
        if (group)
                *group++ = '\0';
        if (*user && find_user(user, &uid) < 0)
                return ub_error_set(error, -EBADMSG, "%s: owner: there is no user %s", recipe->id,
                                    user);
        if (group && *group && find_group(group, &gid) < 0)
                return ub_error_set(error, -EBADMSG, "%s: owner: there is no group %s", recipe->id,
                                    group);
        *ret_uid = uid;
        *ret_gid = gid;
        return 0;
}

/* -------------------------------------------------------------------------------- as it is kept */

void recipe_write(const struct recipe *recipe, struct ub_json_writer *w)
{
        ub_json_put_string(w, "id", recipe->id);
        ub_json_put_string(w, "version", recipe->version);
        ub_json_put_string(w, "sha256", recipe->sha256);
        ub_json_put_string(w, "owner", recipe->owner);
        ub_json_put_string(w, "activate", recipe->activate);
        ub_json_put_string(w, "target", recipe->target);
        ub_json_put_string(w, "format", format_names[recipe->format]);
        ub_json_put_int(w, "strip", recipe->strip);
        if (recipe->has_mode)
                ub_json_put_int(w, "mode", recipe->mode);
}

static int copy_text(const struct ub_json *object, const char *key, struct ub_error *error,
                     char **ret)
{
        const char *text;
        int r = ub_json_get_string(object, key, error, &text);

        if (r <= 0)
                return r;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

int recipe_from_json(const struct ub_json *object, struct ub_error *error, struct recipe *ret)
{
        CLEANUP(recipe_done) struct recipe recipe = { .format = RECIPE_AUTO };
        const char *format = "auto";
        int64_t strip = 0;
        int64_t mode = -1;
        int r;

        r = copy_text(object, "id", error, &recipe.id);
        if (r >= 0)
                r = copy_text(object, "version", error, &recipe.version);
        if (r >= 0)
                r = copy_text(object, "sha256", error, &recipe.sha256);
        if (r >= 0)
                r = copy_text(object, "owner", error, &recipe.owner);
        if (r >= 0)
                r = copy_text(object, "activate", error, &recipe.activate);
        if (r >= 0)
                r = copy_text(object, "target", error, &recipe.target);
        if (r >= 0)
                r = ub_json_get_int(object, "strip", 0, STRIP_MAX, error, &strip);
        if (r >= 0)
                r = ub_json_get_int(object, "mode", 0, 0777, error, &mode);
        if (r >= 0)
                r = ub_json_get_string(object, "format", error, &format);
        if (r >= 0)
                r = set_format(&recipe, NULL, format, error);
        if (r >= 0 && (!recipe.id || !recipe.version))
                r = ub_error_set(error, -EBADMSG, "id or version is missing");
        if (r < 0)
                return r;
        recipe.strip = (unsigned)strip;
        recipe.has_mode = mode >= 0;
        recipe.mode = recipe.has_mode ? (mode_t)mode : 0;
        *ret = recipe;
        recipe = (struct recipe){ .id = NULL };
        return 0;
}

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

const char *recipe_differs(const struct recipe *want, const struct recipe *have)
{
        if (*want->version && strcmp(want->version, have->version) != 0)
                return "version";
        if (!want->source && !want->sha256)
                return NULL; /* it says nothing of how it is made, so any will do */
        if (want->sha256 && !same_text(want->sha256, have->sha256))
                return "sha256";
        if (want->format != have->format)
                return "format";
        if (want->strip != have->strip)
                return "strip";
        if (want->has_mode != have->has_mode || want->mode != have->mode)
                return "mode";
        if (!same_text(want->owner, have->owner))
                return "owner";
        if (!same_text(want->activate, have->activate))
                return "activate";
        if (!same_text(want->target, have->target))
                return "target";
        return NULL;
}

void recipe_done(struct recipe *recipe)
{
        free(recipe->id);
        free(recipe->version);
        free(recipe->source);
        free(recipe->sha256);
        free(recipe->signature);
        free(recipe->owner);
        free(recipe->activate);
        free(recipe->target);
        *recipe = (struct recipe){ .id = NULL };
}
