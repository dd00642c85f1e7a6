/* SPDX-License-Identifier: Apache-2.0
 *
 * recipe - how one version of a component is made: its configuration in the desired state
 *
 *     version     any text
 *     source      http, https or file URL of an archive or a single file
 *     sha256      of what the source yields, 64 hexadecimal digits
 *     signature   URL of a detached CMS signature of it, DER or PEM; or the PEM text itself
 *     format      "auto", "archive" or "file": "file" keeps an archive as it is
 *     strip       how many leading parts of each path in the archive go away
 *     mode        octal: permissions of files; folders and executables get x where r is
 *     owner       "user", "user:group" or ":group"
 *     activate    name of a command of the settings
 *     target      absolute path that leads to the version that is active
 *
 * The recipe of an installed version is kept beside it, so that what is there can be compared with
 * what is desired. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/json.h>

#include "plugins/files/settings.h"

enum recipe_format {
        RECIPE_AUTO,    /* by what is in it */
        RECIPE_ARCHIVE, /* or fail */
        RECIPE_FILE,
};

/* Owns its texts.  NULL: not given. */
struct recipe {
        char *id;
        char *version; /* never NULL */
        char *source;
        char *sha256; /* in small letters */
        char *signature;
        char *owner;
        char *activate;
        char *target;
        enum recipe_format format;
        unsigned strip;
        bool has_mode;
        mode_t mode;
};

/* Reads a component.  -EBADMSG: a key is wrong, unknown or not allowed here; error names the
 * component and the key.  -ENOMEM. */
int recipe_read(const struct ub_component *component, const struct settings *settings,
                struct ub_error *error, struct recipe *ret);

/* Can this recipe be carried out?  It needs a source, and a signature where one is required.
 * -EBADMSG, -EKEYREJECTED. */
int recipe_check_source(const struct recipe *recipe, const struct settings *settings,
                        struct ub_error *error);

/* Is it an error when what the source yields is no archive?  So says the format, or with "auto" the
 * end of the source's name. */
bool recipe_wants_archive(const struct recipe *recipe);

/* Looks up the owner; what is not given is -1.  Reads the system's lists of users, so it is for the
 * worker's thread.  -EBADMSG: there is no such user or group. */
int recipe_find_owner(const struct recipe *recipe, uid_t *ret_uid, gid_t *ret_gid,
                      struct ub_error *error);

/* What is kept beside a version: the members of an object that is open.  The source is kept
 * without a user and password. */
void recipe_write(const struct recipe *recipe, struct ub_json_writer *w);
int recipe_from_json(const struct ub_json *object, struct ub_error *error, struct recipe *ret);

/* Does `have`, installed, differ from what is desired?  Returns the key that differs, or NULL.
 * Where it comes from does not count, as long as it is the same. */
const char *recipe_differs(const struct recipe *want, const struct recipe *have);

void recipe_done(struct recipe *recipe);
