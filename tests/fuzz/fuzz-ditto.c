/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-ditto - messages to a thing: what is read can be answered, and the answer is JSON for the
 * same correlation */
#include <stdint.h>
#include <string.h>

#include "host/model/ditto.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())
#define THING "ns:x"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(const struct ditto_message *m, const char *fault)
{
        const struct scan_rules rules = {
                .max_bytes = 1 << 24,
                .max_depth = 8,
                .object = true,
        };
        CLEANUP_JSON struct json *root = NULL;
        CLEANUP_FREE char *text = NULL;

        CHECK(ditto_write_reply(THING, m, fault, &text) == 0);
        CHECK(json_parse(text, strlen(text), &rules, NULL, NULL, &root) == 0);
        CHECK(strcmp(json_get_string(json_locate(root, "/headers/correlation-id")),
                     m->correlation) == 0);
}

static void check_message(const uint8_t *data, size_t size)
{
        CLEANUP(ditto_freep) struct ditto_message *m = NULL;
        struct diag diag = DIAG_INIT;
        struct ditto_value value;

        if (ditto_read((const char *)data, size, THING, &diag, &m) < 0) {
                CHECK(diag.text[0] && !m);
                return;
        }
        check_reply(m, NULL);
        if (m->subject && ditto_read_value(m, &diag, &value) == 0)
                CHECK(value.payload || m->subject == DITTO_REFRESH);
        else
                check_reply(m, diag.text);
}

/* What is salvaged of a message is no larger than it may be; whether it is one is for who reads it. */
static void check_salvage(const uint8_t *data, size_t size)
{
        CLEANUP_FREE char *text = NULL;

        if (ditto_salvage((const char *)data, size, &text) < 0)
                CHECK(!text);
        else
                check_message((const uint8_t *)text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char thing[DITTO_THING_MAX + 1] = "";
        CLEANUP_FREE char *text = NULL;

        if (ditto_read_device((const char *)data, size, NULL, thing) == 0)
                CHECK(ditto_write_feature(thing, "x", &text) == 0);
        check_message(data, size);
        check_salvage(data, size);
        return 0;
}
