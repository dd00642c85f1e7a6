/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/ctl/text.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/status.h"
#include "host/util/cleanup.h"
#include "host/util/utf8.h"

/* ---------------------------------------------------------------------------------------- texts */

static bool is_control(uint32_t c)
{
        /* C0, DEL and C1, the marks that reorder text, and line and paragraph separators. */
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
               (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *text_clean(const char *text)
{
        size_t length = text ? strlen(text) : 0;
        char *clean = malloc(length + 1);
        size_t n = 0;
        size_t i = 0;

        if (!clean)
                return NULL;
        while (i < length) {
                uint32_t c;
                size_t bytes = utf8_decode(text + i, length - i, &c);

                if (bytes == 0 || is_control(c)) {
                        clean[n++] = '?';
                        i += bytes ? bytes : 1;
                        continue;
                }
                memcpy(clean + n, text + i, bytes);
                n += bytes;
                i += bytes;
        }
        clean[n] = '\0';
        return clean;
}

struct range {
        uint32_t first;
        uint32_t last;
};

static const struct range wide[] = {
        { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
        { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f },
        { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static const struct range combining[] = {
        { 0x0300, 0x036f }, { 0x200b, 0x200f }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
        size_t i;

        for (i = 0; i < n; i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        return false;
}

static size_t width_of(uint32_t c)
{
        if (is_in(combining, ARRAY_SIZE(combining), c))
                return 0;
        return is_in(wide, ARRAY_SIZE(wide), c) ? 2 : 1;
}

/* Walks until the columns are used up. */
static size_t walk(const char *text, size_t columns, size_t *ret_columns)
{
        size_t length = strlen(text);
        size_t used = 0;
        size_t i = 0;

        while (i < length) {
                uint32_t c = 0;
                size_t bytes = utf8_decode(text + i, length - i, &c);
                size_t width = bytes ? width_of(c) : 1;

                if (width > columns - used)
                        break;
                used += width;
                i += bytes ? bytes : 1;
        }
        *ret_columns = used;
        return i;
}

size_t text_width(const char *text)
{
        size_t columns;

        (void)walk(text, SIZE_MAX, &columns);
        return columns;
}

size_t text_fit(const char *text, size_t columns)
{
        size_t used;

        return walk(text, columns, &used);
}

/* -------------------------------------------------------------------------------------- colours */

enum text_colour text_colour_of(const char *word)
{
        static const struct {
                const char *word;
                enum text_colour colour;
        } states[] = {
                { "running", TEXT_GREEN },   { "connected", TEXT_GREEN },
                { "starting", TEXT_YELLOW }, { "connecting", TEXT_YELLOW },
                { "waiting", TEXT_YELLOW },  { "failed", TEXT_RED },
                { "bad-config", TEXT_RED },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(states); i++)
                if (strcmp(states[i].word, word) == 0)
                        return states[i].colour;
        switch (status_kind(status_from_string(word))) {
        case STATUS_KIND_SUCCESS:
        case STATUS_KIND_END_GOOD:
                return TEXT_GREEN;
        case STATUS_KIND_FAILURE:
        case STATUS_KIND_END_BAD:
                return TEXT_RED;
        case STATUS_KIND_PROGRESS:
                return TEXT_YELLOW;
        case STATUS_KIND_NONE:
                break;
        }
        return TEXT_PLAIN;
}

const char *text_begin(enum text_colour which, bool colour)
{
        static const char *const sequences[] = { "", "\033[1m", "\033[32m", "\033[33m",
                                                 "\033[31m" };

        return colour ? sequences[which] : "";
}

const char *text_end(enum text_colour which, bool colour)
{
        return colour && which != TEXT_PLAIN ? "\033[0m" : "";
}

/* --------------------------------------------------------------------------------------- tables */

void table_init(struct table *table, const char *const *headings, int coloured)
{
        size_t n = 0;

        while (headings[n])
                n++;
        assert(n > 0 && n <= TABLE_COLUMNS_MAX);
        *table = (struct table){ .headings = headings, .n_columns = n, .coloured = coloured };
}

void table_done(struct table *table)
{
        size_t i;

        for (i = 0; i < table->n_cells; i++)
                free(table->cells[i]);
        free(table->cells);
        table->cells = NULL;
        table->n_cells = 0;
}

void table_add(struct table *table, const char *text)
{
        size_t size = table->size ? 2 * table->size : 64;
        char **cells;

        if (table->failed)
                return;
        if (table->n_cells == table->size) {
                cells = reallocarray(table->cells, size, sizeof(*cells));
                if (!cells) {
                        table->failed = true;
                        return;
                }
                table->cells = cells;
                table->size = size;
        }
        table->cells[table->n_cells] = text_clean(text);
        if (table->cells[table->n_cells])
                table->n_cells++;
        else
                table->failed = true;
}

static const char *cell(const struct table *table, size_t row, size_t column)
{
        return row == 0 ? table->headings[column]
                        : table->cells[(row - 1) * table->n_columns + column];
}

static void print_row(const struct table *table, size_t row, const size_t *widths, bool colour,
                      FILE *f)
{
        size_t blanks = 0;
        size_t i;

        for (i = 0; i < table->n_columns; i++) {
                const char *text = cell(table, row, i);
                enum text_colour which = TEXT_PLAIN;

                if (row == 0)
                        which = TEXT_BOLD;
                else if ((int)i == table->coloured)
                        which = text_colour_of(text);
                if (*text)
                        (void)fprintf(f, "%*s%s%s%s", (int)blanks, "", text_begin(which, colour),
                                      text, text_end(which, colour));
                blanks = (*text ? 0 : blanks) + widths[i] - text_width(text) + 2;
        }
        (void)fputc('\n', f);
}

int table_print(const struct table *table, bool colour, FILE *f)
{
        size_t widths[TABLE_COLUMNS_MAX] = { 0 };
        size_t n_rows = table->n_cells / table->n_columns + 1;
        size_t row;
        size_t i;

        if (table->failed)
                return -ENOMEM;
        for (row = 0; row < n_rows; row++)
                for (i = 0; i < table->n_columns; i++)
                        if (text_width(cell(table, row, i)) > widths[i])
                                widths[i] = text_width(cell(table, row, i));
        for (row = 0; row < n_rows; row++)
                print_row(table, row, widths, colour, f);
        return 0;
}
