/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "host/util/diag.h"
#include "tests/unit/unit.h"

START_TEST(each_layer_puts_its_prefix_in_front)
{
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(diag_set(&diag, -EBADMSG, "expected %s", "a string"), -EBADMSG);
        ck_assert_int_eq(diag_prefix(&diag, -EBADMSG, "a.conf:%d:%d", 7, 3), -EBADMSG);
        ck_assert_str_eq(diag.text, "a.conf:7:3: expected a string");
}
END_TEST

START_TEST(text_that_does_not_fit_ends_in_dots)
{
        struct diag diag = DIAG_INIT;
        char text[2 * DIAG_MAX];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        (void)diag_set(&diag, -E2BIG, "%s", text);
        ck_assert_uint_eq(strlen(diag.text), DIAG_MAX - 1);
        ck_assert_str_eq(diag.text + DIAG_MAX - 4, "...");
}
END_TEST

START_TEST(errno_text_is_appended)
{
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(diag_set_errno(&diag, -ENOENT, "%s", "x.so"), -ENOENT);
        ck_assert_str_eq(diag.text, "x.so: No such file or directory");
}
END_TEST

START_TEST(nobody_listening_is_fine)
{
        ck_assert_int_eq(diag_set(NULL, -EIO, "x"), -EIO);
        ck_assert_int_eq(diag_prefix(NULL, -EIO, "x"), -EIO);
}
END_TEST

UNIT_MAIN("diag", each_layer_puts_its_prefix_in_front, text_that_does_not_fit_ends_in_dots,
          errno_text_is_appended, nobody_listening_is_fine)
