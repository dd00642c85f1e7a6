/* SPDX-License-Identifier: Apache-2.0
 *
 * load-settings - settings from texts, for tests
 *
 *     LOAD(settings, .file = "{}", .options = { "-domain=x" }, .environment = { "DOMAIN=y" });
 *
 * The including file defines _GNU_SOURCE. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "host/config/settings.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum { WORDS_MAX = 8 };

/* What a test sets up; all may be left out. */
struct given {
        const char *file;                   /* the text of f.json */
        const char *options[WORDS_MAX];     /* ends in NULL */
        const char *environment[WORDS_MAX]; /* likewise */
};

static inline struct settings *load(const struct given *given)
{
        const char *argv[WORDS_MAX + 2] = { "update-brokerd" };
        const char *text = given->file ? given->file : "{}";
        struct settings_sources sources = {
                .argv = (char *const *)argv,
                .environment = given->environment,
        };
        struct settings *settings = NULL;
        struct diag diag = DIAG_INIT;
        size_t n = 0;
        int r;

        for (; given->options[n]; n++)
                argv[n + 1] = given->options[n];
        sources.argc = (int)n + 1;
        r = settings_load_text(&sources, "f.json", text, strlen(text), &diag, &settings);
        ck_assert_msg(r == 0, "%s", diag.text);
        return settings;
}

#define LOAD(name, ...) \
        CLEANUP(settings_freep) struct settings *name = load(&(struct given){ __VA_ARGS__ })

/* Each problem on a line of its own. */
static inline const char *describe(const struct problems *problems)
{
        static char text[16384];
        size_t length = 0;
        size_t i;

        text[0] = '\0';
        for (i = 0; i < problems->n; i++) {
                struct diag line;

                problem_format(&problems->items[i], &line);
                length += (size_t)snprintf(
                        text + length, sizeof(text) - length, "%s%s: %s", i ? "\n" : "",
                        problems->items[i].error ? "error" : "warning", line.text);
        }
        return text;
}
