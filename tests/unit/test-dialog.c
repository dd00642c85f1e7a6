/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "host/plugin/inquiry.h"
#include "host/plugin/dialog.h"
#include "tests/unit/unit.h"

static struct dialog dialog;

static int answer(const char *status)
{
        return dialog_answer(&dialog, "a1", "", status);
}

static void command(int32_t which)
{
        ck_assert_int_eq(dialog_command(&dialog, "a1", "", which), 0);
}

START_TEST(a_whole_activity_passes)
{
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFYING"), 0);
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        command(UB_CMD_DOWNLOAD);
        ck_assert_int_eq(answer("DOWNLOADING"), 0);
        ck_assert_int_eq(answer("DOWNLOADING"), 0);
        ck_assert_int_eq(answer("DOWNLOAD_SUCCESS"), 0);
        command(UB_CMD_UPDATE);
        ck_assert_int_eq(answer("UPDATE_SUCCESS"), 0);
        command(UB_CMD_ACTIVATE);
        ck_assert_int_eq(answer("ACTIVATION_SUCCESS"), 0);
        command(UB_CMD_VERIFY);
        ck_assert_int_eq(answer("VERIFY_SUCCESS"), 0);
        command(UB_CMD_CLEANUP);
        ck_assert_int_eq(answer("CLEANUP"), 0);
        ck_assert_int_eq(answer("CLEANUP_SUCCESS"), 0);
        ck_assert_int_eq(answer("COMPLETED"), 0);
        ck_assert_uint_eq(dialog.answers, 7);
}
END_TEST

static const struct {
        int32_t command;
        const char *word;
        int r;
        bool answered;
} words[] = {
        { UB_CMD_DOWNLOAD, "DOWNLOADING", 0, false },
        { UB_CMD_DOWNLOAD, "RUNNING", 0, false },
        { UB_CMD_DOWNLOAD, "A_WORD_OF_LATER_TIMES", 0, false },
        { UB_CMD_DOWNLOAD, "", 0, false },
        { UB_CMD_DOWNLOAD, "DOWNLOAD_FAILURE", 0, true },
        { UB_CMD_DOWNLOAD, "DOWNLOADED_COMPLETED", 0, true },
        { UB_CMD_DOWNLOAD, "DOWNLOADED_FAILED", 0, true },
        { UB_CMD_DOWNLOAD, "UPDATE_FAILURE", 0, true },
        { UB_CMD_DOWNLOAD, "UPDATE_SUCCESS", 0, false },
        { UB_CMD_DOWNLOAD, "IDENTIFIED", -ESTALE, false },
        { UB_CMD_DOWNLOAD, "IDENTIFICATION_FAILED", -ESTALE, false },
        { UB_CMD_UPDATE, "UPDATED", 0, true },
        { UB_CMD_UPDATE, "UPDATE_COMPLETED", 0, true },
        { UB_CMD_UPDATE, "DOWNLOAD_SUCCESS", -ESTALE, false },
        { UB_CMD_UPDATE, "DOWNLOAD_FAILURE", -ESTALE, false },
        { UB_CMD_ACTIVATE, "ACTIVATION_FAILED", 0, true },
        { UB_CMD_ROLLBACK, "ROLLBACK_SUCCESS", 0, true },
        { UB_CMD_ROLLBACK, "ACTIVATION_FAILURE", -ESTALE, false },
        { UB_CMD_CLEANUP, "ROLLBACK_SUCCESS", -ESTALE, false },
        { UB_CMD_CLEANUP, "CLEANUP_FAILURE", 0, true },
        { UB_CMD_CLEANUP, "COMPLETE", 0, true },
        { UB_CMD_DOWNLOAD, "INCOMPLETE", 0, true },
        { 4711, "UPDATE_SUCCESS", 0, true },
};

START_TEST(words_answer_their_step)
{
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                unsigned before;

                dialog = (struct dialog){ .runs = false };
                command(words[i].command);
                before = dialog.answers;
                ck_assert_msg(answer(words[i].word) == words[i].r, "%s after %d", words[i].word,
                              (int)words[i].command);
                ck_assert_msg((dialog.answers != before) == words[i].answered, "%s after %d",
                              words[i].word, (int)words[i].command);
        }
}
END_TEST

START_TEST(a_step_has_one_answer)
{
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        ck_assert_int_eq(answer("IDENTIFIED"), -ESTALE);
        ck_assert_int_eq(answer("DOWNLOAD_SUCCESS"), -ESTALE);
        ck_assert_int_eq(answer("DOWNLOADING"), 0);
        command(UB_CMD_DOWNLOAD);
        ck_assert_int_eq(answer("DOWNLOAD_FAILURE"), 0);
        ck_assert_int_eq(answer("UPDATE_FAILURE"), -ESTALE);
}
END_TEST

START_TEST(an_activity_ends_once_and_at_any_time)
{
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("COMPLETED"), 0);
        ck_assert_int_eq(answer("COMPLETED"), -ESTALE);
        ck_assert_int_eq(answer("DOWNLOADING"), -ESTALE);

        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), -ESTALE);
        /* It may be told to clean up all the same. */
        command(UB_CMD_CLEANUP);
        ck_assert_int_eq(answer("CLEANUP_SUCCESS"), 0);
        ck_assert_int_eq(answer("COMPLETED"), 0);
}
END_TEST

START_TEST(a_rollback_and_the_cleanup_behind_it_are_both_answered)
{
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        command(UB_CMD_ROLLBACK);
        command(UB_CMD_CLEANUP);
        ck_assert_int_eq(answer("ROLLBACK"), 0);
        ck_assert_int_eq(answer("ROLLBACK_SUCCESS"), 0);
        ck_assert_int_eq(answer("ROLLBACK_SUCCESS"), -ESTALE);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
        ck_assert_int_eq(answer("CLEANUP_SUCCESS"), 0);
        ck_assert_int_eq(answer("CLEANUP_SUCCESS"), -ESTALE);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), -ESTALE);

        /* The word of the ROLLBACK was there before. */
        command(UB_CMD_ROLLBACK);
        ck_assert_int_eq(answer("ROLLBACK_SUCCESS"), 0);
        command(UB_CMD_CLEANUP);
        ck_assert_int_eq(answer("ROLLBACK_SUCCESS"), -ESTALE);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
        ck_assert_int_eq(answer("CLEANUP_SUCCESS"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), -ESTALE);

        /* One end for both. */
        command(UB_CMD_ROLLBACK);
        command(UB_CMD_CLEANUP);
        ck_assert_int_eq(answer("ROLLBACK_FAILURE"), 0);
        ck_assert_int_eq(answer("CLEANUP_SUCCESS"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), -ESTALE);
}
END_TEST

START_TEST(only_the_present_activity_is_known)
{
        ck_assert_int_eq(answer("IDENTIFIED"), -ENOENT);
        dialog_begin(&dialog, "a0");
        ck_assert_int_eq(answer("IDENTIFIED"), -ENOENT);
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        dialog_end(&dialog, "another");
        ck_assert(dialog_runs(&dialog, "a1"));
        dialog_end(&dialog, "a1");
        ck_assert(!dialog_runs(&dialog, "a1"));
        ck_assert_int_eq(answer("COMPLETED"), -ENOENT);
}
END_TEST

START_TEST(the_end_of_an_activity_of_an_earlier_life_may_come_late)
{
        dialog_begin(&dialog, "a2");
        ck_assert_int_eq(answer("COMPLETED"), -ENOENT);
        dialog_end(&dialog, "a2");
        ck_assert_int_eq(answer("DOWNLOADING"), -ENOENT);
        ck_assert_int_eq(answer("UPDATE_FAILURE"), -ENOENT);
        ck_assert_int_eq(answer("COMPLETED"), 0);
        ck_assert_int_eq(answer("INCOMPLETE"), 0);
}
END_TEST

START_TEST(baselines_are_answered_one_by_one)
{
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        ck_assert_int_eq(dialog_command(&dialog, "a1", "b1", UB_CMD_DOWNLOAD), 0);
        ck_assert_int_eq(dialog_command(&dialog, "a1", "b2", UB_CMD_DOWNLOAD), 0);
        ck_assert_int_eq(dialog_answer(&dialog, "a1", "b1", "DOWNLOAD_SUCCESS"), 0);
        ck_assert_int_eq(dialog_answer(&dialog, "a1", "b1", "DOWNLOAD_SUCCESS"), -ESTALE);
        ck_assert_int_eq(dialog_command(&dialog, "a1", "b1", UB_CMD_UPDATE), 0);
        ck_assert_int_eq(dialog_answer(&dialog, "a1", "b2", "DOWNLOAD_FAILURE"), 0);
        /* An agent that does not name the baseline speaks of what is open. */
        ck_assert_int_eq(dialog_answer(&dialog, "a1", "", "UPDATE_SUCCESS"), 0);
        ck_assert_int_eq(dialog_answer(&dialog, "a1", "*", "UPDATE_SUCCESS"), -ESTALE);
        /* One that names a baseline although all were asked for, too. */
        ck_assert_int_eq(dialog_command(&dialog, "a1", "*", UB_CMD_ACTIVATE), 0);
        ck_assert_int_eq(dialog_answer(&dialog, "a1", "b1", "ACTIVATION_SUCCESS"), 0);
}
END_TEST

START_TEST(there_is_a_limit_of_baselines)
{
        char name[8];

        for (int i = 0; i < DIALOG_BASELINES_MAX; i++) {
                (void)snprintf(name, sizeof(name), "b%d", i);
                ck_assert_int_eq(dialog_command(&dialog, "a1", name, UB_CMD_DOWNLOAD), 0);
        }
        ck_assert_int_eq(dialog_command(&dialog, "a1", "one more", UB_CMD_DOWNLOAD), -E2BIG);
        ck_assert_int_eq(dialog_command(&dialog, "a1", "b7", UB_CMD_UPDATE), 0);
}
END_TEST

START_TEST(a_repetition_is_welcome_when_it_was_asked_for)
{
        dialog_begin(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        dialog_ask(&dialog, "a1");
        ck_assert_int_eq(answer("IDENTIFIED"), 0);
        ck_assert_int_eq(answer("IDENTIFIED"), -ESTALE);
        ck_assert_int_eq(answer("COMPLETED"), 0);
        dialog_ask(&dialog, "a1");
        ck_assert_int_eq(answer("COMPLETED"), 0);
        ck_assert_int_eq(answer("COMPLETED"), -ESTALE);
}
END_TEST

START_TEST(after_a_restart_any_word_is_the_last_one)
{
        dialog_ask(&dialog, "a1");
        ck_assert_int_eq(answer("UPDATE_SUCCESS"), 0);
        ck_assert_int_eq(answer("UPDATE_SUCCESS"), -ESTALE);

        /* In the middle of a step: its end is still to come. */
        dialog = (struct dialog){ .runs = false };
        dialog_ask(&dialog, "a1");
        ck_assert_int_eq(answer("UPDATING"), 0);
        ck_assert_int_eq(answer("UPDATE_SUCCESS"), 0);
        ck_assert_int_eq(answer("UPDATE_SUCCESS"), -ESTALE);
}
END_TEST

START_TEST(an_inventory_answers_one_question)
{
        struct inquiry inquiry = { .n_asked = 0 };

        ck_assert_int_eq(inquiry_answer(&inquiry, ""), 0);
        ck_assert_int_eq(inquiry_answer(&inquiry, "q1"), -ENOENT);
        inquiry_ask(&inquiry, "q1");
        inquiry_ask(&inquiry, "q2");
        inquiry_ask(&inquiry, "q1");
        ck_assert_int_eq(inquiry_answer(&inquiry, "q1"), 0);
        ck_assert_int_eq(inquiry_answer(&inquiry, "q1"), 0);
        ck_assert_int_eq(inquiry_answer(&inquiry, "q1"), -ESTALE);
        ck_assert(inquiry_refuse(&inquiry, "q2"));
        ck_assert(!inquiry_refuse(&inquiry, "q2"));
        ck_assert_int_eq(inquiry_answer(&inquiry, ""), 0);
}
END_TEST

START_TEST(old_questions_are_forgotten)
{
        struct inquiry inquiry = { .n_asked = 0 };
        char name[8];

        for (int i = 0; i <= INQUIRY_MAX; i++) {
                (void)snprintf(name, sizeof(name), "q%d", i);
                inquiry_ask(&inquiry, name);
        }
        ck_assert_int_eq(inquiry_answer(&inquiry, "q0"), -ENOENT);
        ck_assert_int_eq(inquiry_answer(&inquiry, "q1"), 0);
        ck_assert_int_eq(inquiry_answer(&inquiry, name), 0);
}
END_TEST

UNIT_MAIN("step", a_whole_activity_passes, words_answer_their_step, a_step_has_one_answer,
          an_activity_ends_once_and_at_any_time,
          a_rollback_and_the_cleanup_behind_it_are_both_answered, only_the_present_activity_is_known,
          the_end_of_an_activity_of_an_earlier_life_may_come_late,
          baselines_are_answered_one_by_one, there_is_a_limit_of_baselines,
          a_repetition_is_welcome_when_it_was_asked_for, after_a_restart_any_word_is_the_last_one,
          an_inventory_answers_one_question, old_questions_are_forgotten)
