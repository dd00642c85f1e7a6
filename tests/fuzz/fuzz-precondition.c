/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-precondition - preconditions: nothing is missing exactly when they hold, whatever the
 * facts */
#include <stdint.h>
#include <string.h>

#include "host/model/precondition.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* data: what each fact is; NULL: unknown. */
static const char *lookup(void *data, const char *name)
{
        CHECK(*name);
        return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const facts[] = { NULL, "1", "true", "DRIVING" };
        struct precondition *p = NULL;
        struct diag diag = DIAG_INIT;
        char text[PRECONDITION_TEXT_MAX + 2];
        char buf[64];
        size_t i;

        if (size >= sizeof(text))
                size = sizeof(text) - 1;
        memcpy(text, data, size);
        text[size] = '\0';
        if (precondition_new(text, &diag, &p) < 0) {
                CHECK(diag.text[0] && !p);
                return 0;
        }
        for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
                enum truth truth = precondition_evaluate(p, lookup, (void *)facts[i]);

                (void)precondition_explain(p, lookup, (void *)facts[i], buf, sizeof(buf));
                CHECK(strlen(buf) < sizeof(buf) && (truth == TRUTH_TRUE) == !*buf);
        }
        (void)precondition_free(p);
        return 0;
}
