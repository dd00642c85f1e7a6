/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-inventory - inventories: what is read is written and read again the same, and aggregated */
#include <stdint.h>
#include <string.h>

#include "host/model/inventory.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json *parse(const char *text, size_t length)
{
        static const struct scan_rules rules = { .max_bytes = 1 << 20, .max_depth = 64 };
        struct json *json = NULL;

        return json_parse(text, length, &rules, NULL, NULL, &json) < 0 ? NULL : json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct inventory_source source = { .domain = "containers" };
        struct json *json = parse((const char *)data, size);
        struct json *second = NULL;
        struct inventory *again = NULL;
        struct inventory *i = NULL;
        struct diag diag = DIAG_INIT;
        char *text = NULL;
        char *same = NULL;

        if (!json)
                return 0;
        if (inventory_read(json, &diag, &i) < 0) {
                CHECK(diag.text[0] && !i);
                (void)json_free(json);
                return 0;
        }
        CHECK(inventory_write(i, &text) == 0);
        second = parse(text, strlen(text));
        if (second) { /* escapes may have made it too long */
                CHECK(inventory_read(second, NULL, &again) == 0);
                CHECK(inventory_write(again, &same) == 0 && strcmp(text, same) == 0);
        }
        free(text);
        source.inventory = i;
        CHECK(inventory_aggregate("vehicle", "1", &source, 1, &text) == 0);
        free(text);
        free(same);
        (void)inventory_free(again);
        (void)inventory_free(i);
        (void)json_free(second);
        (void)json_free(json);
        return 0;
}
