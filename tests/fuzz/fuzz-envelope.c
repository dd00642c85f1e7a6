/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-envelope - envelopes, commands and consents: what is read is written and read again the
 * same */
#include <stdint.h>
#include <string.h>

#include "host/model/command.h"
#include "host/model/consent.h"
#include "host/model/envelope.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void payload(const struct json *json)
{
        struct diag diag = DIAG_INIT;
        struct command *command = NULL;
        bool approved = false;

        if (command_read(json, &diag, &command) == 0)
                CHECK(command->cancel != (command->step != STEP_NONE));
        else
                CHECK(diag.text[0]);
        (void)command_free(command);
        if (consent_read(json, NULL, &approved) < 0)
                CHECK(!approved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct diag diag = DIAG_INIT;
        struct envelope *e = NULL;
        struct envelope *again = NULL;
        char activity[PLACE_ID_MAX + 1];
        char *text = NULL;
        char *inner = NULL;

        CHECK(strlen(envelope_salvage_activity((const char *)data, size, activity)) <=
              PLACE_ID_MAX);
        if (envelope_read((const char *)data, size, &diag, &e) < 0) {
                CHECK(diag.text[0]);
                return 0;
        }
        CHECK(strcmp(activity, e->activity) == 0);
        payload(e->payload);
        if (e->payload)
                CHECK(json_print(e->payload, JSON_LAYOUT_COMPACT, &inner) == 0);
        CHECK(envelope_write(e->activity, e->timestamp_ms, inner, &text) == 0);
        if (envelope_read(text, strlen(text), NULL, &again) == 0) {
                /* Unless it is so small a time that it is taken for seconds a second time. */
                CHECK(strcmp(again->activity, e->activity) == 0);
                CHECK(!e->payload || json_equal(e->payload, again->payload));
        }
        free(text);
        free(inner);
        (void)envelope_free(again);
        (void)envelope_free(e);
        return 0;
}
