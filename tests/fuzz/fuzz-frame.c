/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-frame - whatever bytes the process of a plugin writes to its channel
 *
 * Input: a stream of frames.  What the decoder accepts is encoded to the same bytes, has its texts
 * inside of the input, prints, and passes the gate of an agent and of a connector or does not.
 * What it wants more of, it wants within reason. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/plugin/frame.h"
#include "host/plugin/gate.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what)               \
        do {                     \
                if (!(what))     \
                        abort(); \
        } while (0)

static void check_same(const struct frame *frame, const uint8_t *bytes, size_t size)
{
        CLEANUP_FREE void *again = NULL;
        size_t again_size;

        MUST(frame_size(frame, &again_size) == 0);
        MUST(again_size == size);
        again = malloc(size);
        MUST(again);
        frame_write(frame, again);
        MUST(memcmp(again, bytes, size) == 0);
}

static void check_inside(const struct frame *frame, const uint8_t *bytes, size_t size)
{
        const char *begin = (const char *)bytes;
        size_t i;

        for (i = 0; i < FRAME_TEXTS_MAX; i++) {
                const char *text = frame->text[i];

                if (!text)
                        continue;
                MUST(text >= begin && text < begin + size);
                MUST(memchr(text, '\0', (size_t)(begin + size - text)) != NULL);
        }
}

static void check_gate(const struct frame *frame)
{
        static const char *const topics[] = { "a/#", "b/+/c", NULL };
        static const struct gate gates[] = {
                { .role = INSTANCE_ROLE_AGENT },
                { .role = INSTANCE_ROLE_AGENT, .grants = INSTANCE_GRANT_MQTT, .topics = topics },
                { .role = INSTANCE_ROLE_CONNECTOR, .grants = INSTANCE_GRANT_MQTT },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(gates); i++) {
                struct diag diag = DIAG_INIT;
                int r = gate_check(&gates[i], frame, &diag);

                MUST(r == 0 || (r == -EBADMSG && diag.text[0]));
                /* What only the daemon says never passes. */
                MUST(r < 0 || frame->type >= FRAME_STARTED);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (;;) {
                struct diag diag = DIAG_INIT;
                struct frame frame;
                char printed[200];
                size_t bytes;
                int r = frame_read(data, size, &frame, &bytes, &diag);

                if (r == 0)
                        MUST(bytes > size && bytes <= 4 * 1024 * 1024);
                if (r < 0)
                        MUST(r == -EBADMSG && diag.text[0]);
                if (r <= 0)
                        return 0;
                MUST(bytes >= FRAME_HEADER_BYTES && bytes <= size);
                check_inside(&frame, data, bytes);
                check_same(&frame, data, bytes);
                MUST(strlen(frame_print(&frame, printed, sizeof(printed))) < sizeof(printed));
                check_gate(&frame);
                data += bytes;
                size -= bytes;
        }
}
