/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/config/fragment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "host/config/problem.h"
#include "host/json/json.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/utf8.h"

static const struct scan_rules fragment_rules = {
        .max_bytes = FRAGMENT_BYTES_MAX,
        .max_depth = FRAGMENT_DEPTH_MAX,
        .object = true,
        .exact_integers = true,
};

struct fragment *fragment_free(struct fragment *fragment)
{
        if (!fragment)
                return NULL;
        free(fragment->path);
        free(fragment->text);
        free(fragment->plain);
        json_free(fragment->json);
        free(fragment->id);
        free(fragment);
        return NULL;
}

bool fragment_id_is_valid(const char *id)
{
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        size_t n = strlen(id);

        return n >= 1 && n <= FRAGMENT_ID_MAX && strspn(id, letters) == n && strcmp(id, ".") != 0 &&
               strcmp(id, "..") != 0;
}

/* ------------------------------------------------------------------------------------- comments */

/* Behind the string that begins at `at`; strings are left to the scanner to check. */
static size_t skip_string(const char *text, size_t length, size_t at)
{
        for (at++; at < length && text[at] != '"' && text[at] != '\n'; at++) {
                if (text[at] == '\\' && at + 1 < length)
                        at++;
        }
        return at < length ? at + 1 : length;
}

static size_t blank_line(char *text, size_t length, size_t at)
{
        for (; at < length && text[at] != '\n' && text[at] != '\r'; at++)
                text[at] = ' ';
        return at;
}

/* 0: the comment does not end. */
static size_t blank_block(char *text, size_t length, size_t at)
{
        const char *end = at + 2 <= length ? memmem(text + at + 2, length - at - 2, "*/", 2) : NULL;
        size_t behind;

        if (!end)
                return 0;
        behind = (size_t)(end - text) + 2;
        for (; at < behind; at++) {
                if (text[at] != '\n' && text[at] != '\r')
                        text[at] = ' ';
        }
        return behind;
}

int fragment_blank_comments(char *text, size_t length, size_t *fault_offset)
{
        size_t at = 0;

        while (at < length) {
                if (text[at] == '"') {
                        at = skip_string(text, length, at);
                } else if (text[at] == '/' && at + 1 < length && text[at + 1] == '/') {
                        at = blank_line(text, length, at);
                } else if (text[at] == '/' && at + 1 < length && text[at + 1] == '*') {
                        size_t begin = at;

                        at = blank_block(text, length, at);
                        if (at == 0) {
                                *fault_offset = begin;
                                return -EBADMSG;
                        }
                } else {
                        at++;
                }
        }
        return 0;
}

/* ---------------------------------------------------------------------------------- the content */

/* NN-id.conf; NULL without an error when the name does not look like that. */
static int id_from_name(const char *name, char **ret)
{
        CLEANUP_FREE char *id = NULL;
        size_t digits = strspn(name, "0123456789");
        char *suffix;

        *ret = NULL;
        if (digits == 0 || name[digits] != '-')
                return 0;
        id = strdup(name + digits + 1);
        if (!id)
                return -ENOMEM;
        suffix = strrchr(id, '.');
        if (suffix)
                *suffix = '\0';
        if (fragment_id_is_valid(id))
                *ret = TAKE_PTR(id);
        return 0;
}

/* A fault of the whole fragment: it will not take part, and its registration is a bad one. */
static int refuse(struct fragment *f, struct problems *problems, struct scan_position at,
                  const char *pointer, const char *text)
{
        struct problem problem = {
                .error = true,
                .file = f->path,
                .at = at,
                .text = (char *)text,
        };
        int r;

        f->json = json_free(f->json);
        if (!f->id) {
                r = id_from_name(f->name, &f->id);
                if (r < 0)
                        return r;
        }
        problem.id = f->id;
        return problems_add(problems, &problem, pointer);
}

static int refuse_at(struct fragment *f, struct problems *problems, const char *pointer,
                     const char *text)
{
        struct scan_position at = { .line = 1, .column = 1 };

        (void)fragment_find(f, pointer, &at); /* line 1 when even that is missing */
        return refuse(f, problems, at, pointer, text);
}

static int read_id(struct fragment *f, struct problems *problems)
{
        const struct json *agent = json_get_member(f->json, "agent");
        const struct json *connector = json_get_member(f->json, "connector");
        const char *pointer = agent ? "/agent" : "/connector";
        const char *id = json_get_string(agent ? agent : connector);

        if (agent && connector)
                return refuse_at(f, problems, "/connector",
                                 "a registration is an agent or a connector, not both");
        if (!agent && !connector)
                return refuse_at(f, problems, "",
                                 "\"agent\" or \"connector\" with an id is missing");
        if (!id)
                return refuse_at(f, problems, pointer, "expected a string");
        if (!fragment_id_is_valid(id))
                return refuse_at(f, problems, pointer,
                                 "expected 1 to 64 letters, digits, \".\", \"_\" or \"-\"");
        f->role = agent ? FRAGMENT_ROLE_AGENT : FRAGMENT_ROLE_CONNECTOR;
        f->id = strdup(id);
        return f->id ? 0 : -ENOMEM;
}

/* The name is what a fragment without a readable id is known by, so it has to tell the same id. */
static int check_name(struct fragment *f, struct problems *problems)
{
        CLEANUP_FREE char *id = NULL;
        struct problem problem = { .id = f->id, .file = f->path };
        struct diag text;
        int r;

        r = id_from_name(f->name, &id);
        if (r < 0 || (id && strcmp(id, f->id) == 0))
                return r;
        (void)diag_set(&text, 0,
                       "the name should be NN-%s.conf with two digits, after the id inside", f->id);
        problem.text = text.text;
        return problems_add(problems, &problem, NULL);
}

/* The first byte that is no text, comments included; length when all is well. */
static size_t find_binary(const char *text, size_t length)
{
        uint32_t code;
        size_t at;
        size_t n;

        for (at = 0; at < length; at += n) {
                n = utf8_decode(text + at, length - at, &code);
                if (n == 0 || code == 0)
                        break;
        }
        return at;
}

static int read_content(struct fragment *f, struct problems *problems)
{
        struct diag diag = DIAG_INIT;
        size_t offset = find_binary(f->text, f->length);
        int r;

        if (offset < f->length)
                return refuse(f, problems, scan_position(f->text, f->length, offset), NULL,
                              "not valid UTF-8, or a NUL byte");
        if (fragment_blank_comments(f->plain, f->length, &offset) < 0)
                return refuse(f, problems, scan_position(f->text, f->length, offset), NULL,
                              "this comment does not end");
        r = json_parse(f->plain, f->length, &fragment_rules, &offset, &diag, &f->json);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return refuse(f, problems, scan_position(f->text, f->length, offset), NULL,
                              diag.text);
        r = read_id(f, problems);
        if (r < 0 || !f->json)
                return r;
        return check_name(f, problems);
}

static char *copy_bytes(const char *text, size_t length)
{
        char *copy = malloc(length + 1);

        if (copy) {
                memcpy(copy, text, length);
                copy[length] = '\0';
        }
        return copy;
}

/* A fragment without content yet. */
static int fragment_new_empty(const char *path, struct fragment **ret)
{
        CLEANUP(fragment_freep) struct fragment *f = calloc(1, sizeof(*f));
        const char *slash;

        if (!f)
                return -ENOMEM;
        f->role = FRAGMENT_ROLE_AGENT; /* what a broken one is taken for */
        f->path = strdup(path);
        if (!f->path)
                return -ENOMEM;
        slash = strrchr(f->path, '/');
        f->name = slash ? slash + 1 : f->path;
        *ret = TAKE_PTR(f);
        return 0;
}

int fragment_new(const char *path, const char *text, size_t length, struct problems *problems,
                 struct fragment **ret)
{
        CLEANUP(fragment_freep) struct fragment *f = NULL;
        int r;

        assert(path && text && problems && ret);

        r = fragment_new_empty(path, &f);
        if (r < 0)
                return r;
        f->text = copy_bytes(text, length);
        f->plain = copy_bytes(text, length);
        f->length = length;
        if (!f->text || !f->plain)
                return -ENOMEM;
        r = read_content(f, problems);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

bool fragment_find(const struct fragment *fragment, const char *pointer, struct scan_position *ret)
{
        size_t offset;
        size_t n;

        if (!fragment->json ||
            scan_locate_key(fragment->plain, fragment->length, pointer, &offset, &n) < 0)
                return false;
        *ret = scan_position(fragment->text, fragment->length, offset);
        return true;
}

/* ------------------------------------------------------------------------------------- the file */

static bool is_trusted(uid_t uid, uid_t owner)
{
        return uid == 0 || uid == owner;
}

/* Which test of C7 the file fails; false: none. */
static bool is_suspect(const struct stat *link, const struct stat *st, uid_t owner,
                       struct diag *ret)
{
        if (S_ISLNK(link->st_mode) && !is_trusted(link->st_uid, owner))
                (void)diag_set(ret, 0, "ignored: the link is owned by uid %u, not by root",
                               link->st_uid);
        else if (!S_ISREG(st->st_mode))
                (void)diag_set(ret, 0, "ignored: not a regular file");
        else if (!is_trusted(st->st_uid, owner))
                (void)diag_set(ret, 0, "ignored: owned by uid %u, not by root", st->st_uid);
        else if (st->st_mode & S_IWGRP)
                (void)diag_set(ret, 0, "ignored: writable by its group");
        else if (st->st_mode & S_IWOTH)
                (void)diag_set(ret, 0, "ignored: writable by others");
        else
                return false;
        return true;
}

static bool is_null_device(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int ignore(const char *path, struct problems *problems, const char *text)
{
        struct problem problem = { .file = (char *)path, .text = (char *)text };
        int r = problems_add(problems, &problem, NULL);

        return r < 0 ? r : FRAGMENT_IGNORED;
}

/* A file that should count but cannot be read: it may be the one that restricts the agent, so the
 * agent must not run without it. */
static int unreadable(const char *path, int error, struct problems *problems, struct fragment **ret)
{
        CLEANUP(fragment_freep) struct fragment *f = NULL;
        struct diag text;
        int r;

        r = fragment_new_empty(path, &f);
        if (r < 0)
                return r;
        if (error == -E2BIG)
                (void)diag_set(&text, 0, "longer than %d bytes", FRAGMENT_BYTES_MAX);
        else
                (void)diag_set_errno(&text, error, "cannot be read");
        r = refuse(f, problems, (struct scan_position){ .line = 0 }, NULL, text.text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return FRAGMENT_LOADED;
}

static int load_fd(int fd, const char *path, struct problems *problems, struct fragment **ret)
{
        CLEANUP_FREE char *text = NULL;
        size_t length;
        int r;

        r = file_read_fd(fd, FRAGMENT_BYTES_MAX, &text, &length);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return unreadable(path, r, problems, ret);
        r = fragment_new(path, text, length, problems, ret);
        return r < 0 ? r : FRAGMENT_LOADED;
}

int fragment_load(int dir_fd, const char *dir, const char *name, uid_t owner,
                  struct problems *problems, struct fragment **ret)
{
        CLEANUP_FREE char *path = NULL;
        CLEANUP_CLOSE int fd = -1;
        struct diag text;
        struct stat link;
        struct stat st;

        if (asprintf(&path, "%s/%s", dir, name) < 0) {
                path = NULL; /* undefined after a failure */
                return -ENOMEM;
        }

        /* Everything is asked of the open file, which nobody can exchange; O_NONBLOCK: a FIFO under
         * this name must not hang us. */
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO)) {
                (void)diag_set_errno(&text, -errno, "ignored");
                return ignore(path, problems, text.text);
        }
        if (fd < 0 || fstat(fd, &st) < 0 || fstatat(dir_fd, name, &link, AT_SYMLINK_NOFOLLOW) < 0)
                return unreadable(path, -errno, problems, ret);

        if (S_ISLNK(link.st_mode) && is_trusted(link.st_uid, owner) && is_null_device(&st))
                return FRAGMENT_MASKED;
        if (is_suspect(&link, &st, owner, &text))
                return ignore(path, problems, text.text);
        if (st.st_size == 0)
                return FRAGMENT_MASKED;
        return load_fd(fd, path, problems, ret);
}
