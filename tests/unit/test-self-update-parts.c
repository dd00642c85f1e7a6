/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-parts - the pure parts of the self-update agent: policy, verdict, record,
 * settings, messages, slots */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/message.h"
#include "plugins/self-update/policy.h"
#include "plugins/self-update/reading.h"
#include "plugins/self-update/record.h"
#include "plugins/self-update/settings.h"
#include "plugins/self-update/slots.h"
#include "plugins/self-update/verdict.h"
#include "tests/unit/unit.h"

static struct settings parse(const char *json)
{
        struct ub_error error = UB_ERROR_INIT;
        struct settings settings;

        ck_assert_msg(settings_parse(json, &error, &settings) == 0, "%s", error.text);
        return settings;
}

/* --------------------------------------------------------------------------------------- policy */

START_TEST(versions_are_ordered_as_people_do)
{
        static const char *const ascending[] = {
                "0.9", "v1.0-rc1", "1.0-rc2", "v1.0", "v1.0-3-gabc", "1.0.1", "1.2", "1.10",
                "v2.0", "v10",
        };
        size_t i;
        size_t j;

        for (i = 0; i < sizeof(ascending) / sizeof(ascending[0]); i++) {
                for (j = 0; j < sizeof(ascending) / sizeof(ascending[0]); j++) {
                        int r = policy_compare_versions(ascending[i], ascending[j]);

                        ck_assert_msg((r < 0) == (i < j) && (r > 0) == (i > j), "%s and %s: %d",
                                      ascending[i], ascending[j], r);
                }
        }
        ck_assert_int_eq(policy_compare_versions("v1.0", "1.00"), 0);
        ck_assert_int_eq(policy_compare_versions("1.0+a", "1.0+b"), 0);
}
END_TEST

static int check(const struct settings *settings, const struct record *record,
                 const char *version, const char *running, struct ub_error *error)
{
        struct request wanted = { .size = 0 };

        RECORD_SET(wanted.version, version);
        return policy_check_version(settings, record, &wanted, running, error);
}

START_TEST(older_versions_are_refused_when_told_so)
{
        struct settings settings = parse("{\"downgrade\":\"deny\",\"minimumVersion\":\"1.5\"}");
        struct ub_error error = UB_ERROR_INIT;
        struct record record = { .n_blocked = 0 };

        ck_assert_int_eq(check(&settings, &record, "v2.1", "v2.0", &error), 0);
        ck_assert_int_eq(check(&settings, &record, "v1.9", "v2.0", &error), -EPERM);
        ck_assert_str_eq(error.text, "Version v1.9 is older than v2.0, which is running.");
        ck_assert_int_eq(check(&settings, &record, "v1.4", "v1.3", &error), -EPERM);
        ck_assert_str_eq(error.text, "Version v1.4 is older than 1.5, the minimum.");
}
END_TEST

/* The example of semver.org, section 11, and what people and tools write beside it. */
START_TEST(semantic_versions_are_ordered_as_their_rules_say)
{
        static const char *const ascending[] = {
                "1.0.0-1",    "1.0.0-alpha", "1.0.0-alpha.1", "v1.0.0-alpha.beta",
                "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                "v1.0.0",     "1.0.9",        "1.0.10",        "2.0.0",
                "10.0.0",
        };
        static const char *const wrong[] = {
                "", "v", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b",
                "1.0.0+", "1.0.0 ", "1.0.0-\xc3\xa4", "latest", "1.0.-1",
        };
        size_t i;
        size_t j;

        for (i = 0; i < sizeof(ascending) / sizeof(ascending[0]); i++) {
                ck_assert_msg(policy_is_semver(ascending[i]), "%s", ascending[i]);
                for (j = 0; j < sizeof(ascending) / sizeof(ascending[0]); j++) {
                        int r = policy_compare_semver(ascending[i], ascending[j]);

                        ck_assert_msg((r < 0) == (i < j) && (r > 0) == (i > j), "%s and %s: %d",
                                      ascending[i], ascending[j], r);
                }
        }
        ck_assert_int_eq(policy_compare_semver("1.0.0+b1", "v1.0.0+b2"), 0);
        ck_assert_int_eq(policy_compare_semver("1.0.0-a+b1", "1.0.0-a+001"), 0);
        for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                ck_assert_msg(!policy_is_semver(wrong[i]), "\"%s\"", wrong[i]);
}
END_TEST

START_TEST(with_semver_a_version_has_to_be_one)
{
        struct settings settings = parse("{\"downgrade\":\"semver\","
                                         "\"minimumVersion\":\"1.5.0\"}");
        struct ub_error error = UB_ERROR_INIT;
        struct record record = { .n_blocked = 0 };

        ck_assert_int_eq(check(&settings, &record, "2.0.0-rc.1", "2.0.0", &error), -EPERM);
        ck_assert_str_eq(error.text, "Version 2.0.0-rc.1 is older than 2.0.0, which is running.");
        ck_assert_int_eq(check(&settings, &record, "v2.0", "2.0.0", &error), -EPERM);
        ck_assert_str_eq(error.text, "Version v2.0 is no semantic version, such as 1.2.3.");
        ck_assert_int_eq(check(&settings, &record, "1.4.9", "1.4.0", &error), -EPERM);
        ck_assert_int_eq(check(&settings, &record, "1.5.0", "what was here before", &error), 0);
}
END_TEST

START_TEST(schemes_are_allowed_or_not)
{
        static const struct {
                const char *url;
                bool plain;
                bool strict;
        } cases[] = {
                { "https://x/y", true, true },  { "HTTPS://x/y", true, true },
                { "http://x/y", true, false },  { "file:///x", true, true },
                { "ftp://x/y", false, false },  { "x", false, false },
                { "httpsx://y", false, false }, { "", false, false },
                { ":", false, false },
        };
        struct settings plain = parse("{}");
        struct settings strict = parse("{\"httpsOnly\":true}");
        bool remote;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_msg((policy_check_url(&plain, cases[i].url, NULL, &remote) == 0) ==
                              cases[i].plain, "%s", cases[i].url);
                ck_assert_msg((policy_check_url(&strict, cases[i].url, NULL, &remote) == 0) ==
                              cases[i].strict, "%s", cases[i].url);
        }
}
END_TEST

START_TEST(a_clock_before_the_build_is_not_set)
{
        struct ub_error error = UB_ERROR_INIT;
        int64_t sec;

        ck_assert_int_eq(policy_not_before("2024-05-01", 7, &sec), 0);
        ck_assert_int_eq(sec, 1714521600);
        ck_assert_int_eq(policy_check_clock(sec, sec, &error), 0);
        ck_assert_int_eq(policy_check_clock(86400, sec, &error), -EAGAIN);
        ck_assert_str_eq(error.text,
                         "The clock is not set: it says 1970-01-02, but this system was "
                         "built on 2024-05-01. Certificates cannot be checked.");
        ck_assert_int_eq(policy_not_before("", 7, &sec), 0);
        ck_assert_int_eq(sec, 7);
        ck_assert_int_eq(policy_not_before("off", 7, &sec), 0);
        ck_assert_int_eq(sec, 0);
        ck_assert_int_eq(policy_not_before("tomorrow", 7, &sec), -EBADMSG);
}
END_TEST

/* -------------------------------------------------------------------------------------- verdict */

static void put_slot(struct survey *survey, const char *name, const char *bootname, bool booted)
{
        struct slot *slot = &survey->list[survey->n++];

        RECORD_SET(slot->name, name);
        RECORD_SET(slot->class, *bootname ? "rootfs" : "rescue");
        RECORD_SET(slot->bootname, bootname);
        RECORD_SET(slot->state, booted ? "booted" : "inactive");
}

static void look(struct survey *survey, const char *booted)
{
        *survey = (struct survey){ .n = 0 };
        put_slot(survey, "rootfs.0", "A", strcmp(booted, "A") == 0);
        put_slot(survey, "rootfs.1", "B", strcmp(booted, "B") == 0);
        put_slot(survey, "rescue.0", "", strcmp(booted, "R") == 0);
}

START_TEST(the_table_of_verdicts)
{
        static const struct {
                enum trial trial;
                const char *boot; /* of the record; the present one is "now" */
                const char *booted;
                enum verdict verdict;
        } cases[] = {
                { TRIAL_NONE, "", "A", VERDICT_ORDINARY },
                { TRIAL_NONE, "", "R", VERDICT_RESCUE },
                { TRIAL_NONE, "", "-", VERDICT_UNKNOWN },
                { TRIAL_OUTSTANDING, "now", "A", VERDICT_WAIT },
                { TRIAL_OUTSTANDING, "old", "B", VERDICT_TRIAL },
                { TRIAL_OUTSTANDING, "old", "A", VERDICT_FELL_BACK },
                { TRIAL_OUTSTANDING, "old", "R", VERDICT_RESCUE },
                { TRIAL_OUTSTANDING, "", "B", VERDICT_TRIAL },
                { TRIAL_RUNNING, "now", "B", VERDICT_TRIAL },
                { TRIAL_RUNNING, "old", "A", VERDICT_FELL_BACK },
                { TRIAL_SICK, "now", "B", VERDICT_LEAVE },
                { TRIAL_SICK, "old", "B", VERDICT_TRIAL },
                { TRIAL_SICK, "old", "A", VERDICT_FELL_BACK },
                { TRIAL_GOOD, "old", "B", VERDICT_ORDINARY },
                { TRIAL_FELL_BACK, "old", "A", VERDICT_ORDINARY },
        };
        struct pending pending = { .from = "rootfs.0", .to = "rootfs.1" };
        struct survey survey;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                pending.trial = cases[i].trial;
                RECORD_SET(pending.boot, cases[i].boot);
                look(&survey, cases[i].booted);
                ck_assert_msg(verdict_find(&pending, "now", &survey) == cases[i].verdict,
                              "case %zu", i);
        }
}
END_TEST

START_TEST(the_target_is_another_slot_of_the_class)
{
        struct survey survey;

        look(&survey, "A");
        ck_assert_str_eq(survey_target(&survey)->name, "rootfs.1");
        look(&survey, "B");
        ck_assert_str_eq(survey_target(&survey)->name, "rootfs.0");
        look(&survey, "R");
        RECORD_SET(survey.list[1].boot_status, "bad");
        ck_assert_str_eq(survey_target(&survey)->name, "rootfs.1");
        ck_assert(survey_is_rescue(&survey));
        look(&survey, "-");
        ck_assert_ptr_null(survey_target(&survey));
        RECORD_SET(survey.list[0].state, "booted");
        ck_assert(!survey_booted_twice(&survey));
        RECORD_SET(survey.list[1].state, "booted");
        ck_assert(survey_booted_twice(&survey));
}
END_TEST

/* ------------------------------------------------------------------------------------ read-back */

/* An ext4 superblock; 0 blocks: another file system. */
static struct reading read_head(unsigned blocks_of_4k, unsigned mounted)
{
        struct reading reading = { .opened = true, .bytes = 8192, .sha256 = "bb" };

        if (blocks_of_4k) {
                reading.head[1024 + 0x04] = (uint8_t)blocks_of_4k;
                reading.head[1024 + 0x18] = 2; /* 1 KiB << 2 */
                reading.head[1024 + 0x34] = (uint8_t)mounted;
                reading.head[1024 + 0x38] = 0x53;
                reading.head[1024 + 0x39] = 0xEF;
        }
        return reading;
}

START_TEST(damage_is_told_from_good_reasons)
{
        static const struct image plain = { .sha256 = "aa" };
        static const struct {
                const char *type;
                unsigned blocks; /* of a file system in a slot with an image of 2 */
                unsigned mounted;
                bool known; /* what the image is */
                bool damaged;
        } cases[] = {
                { "raw", 0, 0, false, true },   { "raw", 0, 0, true, true },
                { "raw", 2, 0, false, true },   { "raw", 2, 1, true, false },
                { "ubivol", 0, 0, false, true }, { "ext4", 2, 0, false, true },
                { "ext4", 2, 0, true, true },   { "ext4", 2, 3, true, false },
                { "ext4", 2, 3, false, false }, { "ext4", 3, 0, true, false },
                { "ext4", 3, 0, false, false }, { "ext4", 1, 0, true, true },
                { "ext4", 1, 0, false, false }, { "ext4", 0, 0, false, true },
                { "vfat", 0, 0, true, false },  { "ubifs", 0, 0, false, false },
        };
        const struct slot same = { .sha256 = "BB", .size = 8192 };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct reading reading = read_head(cases[i].blocks, cases[i].mounted);
                struct slot slot = { .sha256 = "aa", .size = 8192 };
                const char *excuse;

                RECORD_SET(slot.type, cases[i].type);
                ck_assert(!reading_is_image(&reading, &slot));
                ck_assert(reading_is_image(&reading, &same));
                excuse = reading_excuse(&reading, &slot, cases[i].known ? &plain : NULL);
                ck_assert_msg(!excuse == cases[i].damaged, "case %zu: %s", i,
                              excuse ? excuse : "damaged");
        }
}
END_TEST

START_TEST(an_image_is_found_by_its_digest)
{
        const struct bundle bundle = { .images = { { .sha256 = "" }, { .sha256 = "ab" } },
                                       .n_images = 2 };

        ck_assert_ptr_eq(bundle_find(&bundle, "AB"), &bundle.images[1]);
        ck_assert_ptr_null(bundle_find(&bundle, "cd"));
        ck_assert_ptr_null(bundle_find(&bundle, ""));
}
END_TEST

/* --------------------------------------------------------------------------------------- record */

static uint64_t failures(const struct record *record, const char *version, const char *hash,
                         const char *sha256)
{
        return record_failures(record, &(struct identity){ version, hash, sha256 });
}

START_TEST(a_record_comes_back_as_it_was)
{
        struct record *a = calloc(1, sizeof(*a));
        struct record *b = calloc(1, sizeof(*b));
        struct outcome outcome = { .time_sec = 77 };
        char *text;
        char *again;
        int i;

        ck_assert(a && b);
        a->activity.state = STATE_UPDATING;
        RECORD_SET(a->activity.id, "a\"1");
        RECORD_SET(a->activity.request.url, "http://x/\n");
        a->activity.touched = true;
        a->activity.count_before = 7;
        a->activity.last = strdup("{\"status\":\"UPDATING\"}");
        a->pending.trial = TRIAL_SICK;
        RECORD_SET(a->pending.to, "rootfs.1");
        a->repair = true;
        for (i = 0; i < RECORD_HISTORY_MAX + 3; i++)
                record_remember(a, &outcome);
        for (i = 0; i < RECORD_BLOCKED_MAX + 3; i++) {
                char version[16];

                (void)snprintf(version, sizeof(version), "v%d", i);
                ck_assert_uint_eq(record_block(a, &(struct identity){ version, "", "" }), 1);
        }
        ck_assert_int_eq(record_write(a, &text), 0);
        ck_assert_int_eq(record_read(text, NULL, b), 0);
        ck_assert_int_eq(record_write(b, &again), 0);
        ck_assert_str_eq(text, again);
        ck_assert_uint_eq(failures(b, "v5", "", ""), 1);
        ck_assert_uint_eq(failures(b, "v0", "", ""), 0);
        record_unblock(b, &(struct identity){ "v5", "", "" });
        ck_assert_uint_eq(failures(b, "v5", "", ""), 0);
        record_done(a);
        record_done(b);
        free(a);
        free(b);
        free(text);
        free(again);
}
END_TEST

START_TEST(a_record_that_cannot_be_read_says_why)
{
        static const char *const bad[] = {
                "",
                "[]",
                "{}x",
                "{\"version\":2}",
                "{\"version\":1,\"activity\":{\"state\":\"x\"}}",
                "{\"version\":1,\"pending\":7}",
                "{\"version\":1,\"blocked\":[7]}",
                "{\"version\":1,\"activity\":{\"countBefore\":-1}}",
        };
        struct record *record = calloc(1, sizeof(*record));
        size_t i;

        ck_assert_ptr_nonnull(record);
        for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;

                ck_assert_msg(record_read(bad[i], &error, record) == -EBADMSG, "%s", bad[i]);
                ck_assert_msg(*error.text, "%s", bad[i]);
        }
        free(record);
}
END_TEST

START_TEST(the_same_bundle_is_known_by_its_hash)
{
        struct record *record = calloc(1, sizeof(*record));

        ck_assert_ptr_nonnull(record);
        (void)record_block(record, &(struct identity){ "v2", "aa", "" });
        ck_assert_uint_eq(record_block(record, &(struct identity){ "v2", "aa", "" }), 2);
        ck_assert_uint_eq(failures(record, "v2", "", ""), 2);
        ck_assert_uint_eq(failures(record, "v2", "bb", ""), 0);
        ck_assert_uint_eq(failures(record, "v2-renamed", "aa", ""), 2);
        free(record);
}
END_TEST

/* A corrected bundle of a version that did not boot has to get through. */
START_TEST(another_bundle_of_a_version_that_failed_is_told_by_its_sha256)
{
        struct record *record = calloc(1, sizeof(*record));

        ck_assert_ptr_nonnull(record);
        (void)record_block(record, &(struct identity){ "v2", "", "AB" });
        ck_assert_uint_eq(failures(record, "v2", "", ""), 1);
        ck_assert_uint_eq(failures(record, "v2", "", "ab"), 1);
        ck_assert_uint_eq(failures(record, "v2", "", "cd"), 0);
        ck_assert_uint_eq(failures(record, "v2", "other", "cd"), 0);
        (void)record_block(record, &(struct identity){ "v3", "aa", "" });
        ck_assert_uint_eq(failures(record, "v3", "", "cd"), 0); /* RAUC will say */
        ck_assert_uint_eq(failures(record, "v3", "aa", "cd"), 1);
        ck_assert_uint_eq(failures(record, "v3", "bb", "cd"), 0);
        ck_assert_uint_eq(failures(record, "v3", "", ""), 1);
        ck_assert_uint_eq(record_block(record, &(struct identity){ "v3", "bb", "" }), 1);
        free(record);
}
END_TEST

START_TEST(a_signed_request_is_used_once)
{
        struct record *record = calloc(1, sizeof(*record));
        char id[16];
        int i;

        ck_assert_ptr_nonnull(record);
        for (i = 0; i < RECORD_USED_MAX; i++) {
                (void)snprintf(id, sizeof(id), "a%d", i);
                ck_assert(!record_is_used(record, id, 1000 - i));
                record_use(record, id, 1000 - i);
                ck_assert(record_is_used(record, id, 1000 - i));
        }
        record_use(record, "a0", 1000); /* once more */
        ck_assert_uint_eq(record->n_used, RECORD_USED_MAX);
        ck_assert(!record_is_used(record, "b", 10));
        /* The one that expires first makes room, and with it goes what expires before it. */
        record_use(record, "c", 2000);
        ck_assert_uint_eq(record->n_used, RECORD_USED_MAX);
        ck_assert(record_is_used(record, id, 1000 - RECORD_USED_MAX + 1));
        ck_assert(record_is_used(record, "b", 10));
        ck_assert(record_is_used(record, "a0", 1000));
        ck_assert(record_is_used(record, "c", 2000));
        ck_assert(!record_is_used(record, "d", 1000));
        free(record);
}
END_TEST

/* ------------------------------------------------------------------------------------- settings */

START_TEST(settings_are_read_with_their_units)
{
        struct settings s = parse("{\"download\":{\"maxBytes\":\"1G512M\",\"retryMax\":1500},"
                                  "\"health\":{\"timeout\":\"1m30s\",\"units\":[\"a\",\"b\"]},"
                                  "\"profile\":\"kanto\"}");

        ck_assert_uint_eq(s.download.max_bytes, UINT64_C(1536) * 1024 * 1024);
        ck_assert_uint_eq(s.download.retry_max_usec, 1500000);
        ck_assert_uint_eq(s.health.timeout_usec, 90000000);
        ck_assert_uint_eq(s.health.units.n, 2);
        ck_assert_str_eq(s.health.units.text[1], "b");
        ck_assert(settings_rejects_out_of_order(&s));
        ck_assert_str_eq(settings_final_status(&s), "COMPLETED");
        s = parse("{\"rejectOutOfOrder\":true,\"finalStatus\":\"COMPLETED\"}");
        ck_assert(settings_rejects_out_of_order(&s));
        ck_assert_str_eq(settings_final_status(&s), "COMPLETED");
        s = parse("{}");
        ck_assert(!settings_rejects_out_of_order(&s));
        ck_assert_str_eq(settings_final_status(&s), "COMPLETE");
}
END_TEST

START_TEST(wrong_settings_are_named)
{
        static const char *const cases[][2] = {
                { "{\"profil\":\"leda\"}", "profil" },
                { "{\"profile\":\"x\"}", "settings.profile: there is no \"x\"" },
                { "{\"download\":{\"keepFree\":\"9X\"}}", "settings.download.keepFree" },
                { "{\"download\":{\"keepFree\":-1}}", "settings.download.keepFree" },
                { "{\"health\":{\"timeout\":\"1\"}}", "settings.health.timeout" },
                { "{\"health\":{\"timeout\":\"99999999999999999999h\"}}",
                  "settings.health.timeout" },
                { "{\"folder\":\"relative\"}", "settings.folder: expected an absolute path" },
                { "{\"watch\":{\"reboot\":true}}", "settings.watch.reboot" },
                { "{\"health\":{\"units\":\"a\"}}", "settings.health.units" },
                { "{\"request\":{\"keys\":[\"k.pem\"]}}",
                  "settings.request.keys[0]: expected an absolute path" },
                { "{\"request\":{\"keys\":[\"/k\"]},\"watch\":{\"install\":true}}",
                  "settings.watch.install: a bundle in a folder comes without a signed" },
                { "{\"downgrade\":\"semver\",\"minimumVersion\":\"1.5\"}",
                  "settings.minimumVersion: \"1.5\" is no semantic version" },
        };
        struct settings settings;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;

                ck_assert_int_eq(settings_parse(cases[i][0], &error, &settings), -EBADMSG);
                ck_assert_msg(strstr(error.text, cases[i][1]) != NULL, "%s", error.text);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------- messages */

START_TEST(what_people_write_is_escaped)
{
        const struct settings settings = parse("{}");
        const struct message message = { .kind = MESSAGE_INSTALL_FAILED,
                                         .version = "v\"2\n",
                                         .text = "a\\b\xff" };
        char *text;

        ck_assert_int_eq(message_write(&message, "self-update", &settings, &text), 0);
        ck_assert_msg(strstr(text, "\"version\":\"v\\\"2\\n\"") != NULL, "%s", text);
        ck_assert_msg(strstr(text, "\"message\":\"a\\\\b") != NULL, "%s", text);
        free(text);
}
END_TEST

START_TEST(the_words_of_kanto)
{
        const struct settings kanto = parse("{\"profile\":\"kanto\"}");
        static const struct {
                enum message_kind kind;
                const char *word;
        } cases[] = {
                { MESSAGE_INSTALLED, "\"status\":\"UPDATE_SUCCESS\",\"progress\"" },
                { MESSAGE_ACTIVATING, "\"status\":\"ACTIVATING\",\"progress\"" },
                { MESSAGE_ACTIVATED, "\"status\":\"ACTIVATION_SUCCESS\",\"progress\"" },
                { MESSAGE_ACTIVATION_FAILED, "\"status\":\"ACTIVATION_FAILURE\",\"progress\"" },
                { MESSAGE_COMPLETE, "{\"status\":\"COMPLETED\"" },
        };
        size_t i;
        char *text;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const struct message message = { .kind = cases[i].kind, .version = "v" };

                ck_assert_int_eq(message_write(&message, "self-update", &kanto, &text), 0);
                ck_assert_msg(strstr(text, cases[i].word) != NULL, "%s", text);
                free(text);
        }
}
END_TEST

UNIT_MAIN("self-update-parts", versions_are_ordered_as_people_do,
          older_versions_are_refused_when_told_so,
          semantic_versions_are_ordered_as_their_rules_say, with_semver_a_version_has_to_be_one,
          schemes_are_allowed_or_not,
          a_clock_before_the_build_is_not_set, the_table_of_verdicts,
          the_target_is_another_slot_of_the_class, damage_is_told_from_good_reasons,
          an_image_is_found_by_its_digest, a_record_comes_back_as_it_was,
          a_record_that_cannot_be_read_says_why, the_same_bundle_is_known_by_its_hash,
          another_bundle_of_a_version_that_failed_is_told_by_its_sha256,
          a_signed_request_is_used_once,
          settings_are_read_with_their_units, wrong_settings_are_named,
          what_people_write_is_escaped, the_words_of_kanto)
