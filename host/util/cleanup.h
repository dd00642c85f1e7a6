/* SPDX-License-Identifier: Apache-2.0
 *
 * cleanup - resources that end with their scope
 *
 * A variable marked CLEANUP(fn) is passed by address to fn when it leaves its scope; TAKE_PTR and
 * TAKE_FD mark the one line where ownership moves on instead.  Destructors accept NULL, so every
 * such variable is initialised where it is declared. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_CLOSE CLEANUP(cleanup_close)
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose)
#define CLEANUP_CLOSEDIR CLEANUP(cleanup_closedir)

/* Defines NAME_freep() for a type whose destructor NAME_free(p) takes NULL. */
#define DEFINE_FREEP(type, name)                \
        static inline void name##_freep(type **p) \
        {                                       \
                name##_free(*p);                \
        }                                       \
        struct cleanup_h_needs_a_semicolon

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

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The object that holds `member`, from a pointer to that member. */
#define CONTAINER_OF(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

static inline void cleanup_free(void *p)
{
        free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd); /* nothing was written that fsync(2) has not answered for */
}

static inline void cleanup_fclose(FILE **f)
{
        if (*f)
                (void)fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
        if (*d)
                (void)closedir(*d);
}
