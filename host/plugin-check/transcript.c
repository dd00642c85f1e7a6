/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin-check/transcript.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"

int transcript_parse(char *take_text, struct transcript *ret)
{
        CLEANUP(transcript_done) struct transcript t = { .text = take_text };
        char *rest = take_text;
        char *line;
        size_t room = 1;
        char *p;

        for (p = take_text; *p; p++)
                room += *p == '\n';
        t.lines = calloc(room, sizeof(*t.lines));
        if (!t.lines)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n")) && t.n_lines < room) {
                if (*line == '\0')
                        continue;
                t.n_problems += *line == '!';
                t.lines[t.n_lines++] = line;
        }
        *ret = t;
        t = (struct transcript){ 0 };
        return 0;
}

void transcript_done(struct transcript *transcript)
{
        free(transcript->lines);
        free(transcript->text);
        *transcript = (struct transcript){ 0 };
}

/* The next line that counts, from *i on; NULL at the end. */
static const char *next_line(const struct transcript *transcript, size_t *i)
{
        while (*i < transcript->n_lines) {
                const char *line = transcript->lines[(*i)++];

                if (*line != '#' && *line != '~')
                        return line;
        }
        return NULL;
}

bool transcript_equal(const struct transcript *a, const struct transcript *b, struct diag *diag)
{
        size_t at_a = 0;
        size_t at_b = 0;

        for (;;) {
                const char *line_a = next_line(a, &at_a);
                const char *line_b = next_line(b, &at_b);

                if (!line_a && !line_b)
                        return true;
                if (line_a && line_b && strcmp(line_a, line_b) == 0)
                        continue;
                (void)diag_set(diag, -EBADMSG, "`%s' against `%s'", line_a ? line_a : "(the end)",
                               line_b ? line_b : "(the end)");
                return false;
        }
}
