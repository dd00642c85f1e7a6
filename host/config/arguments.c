/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/arguments.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/setting.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

static void argument_done(struct argument *argument)
{
        free(argument->domain);
        free(argument->name);
}

void arguments_done(struct arguments *arguments)
{
        size_t i;

        for (i = 0; i < arguments->n; i++)
                argument_done(&arguments->items[i]);
        free(arguments->items);
        *arguments = (struct arguments){ .items = NULL };
}

static int find(arguments_find_fn fn, struct argument *argument, struct diag *diag)
{
        const char *nearest = NULL;
        int r;

        r = fn(argument->name, &argument->setting, &argument->domain, &nearest);
        if (r > 0)
                return 0;
        if (r < 0)
                return r;
        if (nearest)
                return diag_set(diag, -EINVAL, "unknown option -%.64s; did you mean -%s?",
                                argument->name, nearest);
        return diag_set(diag, -EINVAL, "unknown option -%.64s", argument->name);
}

/* Reads the argument at *at and what belongs to it, and moves *at behind that. */
static int parse_one(char *const *argv, int argc, int *at, arguments_find_fn fn,
                     struct argument *argument, struct diag *diag)
{
        const char *text = argv[(*at)++];
        const char *name = text + (strncmp(text, "--", 2) == 0 ? 2 : 1);
        const char *equals = strchr(name, '=');
        int r;

        if (text[0] != '-' || !*name || equals == name || *name == '-')
                return diag_set(diag, -EINVAL, "\"%.64s\" is not an option, and this program takes "
                                "nothing else", text);
        argument->name = equals ? strndup(name, (size_t)(equals - name)) : strdup(name);
        if (!argument->name)
                return -ENOMEM;
        r = find(fn, argument, diag);
        if (r < 0)
                return r;
        if (equals)
                argument->value = equals + 1;
        else if (argument->setting->type == &setting_bool)
                argument->value = "true";
        else if (*at < argc)
                argument->value = argv[(*at)++];
        else
                return diag_set(diag, -EINVAL, "option -%s needs a value", argument->name);
        return 0;
}

int arguments_parse(int argc, char *const *argv, arguments_find_fn fn, struct diag *diag,
                    struct arguments *ret)
{
        CLEANUP(arguments_done) struct arguments arguments = { .items = NULL };
        int at = 1;
        int r;

        assert(fn && ret);

        arguments.items = calloc(argc > 1 ? (size_t)argc - 1 : 1, sizeof(*arguments.items));
        if (!arguments.items)
                return -ENOMEM;
        while (at < argc) {
                /* Counted first, so that what it holds after a failure is freed. */
                r = parse_one(argv, argc, &at, fn, &arguments.items[arguments.n++], diag);
                if (r < 0)
                        return r;
        }
        *ret = arguments;
        arguments.items = NULL;
        arguments.n = 0;
        return 0;
}
