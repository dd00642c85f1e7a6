/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/problem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/pointer.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

static void problem_done(struct problem *problem)
{
        free(problem->id);
        free(problem->file);
        free(problem->path);
        free(problem->text);
}

int problems_add(struct problems *problems, const struct problem *problem, const char *pointer)
{
        CLEANUP(problem_done) struct problem copy = { .error = problem->error, .at = problem->at };
        struct problem *items;

        copy.id = problem->id ? strdup(problem->id) : NULL;
        copy.file = strdup(problem->file);
        copy.path = pointer_to_path(pointer ? pointer : "");
        copy.text = strdup(problem->text);
        if ((problem->id && !copy.id) || !copy.file || !copy.path || !copy.text)
                return -ENOMEM;
        utf8_make_line(copy.file); /* paths, variables and what is quoted of them may be anything */
        utf8_make_line(copy.text);

        items = reallocarray(problems->items, problems->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        problems->items = items;
        items[problems->n++] = copy;
        problems->n_errors += problem->error;
        memset(&copy, 0, sizeof(copy)); /* its texts are the list's */
        return 0;
}

void problems_done(struct problems *problems)
{
        size_t i;

        for (i = 0; i < problems->n; i++)
                problem_done(&problems->items[i]);
        free(problems->items);
        *problems = (struct problems){ .items = NULL };
}

void problem_format(const struct problem *problem, struct diag *ret)
{
        (void)diag_set(ret, 0, "%s", problem->text);
        if (problem->path && *problem->path)
                (void)diag_prefix(ret, 0, "%s", problem->path);
        if (problem->at.line)
                (void)diag_prefix(ret, 0, "%s:%u:%u", problem->file, problem->at.line,
                                  problem->at.column);
        else
                (void)diag_prefix(ret, 0, "%s", problem->file);
}
