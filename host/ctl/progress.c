/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of the block are cut to the width of the terminal, so each is one row.  When the terminal
 * becomes narrower it breaks the rows that are there; how many they are then follows from the
 * widths that they were drawn with, and that many are erased before the block is drawn anew. */
#include "config.h"

#include "host/ctl/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/ctl/ctl.h"
#include "host/ctl/text.h"
#include "host/json/json.h"
#include "host/model/place.h"
#include "host/model/status.h"
#include "host/util/cleanup.h"

enum {
        BAR_COLUMNS = 20,
        ROWS_MAX = 256,
        LINE_MAX_BYTES = 1024,
        COLUMNS_STANDARD = 80,
        ROWS_STANDARD = 24
};

struct item {
        char *id; /* these four are clean */
        char *version;
        char *status;
        char *message;
        int64_t progress;
};

struct progress {
        bool json;
        bool terminal;
        bool colour;
        char activity[PLACE_ID_MAX + 1];
        char *status;
        char *message;
        struct item *items;
        size_t n;
        size_t widths[ROWS_MAX]; /* of the block as it is drawn */
        size_t n_drawn;
};

static void item_done(struct item *item)
{
        free(item->id);
        free(item->version);
        free(item->status);
        free(item->message);
}

static void items_free(struct item *items, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++)
                item_done(&items[i]);
        free(items);
}

int progress_new(const struct ctl *ctl, struct progress **ret)
{
        struct progress *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->json = ctl->json;
        p->terminal = ctl->terminal && !ctl->json;
        p->colour = ctl->colour;
        *ret = p;
        return 0;
}

struct progress *progress_free(struct progress *progress)
{
        if (!progress)
                return NULL;
        items_free(progress->items, progress->n);
        free(progress->status);
        free(progress->message);
        free(progress);
        return NULL;
}

/* -------------------------------------------------------------------------------------- reading */

static char *take_text(const struct json *object, const char *key)
{
        return text_clean(json_get_string(json_get_member(object, key)));
}

static int read_item(const struct json *action, struct item *ret)
{
        const struct json *component = json_get_member(action, "component");

        *ret = (struct item){
                .id = take_text(component, "id"),
                .version = take_text(component, "version"),
                .status = take_text(action, "status"),
                .message = take_text(action, "message"),
        };
        (void)json_get_integer(json_get_member(action, "progress"),
                               &ret->progress); /* else it stays 0 */
        return ret->id && ret->version && ret->status && ret->message ? 0 : -ENOMEM;
}

static int read_items(const struct json *actions, struct item **ret, size_t *ret_n)
{
        struct item *items = calloc(json_count(actions) + 1, sizeof(*items));
        const struct json *action;
        size_t n = 0;
        int r = items ? 0 : -ENOMEM;

        if (r == 0)
                JSON_FOREACH(action, actions) {
                        r = read_item(action, &items[n++]);
                        if (r < 0)
                                break;
                }
        if (r < 0) {
                items_free(items, n);
                return r;
        }
        *ret = items;
        *ret_n = n;
        return 0;
}

/* ---------------------------------------------------------------------------------------- lines */

static bool same(const struct item *a, const struct item *b)
{
        return strcmp(a->id, b->id) == 0 && strcmp(a->version, b->version) == 0 &&
               strcmp(a->status, b->status) == 0 && strcmp(a->message, b->message) == 0 &&
               a->progress == b->progress;
}

static void print_item(const struct progress *p, const struct item *item)
{
        (void)printf("%s %s%s%s: %s", p->activity, item->id, *item->version ? " " : "",
                     item->version, item->status);
        if (item->progress > 0)
                (void)printf(" %" PRId64 " %%", item->progress);
        (void)printf("%s%s\n", *item->message ? ": " : "", item->message);
}

/* What differs from what was said before.  Feedback keeps the order of the components, so they are
 * compared place by place; after a change of the order some are said again. */
static void print_changes(const struct progress *p, const struct progress *before)
{
        size_t i;

        for (i = 0; i < p->n; i++)
                if (i >= before->n || !same(&p->items[i], &before->items[i]))
                        print_item(p, &p->items[i]);
        if (!before->status || strcmp(p->activity, before->activity) != 0 ||
            strcmp(p->status, before->status) != 0 || strcmp(p->message, before->message) != 0)
                (void)printf("%s %s%s%s\n", p->activity, p->status, *p->message ? ": " : "",
                             p->message);
        (void)fflush(stdout);
}

static int print_event(const char *activity, const struct json *feedback)
{
        CLEANUP_JSON struct json *event = json_new_object();
        CLEANUP_FREE char *text = NULL;
        int r = event ? 0 : -ENOMEM;

        if (r == 0)
                r = json_set(event, "activityId", json_new_string(activity));
        if (r == 0)
                r = json_set(event, "feedback", json_copy(feedback));
        if (r == 0)
                r = json_print(event, JSON_LAYOUT_COMPACT, &text);
        if (r < 0)
                return r;
        (void)puts(text);
        (void)fflush(stdout);
        return 0;
}

/* ---------------------------------------------------------------------------------------- block */

struct screen {
        size_t columns;
        size_t rows;
};

static struct screen get_screen(void)
{
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
                return (struct screen){ COLUMNS_STANDARD, ROWS_STANDARD };
        return (struct screen){ size.ws_col, size.ws_row };
}

static void erase(struct progress *p, const struct screen *screen)
{
        size_t rows = 0;
        size_t i;

        for (i = 0; i < p->n_drawn; i++)
                rows += p->widths[i] > 0 ? (p->widths[i] + screen->columns - 1) / screen->columns
                                         : 1;
        if (rows >= screen->rows)
                rows = screen->rows - 1; /* the rest has scrolled away */
        if (rows > 0)
                (void)printf("\033[%zuA", rows);
        (void)printf("\r\033[J");
        p->n_drawn = 0;
}

/* One row; the word that has a colour begins at `word` and ends the text when it is empty. */
static void draw(struct progress *p, const struct screen *screen, const char *text,
                 const char *word)
{
        /* The last column stays free: some terminals begin the next row as soon as it is used. */
        size_t fit = text_fit(text, screen->columns - 1);
        const char *at = word ? strstr(text, word) : NULL;
        size_t head = at && *word ? (size_t)(at - text) : fit;
        enum text_colour which = word ? text_colour_of(word) : TEXT_PLAIN;
        size_t length = word ? strlen(word) : 0;

        if (head + length <= fit && head < fit)
                (void)printf("%.*s%s%s%s%.*s\n", (int)head, text, text_begin(which, p->colour),
                             word, text_end(which, p->colour), (int)(fit - head - length),
                             text + head + length);
        else
                (void)printf("%.*s\n", (int)fit, text);
        if (p->n_drawn < ROWS_MAX) {
                size_t columns = text_width(text);

                p->widths[p->n_drawn++] =
                        columns < screen->columns - 1 ? columns : screen->columns - 1;
        }
}

static void make_bar(int64_t percent, char ret[static BAR_COLUMNS + 1])
{
        size_t full = 0;

        if (percent >= 100)
                full = BAR_COLUMNS;
        else if (percent > 0)
                full = (size_t)percent * BAR_COLUMNS / 100;
        memset(ret, '.', BAR_COLUMNS);
        memset(ret, '#', full);
        ret[BAR_COLUMNS] = '\0';
}

static void draw_item(struct progress *p, const struct screen *screen, const struct item *item,
                      size_t name_columns)
{
        char line[LINE_MAX_BYTES];
        char bar[BAR_COLUMNS + 1];
        size_t pad = name_columns - text_width(item->id);
        enum status status = status_from_string(item->status);
        int64_t percent = item->progress;

        /* Agents leave the number out when a step is done.  To be identified is to be at the
         * beginning. */
        if (percent == 0 && status_kind(status) == STATUS_KIND_SUCCESS &&
            status_step(status) != STEP_IDENTIFY)
                percent = 100;
        make_bar(percent, bar);
        (void)snprintf(line, sizeof(line), "%.300s%*s [%s] %3" PRId64 " %%  %.64s%s%.500s",
                       item->id, (int)pad, "", bar, percent > 999 ? 999 : percent, item->status,
                       *item->message ? ": " : "", item->message);
        draw(p, screen, line, item->status);
}

void progress_redraw(struct progress *p)
{
        const struct screen screen = get_screen();
        size_t room =
                screen.rows > 3 ? screen.rows - 3 : 0; /* besides head, "... more" and the cursor */
        size_t columns = 0;
        char line[LINE_MAX_BYTES];
        size_t i;

        if (!p->terminal || !p->status)
                return;
        erase(p, &screen);
        (void)snprintf(line, sizeof(line), "%s %.64s%s%.500s", p->activity, p->status,
                       *p->message ? ": " : "", p->message);
        draw(p, &screen, line, p->status);
        if (room > ROWS_MAX - 2)
                room = ROWS_MAX - 2;
        for (i = 0; i < p->n && i < room; i++)
                if (text_width(p->items[i].id) > columns)
                        columns = text_width(p->items[i].id);
        for (i = 0; i < p->n && i < room; i++)
                draw_item(p, &screen, &p->items[i], columns);
        if (i < p->n) {
                (void)snprintf(line, sizeof(line), "... and %zu more", p->n - i);
                draw(p, &screen, line, NULL);
        }
        (void)fflush(stdout);
}

void progress_forget(struct progress *p)
{
        p->n_drawn = 0;
}

/* ---------------------------------------------------------------------------------- all of them */

int progress_show(struct progress *p, const char *activity, const struct json *feedback)
{
        struct progress before = *p;
        struct progress next = *p;
        CLEANUP_FREE char *id = text_clean(activity);
        int r;

        if (p->json)
                return print_event(activity, feedback);
        next.status = take_text(feedback, "status");
        next.message = take_text(feedback, "message");
        r = next.status && next.message && id ? 0 : -ENOMEM;
        if (r == 0)
                r = read_items(json_get_member(feedback, "actions"), &next.items, &next.n);
        if (r < 0) {
                free(next.status);
                free(next.message);
                return r;
        }
        (void)snprintf(next.activity, sizeof(next.activity), "%s", id);
        /* Another activity begins below what is left of the one before. */
        if (strcmp(next.activity, p->activity) != 0)
                next.n_drawn = 0;
        *p = next;
        if (p->terminal)
                progress_redraw(p);
        else
                print_changes(p, &before);
        items_free(before.items, before.n);
        free(before.status);
        free(before.message);
        return 0;
}
