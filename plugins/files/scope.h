/* SPDX-License-Identifier: Apache-2.0
 *
 * scope - resources of the files agent that end with their scope
 *
 * A variable marked so is initialised where it is declared, and TAKE_PTR or TAKE_FD marks the one
 * line where ownership moves on instead. */
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define CLEANUP_FREE CLEANUP(scope_free)
#define CLEANUP_CLOSE CLEANUP(scope_close)
#define CLEANUP_CLOSEDIR CLEANUP(scope_closedir)

#define TAKE_PTR(p)                     \
        ({                              \
                __typeof__(p) *_p = &(p); \
                __typeof__(p) _v = *_p; \
                *_p = NULL;             \
                _v;                     \
        })

#define TAKE_FD(fd)             \
        ({                      \
                int *_p = &(fd); \
                int _v = *_p;   \
                *_p = -1;       \
                _v;             \
        })

static inline void scope_free(void *p)
{
        free(*(void **)p);
}

static inline void scope_close(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd); /* what was written has been synced before */
}

static inline void scope_closedir(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}
