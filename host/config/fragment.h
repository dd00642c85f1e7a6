/* SPDX-License-Identifier: Apache-2.0
 *
 * fragment - one file of conf.d
 *
 * JSON with comments: one object, UTF-8, at most FRAGMENT_BYTES_MAX bytes and FRAGMENT_DEPTH_MAX
 * levels.  Line comments begin with two slashes, block comments are those of C; nothing else is
 * allowed beyond JSON.  Comments become spaces where they stand, so that every message has the line
 * and column of the file.
 *
 * A fragment says with "agent" or "connector" which registration it is about.  One that is too
 * broken to say so is held against the id in its name, NN-id.conf. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "host/json/scan.h"
#include "host/util/cleanup.h"

struct json;
struct problems;

enum {
        FRAGMENT_BYTES_MAX = 256 * 1024,
        FRAGMENT_DEPTH_MAX = 32,
        FRAGMENT_ID_MAX = 64, /* UB_MAX_ID */
};

enum fragment_role { FRAGMENT_ROLE_AGENT = 1, FRAGMENT_ROLE_CONNECTOR };

enum fragment_result {
        FRAGMENT_LOADED = 1, /* *ret is set; it may be faulty */
        FRAGMENT_MASKED,     /* empty, or a link to /dev/null: hides files of this name below */
        FRAGMENT_IGNORED, /* not to be trusted: as though it were not there; a warning says why */
};

struct fragment {
        char *path;
        const char *name;        /* the last part of path */
        char *text;              /* as in the file; positions are those of this */
        char *plain;             /* the same without comments */
        size_t length;           /* of both */
        struct json *json;       /* NULL: faulty, the problems say why */
        enum fragment_role role;
        char *id;                /* NULL: neither the text nor the name has one */
        size_t order;            /* among the fragments that count, sorted; set by confd.c */
};

/* Reads DIR/NAME.  A file counts when it is a regular one after following links, owned by root or
 * by `owner` and writable by its owner only; a link must be theirs too.  A fragment_result, or
 * -ENOMEM. */
int fragment_load(int dir_fd, const char *dir, const char *name, uid_t owner,
                  struct problems *problems, struct fragment **ret);

/* Makes a fragment of a text.  0, also when the text is faulty; -ENOMEM. */
int fragment_new(const char *path, const char *text, size_t length, struct problems *problems,
                 struct fragment **ret);
struct fragment *fragment_free(struct fragment *fragment);
DEFINE_FREEP(struct fragment, fragment);

/* Turns comments into spaces, line ends excepted.  0; -EBADMSG: a block comment that begins at
 * *fault_offset does not end. */
int fragment_blank_comments(char *text, size_t length, size_t *fault_offset);

/* [A-Za-z0-9._-]{1,64}, and not "." or "..": ids become names of files. */
bool fragment_id_is_valid(const char *id);

/* Where the value at a JSON pointer stands; false: the fragment says nothing of it. */
bool fragment_find(const struct fragment *fragment, const char *pointer, struct scan_position *ret);
