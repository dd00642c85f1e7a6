/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sdk-log - log lines, error texts, status words and the wrappers of optional slots */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

#include <update-broker/sdk/error.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/status.h>

/* Keeps the last record, for what the transcript does not show. */
struct keeper {
        struct ub_host host;
        struct ub_log record;
        char text[2 * UB_MAX_LOG];
};

static void keep(void *ctx, const struct ub_log *record)
{
        struct keeper *keeper = ctx;

        keeper->record = *record;
        (void)snprintf(keeper->text, sizeof(keeper->text), "%s", record->text);
}

static void keeper_init(struct keeper *keeper)
{
        *keeper = (struct keeper){
                .host = { .size = sizeof(keeper->host), .ctx = keeper, .log = keep },
        };
}

START_TEST(a_line_is_formatted_and_carries_its_place)
{
        struct keeper k;

        keeper_init(&k);
        errno = ENOENT;
        ub_warning(&k.host, "%s: %d of %d\n", "disk", 3, 7);
        ck_assert_str_eq(k.text, "disk: 3 of 7");
        ck_assert_int_eq(k.record.level, UB_LOG_WARNING);
        ck_assert_uint_eq(k.record.size, sizeof(k.record));
        ck_assert_ptr_nonnull(strstr(k.record.file, "test-sdk-log.c"));
        ck_assert_int_gt(k.record.line, 0);
        ck_assert_ptr_nonnull(k.record.func);
        ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_long_line_is_cut_between_characters)
{
        static char text[3 * UB_MAX_LOG];
        struct keeper k;
        size_t i;

        keeper_init(&k);
        for (i = 0; i + 2 < sizeof(text); i += 2) /* and a NUL */
                memcpy(text + i, "\xc3\xa4", 2); /* a umlaut */
        ub_info(&k.host, "x%s", text);
        ck_assert_uint_le(strlen(k.text), UB_MAX_LOG);
        ck_assert_uint_ge(strlen(k.text), UB_MAX_LOG - 4);
        ck_assert_str_eq(k.text + strlen(k.text) - 5, "\xc3\xa4...");

        text[UB_MAX_LOG - 1] = '\0';
        memset(text, 'a', UB_MAX_LOG - 1);
        ub_info(&k.host, "x%s", text);
        ck_assert_uint_eq(strlen(k.text), UB_MAX_LOG);
        ck_assert_int_eq(k.text[UB_MAX_LOG - 1], 'a');
}
END_TEST

START_TEST(bytes_that_are_no_text_do_not_lose_the_line)
{
        static const char *const cases[][2] = {
                { "a\xff" "b", "a?b" },
                { "\xc0\xaf", "??" },             /* overlong */
                { "\xed\xa0\x80", "???" },        /* a surrogate */
                { "\xf4\x90\x80\x80", "????" },   /* above U+10FFFF */
                { "\xe2\x82", "??" },             /* cut short */
                { "\xf0\x9f\x92\xa1", "\xf0\x9f\x92\xa1" },
        };
        struct keeper k;
        size_t i;

        keeper_init(&k);
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ub_debug(&k.host, "%s", cases[i][0]);
                ck_assert_str_eq(k.text, cases[i][1]);
        }
}
END_TEST

START_TEST(error_texts_grow_like_a_path_and_are_cut)
{
        struct ub_error error = UB_ERROR_INIT;
        int i;

        ck_assert_int_eq(ub_error_set(&error, -EINVAL, "%s %d", "no", 1), -EINVAL);
        ck_assert_int_eq(ub_error_prefix(&error, -EIO, "settings"), -EIO);
        ck_assert_str_eq(error.text, "settings: no 1");
        ck_assert_int_eq(ub_error_set(&error, -EIO, "<%s>", error.text), -EIO);
        ck_assert_str_eq(error.text, "<settings: no 1>");
        for (i = 0; i < 100; i++)
                (void)ub_error_prefix(&error, 0, "prefix %d", i);
        ck_assert_uint_eq(strlen(error.text), UB_ERROR_MAX - 1);
        ck_assert_str_eq(error.text + UB_ERROR_MAX - 4, "...");
        ck_assert_int_eq(ub_error_set(NULL, -EIO, "nobody reads this"), -EIO);
}
END_TEST

START_TEST(an_absent_slot_or_service_is_enotsup)
{
        struct fake_host *fake = fake_host_new();
        struct ub_source *source = NULL;
        struct ub_host old = fake->host;

        old.size = offsetof(struct ub_host, reboot_request);
        old.timer = NULL;
        ck_assert_int_eq(ub_timer(&old, 1, NULL, NULL, NULL), -ENOTSUP);
        ck_assert_int_eq(ub_reboot_request(&old, "a", "b"), -ENOTSUP);
        ck_assert_int_eq(ub_stopped(&old), -ENOTSUP);
        ck_assert_str_eq(ub_id(&old), "");
        ck_assert_ptr_null(ub_service(&old, UB_SERVICE_MQTT));
        ck_assert_int_eq(ub_mqtt_publish(&fake->host, "t", "", 0, 0, 0, NULL, NULL), -ENOTSUP);
        ck_assert_int_eq(ub_orchestrator_command(&fake->host, "a", "{}"), -ENOTSUP);
        ub_source_drop(&fake->host, &source);
        ck_assert_str_eq(ub_id(&fake->host), "fake");
        ck_assert_int_eq(ub_feedback(&old, "a", "{}"), 0);
        fake_host_free(fake);
}
END_TEST

START_TEST(a_state_value_of_any_length_is_read_whole)
{
        struct fake_host *fake = fake_host_new();
        char text[3000];
        char *value = NULL;
        size_t length = 0;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        ck_assert_int_eq(ub_state_read(&fake->host, "k", &value, &length), -ENOENT);
        ck_assert_int_eq(ub_state_write(&fake->host, "k", text), 0);
        ck_assert_int_eq(ub_state_read(&fake->host, "k", &value, &length), 0);
        ck_assert_str_eq(value, text);
        ck_assert_uint_eq(length, sizeof(text) - 1);
        free(value);
        ck_assert_int_eq(ub_state_write(&fake->host, "k", NULL), 0);
        ck_assert_int_eq(ub_state_read(&fake->host, "k", &value, NULL), -ENOENT);
        fake_host_free(fake);
}
END_TEST

START_TEST(every_command_has_its_three_words)
{
        const struct ub_step_words *words = ub_step_words(UB_CMD_ACTIVATE);

        ck_assert_str_eq(words->command, "ACTIVATE");
        ck_assert_str_eq(words->progress, "ACTIVATING");
        ck_assert_str_eq(words->success, "ACTIVATION_SUCCESS");
        ck_assert_str_eq(words->failure, "ACTIVATION_FAILURE");
        ck_assert_str_eq(ub_step_words(UB_CMD_VERIFY)->failure, UB_VERIFY_FAILURE);
        ck_assert_str_eq(ub_step_words(UB_CMD_ROLLBACK)->progress, UB_ROLLBACK);
        ck_assert_str_eq(ub_step_words(UB_CMD_DOWNLOAD)->success, UB_DOWNLOAD_SUCCESS);
        ck_assert_ptr_null(ub_step_words(0));
        ck_assert_ptr_null(ub_step_words(-1));
        ck_assert_ptr_null(ub_step_words(UB_CMD_VERIFY + 1));
        ck_assert(ub_status_is_progress(UB_CLEANUP));
        ck_assert(ub_status_is_progress(UB_IDENTIFYING));
        ck_assert(!ub_status_is_progress(UB_IDENTIFIED));
        ck_assert(!ub_status_is_progress("UNKNOWN"));
}
END_TEST

UNIT_MAIN("sdk-log", a_line_is_formatted_and_carries_its_place,
          a_long_line_is_cut_between_characters, bytes_that_are_no_text_do_not_lose_the_line,
          error_texts_grow_like_a_path_and_are_cut, an_absent_slot_or_service_is_enotsup,
          a_state_value_of_any_length_is_read_whole, every_command_has_its_three_words)
