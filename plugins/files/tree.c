/* SPDX-License-Identifier: Apache-2.0
 *
 * tree - see tree.h */
#include "plugins/files/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/files/scope.h"

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

int tree_sync(int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}

/* -------------------------------------------------------------------------------------- opening */

int tree_open_folder(int dir_fd, const char *name, bool make, mode_t mode, int *ret_fd)
{
        int fd;

        if (make && mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(dir_fd, name, FOLDER_FLAGS);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int tree_open_parent(int dir_fd, const char *path, int *ret_fd, const char **ret_name)
{
        CLEANUP_CLOSE int at_fd = -1;
        char part[NAME_MAX + 1];
        const char *slash;
        int r;

        at_fd = openat(dir_fd, ".", FOLDER_FLAGS);
        if (at_fd < 0)
                return -errno;
        while ((slash = strchr(path, '/')) != NULL) {
                size_t length = (size_t)(slash - path);
                int next_fd = -1;

                if (length > NAME_MAX)
                        return -ENAMETOOLONG;
                memcpy(part, path, length);
                part[length] = '\0';
                r = tree_open_folder(at_fd, part, false, 0, &next_fd);
                if (r < 0)
                        return r;
                (void)close(at_fd); /* only looked at */
                at_fd = next_fd;
                path = slash + 1;
        }
        *ret_fd = TAKE_FD(at_fd);
        *ret_name = path;
        return 0;
}

/* -------------------------------------------------------------------------------------- listing */

void tree_names_done(struct tree_names *names)
{
        size_t i;

        for (i = 0; i < names->n; i++)
                free(names->list[i]);
        free(names->list);
        *names = (struct tree_names){ .n = 0 };
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct tree_names *names, size_t *size, const char *name)
{
        if (names->n == *size) {
                size_t more = *size ? 2 * *size : 16;
                char **list = reallocarray(names->list, more, sizeof(*list));

                if (!list)
                        return -ENOMEM;
                names->list = list;
                *size = more;
        }
        names->list[names->n] = strdup(name);
        if (!names->list[names->n])
                return -ENOMEM;
        names->n++;
        return 0;
}

/* A descriptor of its own: the position of a borrowed one is somebody else's. */
static int open_dir(int dir_fd, DIR **ret)
{
        int fd = openat(dir_fd, ".", FOLDER_FLAGS);
        DIR *dir;

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                int r = -errno;

                (void)close(fd); /* only looked at */
                return r;
        }
        *ret = dir;
        return 0;
}

int tree_list(int dir_fd, struct tree_names *ret)
{
        CLEANUP(tree_names_done) struct tree_names names = { .n = 0 };
        CLEANUP_CLOSEDIR DIR *dir = NULL;
        const struct dirent *entry;
        size_t size = 0;
        int r;

        r = open_dir(dir_fd, &dir);
        if (r < 0)
                return r;
        while (errno = 0, (entry = readdir(dir)) != NULL) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = add_name(&names, &size, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;
        if (names.n > 0)
                qsort(names.list, names.n, sizeof(*names.list), compare_names);
        *ret = names;
        names = (struct tree_names){ .n = 0 };
        return 0;
}

/* ------------------------------------------------------------------------------------- removing */

int tree_remove(int dir_fd, const char *name)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        r = tree_open_folder(dir_fd, name, false, 0, &fd);
        if (r == -EACCES && fchmodat(dir_fd, name, 0700, 0) == 0)
                r = tree_open_folder(dir_fd, name, false, 0, &fd);
        if (r < 0)
                return r;
        (void)fchmod(fd, 0700); /* as unpacked it may be read-only; unlinkat tells if this fails */
        r = tree_empty(fd, NULL);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int tree_empty(int dir_fd, const char *keep)
{
        CLEANUP(tree_names_done) struct tree_names names = { .n = 0 };
        size_t i;
        int r;

        r = tree_list(dir_fd, &names);
        for (i = 0; i < names.n && r == 0; i++)
                if (!keep || strcmp(names.list[i], keep) != 0)
                        r = tree_remove(dir_fd, names.list[i]);
        return r;
}

/* --------------------------------------------------------------------------- small files, links */

static int write_all(int fd, const char *text)
{
        size_t left = strlen(text);

        while (left > 0) {
                ssize_t n = write(fd, text, left);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                left -= (size_t)n;
        }
        return 0;
}

int tree_write_file(int dir_fd, const char *name, const char *text)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, text);
        return r < 0 ? r : tree_sync(fd);
}

int tree_read_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_length)
{
        CLEANUP_CLOSE int fd = -1;
        CLEANUP_FREE char *text = NULL;
        size_t length = 0;
        struct stat st;

        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if ((uint64_t)st.st_size > max)
                return -EFBIG;
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return -ENOMEM;
        while (length < (size_t)st.st_size) {
                ssize_t n = read(fd, text + length, (size_t)st.st_size - length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                length += (size_t)n;
        }
        text[length] = '\0';
        if (ret_length)
                *ret_length = length;
        *ret = TAKE_PTR(text);
        return 0;
}

int tree_read_link(int dir_fd, const char *name, char **ret)
{
        char target[PATH_MAX];
        ssize_t n;

        n = readlinkat(dir_fd, name, target, sizeof(target));
        if (n < 0)
                return -errno;
        if ((size_t)n == sizeof(target))
                return -ENAMETOOLONG;
        *ret = strndup(target, (size_t)n);
        return *ret ? 0 : -ENOMEM;
}

int tree_put_link(int dir_fd, const char *name, const char *target)
{
        char temporary[NAME_MAX + 1];
        int n;

        n = snprintf(temporary, sizeof(temporary), ".%s.new", name);
        if (n < 0 || (size_t)n >= sizeof(temporary))
                return -ENAMETOOLONG;
        if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        if (symlinkat(target, dir_fd, temporary) < 0)
                return -errno;
        if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
                int r = -errno;

                (void)unlinkat(dir_fd, temporary, 0); /* the failure before counts */
                return r;
        }
        return tree_sync(dir_fd);
}
