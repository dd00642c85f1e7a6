/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-journal - the bytes of a journal's file: what is accepted is what would be written, and what
 * was written is not accepted when a byte of it is another or missing */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/state/journal.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_foreign(const char *bytes, size_t size)
{
        struct diag diag = DIAG_INIT;
        const char *text;
        size_t length;
        size_t again_length;
        char *again;

        if (journal_decode(bytes, size, &diag, &text, &length) < 0) {
                CHECK(*diag.text);
                return;
        }
        CHECK(journal_encode(text, length, &again, &again_length) == 0);
        CHECK(again_length == size && memcmp(again, bytes, size) == 0);
        free(again);
}

/* The first two bytes of the text say where the damage is. */
static void damage_own(const char *written, size_t size)
{
        size_t at = size > 1 ? ((size_t)(uint8_t)written[0] << 8 | (uint8_t)written[1]) : 0;
        const char *text;
        size_t bytes_length;
        size_t length;
        char *bytes;

        CHECK(journal_encode(written, size, &bytes, &bytes_length) == 0);
        CHECK(journal_decode(bytes, bytes_length, NULL, &text, &length) == 0);
        CHECK(length == size && memcmp(text, written, size) == 0);
        at %= bytes_length;
        CHECK(journal_decode(bytes, at, NULL, &text, &length) < 0);
        bytes[at] = (char)(bytes[at] ^ (1 << at % 8));
        CHECK(journal_decode(bytes, bytes_length, NULL, &text, &length) < 0);
        free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* A copy of exactly this size, so that reading beyond it is seen; malloc(0) may be NULL. */
        char *bytes = malloc(size + !size);

        CHECK(bytes);
        memcpy(bytes, data, size);
        decode_foreign(bytes, size);
        damage_own(bytes, size);
        free(bytes);
        return 0;
}
