/* SPDX-License-Identifier: Apache-2.0
 *
 * path - see path.h */
#include "plugins/files/path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/files/scope.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* The next part of a path, without slashes; moves *at behind it.  Length 0: the end. */
static size_t next_part(const char **at, const char **ret)
{
        const char *part = *at + strspn(*at, "/");
        size_t length = strcspn(part, "/");

        *ret = part;
        *at = part + length;
        return length;
}

static bool is_dots(const char *part, size_t length, size_t dots)
{
        return length == dots && memcmp(part, "..", dots) == 0;
}

/* Appends a part to a text that has room for it. */
static size_t append(char *text, size_t length, const char *part, size_t part_length)
{
        if (length > 0)
                text[length++] = '/';
        memcpy(text + length, part, part_length);
        length += part_length;
        text[length] = '\0';
        return length;
}

int path_clean(const char *raw, unsigned strip, const struct path_limits *limits,
               struct ub_error *error, char **ret)
{
        CLEANUP_FREE char *clean = NULL;
        const char *part;
        size_t part_length;
        size_t length = 0;
        unsigned depth = 0;

        if (*raw == '/')
                return ub_error_set(error, -EINVAL, "an absolute path");
        if (strlen(raw) > limits->bytes)
                return ub_error_set(error, -ENAMETOOLONG, "the path is longer than %zu bytes",
                                    limits->bytes);
        clean = calloc(1, strlen(raw) + 1);
        if (!clean)
                return ub_error_set(error, -ENOMEM, "out of memory");
        while ((part_length = next_part(&raw, &part)) > 0) {
                if (is_dots(part, part_length, 1))
                        continue;
                if (is_dots(part, part_length, 2))
                        return ub_error_set(error, -EINVAL, "\"..\" in the path");
                if (part_length > PATH_PART_MAX)
                        return ub_error_set(error, -ENAMETOOLONG, "a name longer than %d bytes",
                                            PATH_PART_MAX);
                if (strip > 0) {
                        strip--;
                        continue;
                }
                if (++depth > limits->depth)
                        return ub_error_set(error, -ENAMETOOLONG, "more than %u levels deep",
                                            limits->depth);
                length = append(clean, length, part, part_length);
        }
        if (length == 0)
                return 0;
        *ret = TAKE_PTR(clean);
        return 1;
}

int path_check_link(const char *path, const char *target, struct ub_error *error)
{
        size_t ups_left = 0;
        const char *part;
        bool behind_a_name = false;
        size_t length;

        for (; *path; path++)
                ups_left += *path == '/';
        if (*target == '\0')
                return ub_error_set(error, -EINVAL, "a link to nothing");
        if (*target == '/')
                return ub_error_set(error, -EINVAL, "a link to the absolute path %s", target);
        while ((length = next_part(&target, &part)) > 0) {
                if (is_dots(part, length, 1))
                        continue;
                if (!is_dots(part, length, 2)) {
                        behind_a_name = true;
                        continue;
                }
                if (behind_a_name)
                        return ub_error_set(error, -EINVAL, "a link with \"..\" behind a name");
                if (ups_left-- == 0)
                        return ub_error_set(error, -EINVAL, "a link that leads outside");
        }
        return 0;
}

int path_check_name(const char *name)
{
        size_t length = strspn(name, NAME_CHARS);

        return length > 0 && length <= PATH_NAME_MAX && name[length] == '\0' && name[0] != '.'
                       ? 0
                       : -EINVAL;
}

void path_name_of_version(const char *version, char name[PATH_NAME_MAX + 1])
{
        size_t length = 0;

        for (; *version && length < PATH_NAME_MAX - 8; version++) { /* room for "~NNN" */
                bool fits = strchr(NAME_CHARS "+", *version) && !(length == 0 && *version == '.');

                name[length++] = fits ? *version : '_';
        }
        if (length == 0)
                name[length++] = '_';
        name[length] = '\0';
}

const char *path_below(const char *path, const char *folder)
{
        size_t length = strlen(folder);

        while (length > 0 && folder[length - 1] == '/')
                length--;
        if (strncmp(path, folder, length) != 0 || path[length] != '/')
                return NULL;
        path += length + strspn(path + length, "/");
        return *path ? path : NULL;
}
