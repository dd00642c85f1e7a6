/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/util/crc32.h"
#include "host/util/values.h"
#include "tests/unit/unit.h"

static struct values *values;

static void begin(size_t max_bytes)
{
        ck_assert_int_eq(values_new(max_bytes, &values), 0);
}

static int put(const char *key, const char *text)
{
        return values_put(values, key, text, strlen(text));
}

START_TEST(keys_come_out_sorted_whatever_the_order_they_went_in)
{
        char key[16];

        begin(100000);
        for (unsigned i = 0; i < 500; i++) {
                (void)snprintf(key, sizeof(key), "k%03u", i * 7 % 500);
                ck_assert_int_eq(put(key, key + 1), 0);
        }
        ck_assert_uint_eq(values_count(values), 500);
        for (unsigned i = 0; i < 500; i++) {
                struct value value = values_at(values, i);

                (void)snprintf(key, sizeof(key), "k%03u", i);
                ck_assert_str_eq(value.key, key);
                ck_assert_uint_eq(value.length, 3);
                ck_assert_mem_eq(value.data, key + 1, 3);
        }
        values_free(values);
}
END_TEST

START_TEST(bytes_may_hold_nul_and_length_zero_removes)
{
        struct value value;

        begin(100);
        ck_assert_int_eq(values_put(values, "k", "a\0b", 3), 0);
        ck_assert_int_eq(values_get(values, "k", &value), 0);
        ck_assert_uint_eq(value.length, 3);
        ck_assert_mem_eq(value.data, "a\0b", 4);
        ck_assert_int_eq(values_put(values, "k", NULL, 0), 0);
        ck_assert_int_eq(values_put(values, "k", NULL, 0), 0);
        ck_assert_int_eq(values_get(values, "k", &value), -ENOENT);
        ck_assert_uint_eq(values_count(values), 0);
        values_free(values);
}
END_TEST

START_TEST(the_limit_counts_keys_and_values_and_is_exact)
{
        struct value value;

        begin(10);
        ck_assert_int_eq(put("ab", "12345678"), 0);
        ck_assert_int_eq(put("c", "1"), -E2BIG);
        ck_assert_int_eq(put("ab", "123456789"), -E2BIG);
        ck_assert_int_eq(values_get(values, "ab", &value), 0);
        ck_assert_uint_eq(value.length, 8);
        ck_assert_int_eq(put("ab", "123456"), 0);
        ck_assert_int_eq(put("c", "1"), 0);
        ck_assert_int_eq(put("d", "1"), -E2BIG);
        ck_assert_int_eq(put("ab", ""), 0);
        ck_assert_int_eq(put("d", "1234567"), 0);
        values_free(values);
}
END_TEST

START_TEST(the_sum_is_that_of_gzip)
{
        ck_assert_uint_eq(crc32_add(0, "123456789", 9), 0xcbf43926);
        ck_assert_uint_eq(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xcbf43926);
        ck_assert_uint_eq(crc32_add(0, "", 0), 0);
}
END_TEST

UNIT_MAIN("values", keys_come_out_sorted_whatever_the_order_they_went_in,
          bytes_may_hold_nul_and_length_zero_removes,
          the_limit_counts_keys_and_values_and_is_exact, the_sum_is_that_of_gzip)
