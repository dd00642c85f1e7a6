/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-desired-state - desired states: what is read is written and read again the same, whole and
 * split */
#include <stdint.h>
#include <string.h>

#include "host/model/desired_state.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json *parse(const char *text, size_t length)
{
        static const struct scan_rules rules = { .max_bytes = 1 << 20, .max_depth = 64 };
        struct json *json = NULL;

        return json_parse(text, length, &rules, NULL, NULL, &json) < 0 ? NULL : json;
}

static char *print(const struct desired_state *d)
{
        struct json *json = NULL;
        char *text = NULL;

        CHECK(desired_state_write(d, &json) == 0);
        CHECK(json_print(json, JSON_LAYOUT_COMPACT, &text) == 0);
        (void)json_free(json);
        return text;
}

static struct desired_state *reread(const char *text)
{
        struct json *json = parse(text, strlen(text));
        struct desired_state *d = NULL;

        /* Escapes may have made it longer than a text may be, not otherwise wrong. */
        CHECK(json || strlen(text) > 1 << 20);
        if (json)
                CHECK(desired_state_read(json, NULL, &d) == 0);
        (void)json_free(json);
        return d;
}

static void split(const struct desired_state *d)
{
        size_t i;

        for (i = 0; i < d->n_domains; i++) {
                struct desired_state *one;
                char *text = NULL;

                CHECK(desired_state_write_domain(d, &d->domains[i], NULL, &text) == 0);
                one = reread(text);
                CHECK(!one || (one->n_domains == 1 && one->n_baselines <= d->n_baselines));
                (void)desired_state_free(one);
                free(text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct json *json = parse((const char *)data, size);
        struct desired_state *again = NULL;
        struct desired_state *d = NULL;
        struct diag diag = DIAG_INIT;
        char *text;
        char *second;

        if (!json)
                return 0;
        if (desired_state_read(json, &diag, &d) < 0) {
                CHECK(diag.text[0] && !d);
                (void)json_free(json);
                return 0;
        }
        text = print(d);
        again = reread(text);
        if (again) {
                second = print(again);
                CHECK(strcmp(text, second) == 0);
                free(second);
                split(d);
        }
        free(text);
        (void)desired_state_free(again);
        (void)desired_state_free(d);
        (void)json_free(json);
        return 0;
}
