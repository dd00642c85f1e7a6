/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/torture/torture.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 10000 };

/* Torture needs one counter that every allocation sees: the one place for a variable like that. */
static long countdown; /* allocations until one fails; 0: none will */
static long failures;
static long live;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
int __real_vasprintf(char **ret, const char *format, va_list args);
void __real_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_vasprintf(char **ret, const char *format, va_list args);
int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list args);
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...);
void __wrap_free(void *p);

static int fails(void)
{
        if (countdown == 0 || --countdown > 0)
                return 0;
        failures++;
        errno = ENOMEM;
        return 1;
}

static void *count(void *p)
{
        live += p != NULL;
        return p;
}

void *__wrap_malloc(size_t size)
{
        return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
        return fails() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
        if (fails())
                return NULL;
        return p ? __real_realloc(p, size) : count(__real_realloc(p, size));
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
        if (fails())
                return NULL;
        return p ? __real_reallocarray(p, n, size) : count(__real_reallocarray(p, n, size));
}

char *__wrap_strdup(const char *s)
{
        return fails() ? NULL : count(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
        return fails() ? NULL : count(__real_strndup(s, n));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
        int n;

        if (fails())
                return -1;
        n = __real_vasprintf(ret, format, args);
        live += n >= 0;
        return n;
}
#pragma GCC diagnostic pop

int __wrap_asprintf(char **ret, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = __wrap_vasprintf(ret, format, args);
        va_end(args);
        return n;
}

/* What _FORTIFY_SOURCE makes of the two. */
int __wrap___vasprintf_chk(char **ret, int flag, const char *format, va_list args)
{
        (void)flag;
        return __wrap_vasprintf(ret, format, args);
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
{
        va_list args;
        int n;

        (void)flag;
        va_start(args, format);
        n = __wrap_vasprintf(ret, format, args);
        va_end(args);
        return n;
}

void __wrap_free(void *p)
{
        live -= p != NULL;
        __real_free(p);
}

/* What is wrong with this outcome, or NULL. */
static const char *judge(int r, long round)
{
        if (live != 0)
                return "leaks";
        if (failures > 0)
                return r == -ENOMEM ? NULL : "does not say -ENOMEM";
        if (r < 0)
                return "fails without a cause";
        return round > 1 ? NULL : "allocates nothing, so this says nothing";
}

bool torture(const char *name, int (*function)(void), char *why, size_t size)
{
        cJSON_Hooks hooks = { .malloc_fn = __wrap_malloc, .free_fn = __wrap_free };
        long round;

        cJSON_InitHooks(&hooks);
        for (round = 1; round <= ROUNDS_MAX; round++) {
                const char *fault;
                int r;

                live = 0;
                failures = 0;
                countdown = round;
                r = function();
                countdown = 0;
                fault = judge(r, round);
                if (fault) {
                        (void)snprintf(why, size,
                                       "%s, allocation %ld %s: %s (result %d, %ld blocks)", name,
                                       round, failures ? "failing" : "not reached", fault, r, live);
                        return false;
                }
                if (failures == 0)
                        return true;
        }
        (void)snprintf(why, size, "%s: no end after %d allocations", name, ROUNDS_MAX);
        return false;
}
