/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "host/plugin/frame.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

/* A frame of a type with something in every field that it can have. */
static struct frame sample(enum frame_type type)
{
        struct frame frame = { .type = type,
                               .number = { 1, 1, 0, 1, 0 },
                               .text = { "a1", "{\"k\":\"v\"}", "third" },
                               .blob = "blob",
                               .blob_length = 4 };

        return frame;
}

static char *encode(const struct frame *frame, size_t *ret_size)
{
        char *bytes;

        ck_assert_int_eq(frame_size(frame, ret_size), 0);
        bytes = malloc(*ret_size);
        ck_assert_ptr_nonnull(bytes);
        frame_write(frame, bytes);
        return bytes;
}

START_TEST(every_type_survives_the_way)
{
        enum frame_type type;

        for (type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) {
                struct frame frame = sample(type);
                CLEANUP_FREE char *bytes = NULL;
                CLEANUP_FREE char *again = NULL;
                char printed[2][512];
                struct frame decoded;
                struct diag diag = DIAG_INIT;
                size_t size;
                size_t used;

                bytes = encode(&frame, &size);
                ck_assert_msg(frame_read(bytes, size, &decoded, &used, &diag) == 1, "%s",
                              diag.text);
                ck_assert_uint_eq(used, size);
                ck_assert_int_eq(decoded.type, type);
                ck_assert_str_eq(frame_print(&frame, printed[0], sizeof(printed[0])),
                                 frame_print(&decoded, printed[1], sizeof(printed[1])));
                again = encode(&decoded, &used);
                ck_assert_uint_eq(used, size);
                ck_assert_mem_eq(again, bytes, size);
        }
}
END_TEST

START_TEST(negative_numbers_keep_their_sign)
{
        struct frame frame = { .type = FRAME_ANSWERED,
                               .number = { 9, (uint64_t)(int64_t)-ENOTSUP },
                               .text = { "a1" } };
        CLEANUP_FREE char *bytes = NULL;
        struct frame decoded;
        char printed[100];
        size_t size;

        bytes = encode(&frame, &size);
        ck_assert_int_eq(frame_read(bytes, size, &decoded, &size, NULL), 1);
        ck_assert_int_eq((int)(int64_t)decoded.number[1], -ENOTSUP);
        ck_assert_str_eq(
                frame_print(&decoded, printed, sizeof(printed)),
                "answered call=9 result=-95 calls=0 call_usec=0 call_usec_max=0 activity=\"a1\"");
        ck_assert_str_eq(frame_print(&decoded, printed, 12), "answered ca");
}
END_TEST

START_TEST(incomplete_frame_asks_for_what_it_needs)
{
        struct frame frame = sample(FRAME_MQTT_PUBLISH);
        CLEANUP_FREE char *bytes = NULL;
        struct frame decoded;
        size_t needed;
        size_t size;
        size_t i;

        bytes = encode(&frame, &size);
        for (i = 0; i < size; i++) {
                ck_assert_int_eq(frame_read(bytes, i, &decoded, &needed, NULL), 0);
                ck_assert_uint_eq(needed,
                                  i < FRAME_HEADER_BYTES ? (size_t)FRAME_HEADER_BYTES : size);
        }
}
END_TEST

START_TEST(field_over_its_limit_is_not_sent)
{
        static char text[UB_MAX_JSON + 2];
        struct frame frame = { .type = FRAME_FEEDBACK, .text = { "a1", text } };
        size_t size;

        memset(text, 'x', sizeof(text) - 1);
        ck_assert_int_eq(frame_size(&frame, &size), -E2BIG);
        text[UB_MAX_JSON] = '\0';
        ck_assert_int_eq(frame_size(&frame, &size), 0);
        frame = (struct frame){ .type = FRAME_STATE_PUT,
                                .text = { "key" },
                                .blob = text,
                                .blob_length = UB_MAX_STATE_VALUE + 1 };
        ck_assert_int_eq(frame_size(&frame, &size), -E2BIG);
}
END_TEST

#define N8(n) n "\0\0\0\0\0\0\0"

START_TEST(what_is_no_frame_is_refused_with_a_sentence)
{
        static const struct {
                const char *bytes;
                size_t length;
                const char *text;
        } cases[] = {
#define CASE(bytes, text) { bytes, sizeof(bytes) - 1, text }
                CASE("\0\0\0\0\0\0\0\0", "unknown type 0 of a frame"),
                CASE("\0\0\0\0\xff\xff\xff\xff", "unknown type 4294967295 of a frame"),
                /* an absurd length is refused before the body is there */
                CASE("\xff\xff\xff\x7f\x01\0\0\0", "frame hello: 2147483647 bytes are too many"),
                CASE("\x01\0\0\0\x0d\0\0\0x", "frame stop: 1 bytes are too many"),
                CASE("\x08\0\0\0\x01\0\0\0" N8("\x01"), "frame hello: abi_minor: missing"),
                CASE("\x10\0\0\0\x01\0\0\0" N8("\x01") "\0\0\0\0\x01\0\0\0",
                     "frame hello: abi_minor: out of range"),
                CASE("\x03\0\0\0\x07\0\0\0abc", "frame activity_end: activity: has no end"),
                CASE("\0\0\0\0\x07\0\0\0", "frame activity_end: activity: has no end"),
                CASE("\x03\0\0\0\x07\0\0\0\xc0\x80\0", "frame activity_end: activity: not UTF-8"),
                /* a NUL inside of a text ends it, and then there is too much */
                CASE("\x04\0\0\0\x07\0\0\0a\0b\0", "frame activity_end: 2 bytes too many"),
#undef CASE
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag diag = DIAG_INIT;
                struct frame frame;
                size_t bytes;

                ck_assert_int_eq(frame_read(cases[i].bytes, cases[i].length, &frame, &bytes, &diag),
                                 -EBADMSG);
                ck_assert_str_eq(diag.text, cases[i].text);
        }
}
END_TEST

START_TEST(text_over_its_limit_is_refused)
{
        char bytes[FRAME_HEADER_BYTES + UB_MAX_ID + 2] = { UB_MAX_ID + 2, 0, 0, 0,
                                                           FRAME_FEEDBACK };
        struct diag diag = DIAG_INIT;
        struct frame frame;
        size_t used;

        memset(bytes + FRAME_HEADER_BYTES, 'x', UB_MAX_ID + 1);
        ck_assert_int_eq(frame_read(bytes, sizeof(bytes), &frame, &used, &diag), -EBADMSG);
        ck_assert_str_eq(diag.text, "frame feedback: activity: too long");
}
END_TEST

UNIT_MAIN("frame", every_type_survives_the_way, negative_numbers_keep_their_sign,
          incomplete_frame_asks_for_what_it_needs, field_over_its_limit_is_not_sent,
          what_is_no_frame_is_refused_with_a_sentence, text_over_its_limit_is_refused)
