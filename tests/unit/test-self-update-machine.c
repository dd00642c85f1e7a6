/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-machine - the machine of the self-update agent without hands: events in, effects
 * out, and time as the test says
 *
 * What the agent does through the real ABI is in test-self-update-agent.c.  Here is what takes a
 * clock, or an outcome at a moment of one's choice. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/machine.h"
#include "plugins/self-update/settings.h"
#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000)
#define MIB (UINT64_C(1024) * 1024)

struct bench {
        struct settings settings;
        struct machine m;
        struct survey survey;
        uint64_t now;
        uint64_t serials[EFFECT_COUNT]; /* of the last effect of each kind */
        char said[8192];                /* "STATUS progress text" lines */
        char done[1024];                /* other effects that matter, "mark active rootfs.0;" */
};

/* The value of a member, in a payload that the agent wrote: the last one of that name. */
static void find_member(const char *payload, const char *name, char *to, size_t size)
{
        char key[32];
        const char *at = payload;
        const char *last = "";
        bool quoted = false;

        (void)snprintf(key, sizeof(key), "\"%s\":", name);
        while ((at = strstr(at, key)) != NULL) {
                at += strlen(key);
                quoted = *at == '"';
                last = at + quoted;
        }
        (void)snprintf(to, size, "%.*s", (int)strcspn(last, quoted ? "\"" : ",}"), last);
}

static void note_feedback(struct bench *b, const struct effect *effect)
{
        size_t n = strlen(b->said);
        char status[32];
        char progress[16];
        char text[512];

        (void)snprintf(status, sizeof(status), "%.*s", (int)strcspn(effect->b + 11, "\""),
                       effect->b + 11);
        find_member(effect->b, "progress", progress, sizeof(progress));
        find_member(effect->b, "message", text, sizeof(text));
        (void)snprintf(b->said + n, sizeof(b->said) - n, "%s%s%s%s %s\n",
                       strcmp(effect->a, "a1") == 0 ? "" : effect->a,
                       strcmp(effect->a, "a1") == 0 ? "" : ": ", status,
                       strstr(effect->b, "\"actions\":[]") ? "" : progress, text);
}

static void take_effects(struct bench *b)
{
        struct effect effect;
        size_t n;

        while (effects_take(&b->m.effects, &effect)) {
                b->serials[effect.kind] = effect.serial;
                n = strlen(b->done);
                if (effect.kind == EFFECT_FEEDBACK)
                        note_feedback(b, &effect);
                else if (effect.kind == EFFECT_MARK)
                        (void)snprintf(b->done + n, sizeof(b->done) - n, "mark %s %s;", effect.a,
                                       effect.b);
                else if (effect.kind == EFFECT_INSTALL || effect.kind == EFFECT_FETCH ||
                         effect.kind == EFFECT_FETCH_STOP)
                        (void)snprintf(b->done + n, sizeof(b->done) - n, "%s;",
                                       effect_kind_to_string(effect.kind));
                effect_done(&effect);
        }
        ck_assert(!b->m.effects.failed);
}

static void give(struct bench *b, struct event event)
{
        event.time_usec = b->now;
        event.wall_sec = 1700000000;
        if (!event.text)
                event.text = "";
        machine_handle(&b->m, &event);
        take_effects(b);
}

/* The outcome of the last effect of a kind. */
static void end(struct bench *b, enum effect_kind kind, struct event event)
{
        event.serial = b->serials[kind];
        give(b, event);
}

static void surveyed(struct bench *b)
{
        end(b, EFFECT_SURVEY, (struct event){ .kind = EVENT_SURVEYED, .survey = &b->survey });
}

static void command(struct bench *b, int32_t word)
{
        give(b, (struct event){ .kind = EVENT_COMMAND, .activity = "a1", .command = word });
}

static void desire(struct bench *b, const char *activity, const char *version)
{
        char json[512];

        (void)snprintf(json, sizeof(json),
                       "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                       "\"version\":\"%s\",\"config\":[{\"key\":\"image\",\"value\":"
                       "\"http://h/x\"}]}]}]}", version);
        give(b, (struct event){ .kind = EVENT_DESIRED, .activity = activity, .json = json });
}

/* What was said since it was last asked for. */
static void expect_said(struct bench *b, const char *wanted)
{
        ck_assert_str_eq(b->said, wanted);
        b->said[0] = '\0';
}

static void expect_done(struct bench *b, const char *wanted)
{
        ck_assert_str_eq(b->done, wanted);
        b->done[0] = '\0';
}

static void put_slot(struct survey *survey, const char *name, const char *bootname,
                     const char *state, const char *version)
{
        struct slot *slot = &survey->list[survey->n++];

        RECORD_SET(slot->name, name);
        RECORD_SET(slot->class, "rootfs");
        RECORD_SET(slot->bootname, bootname);
        RECORD_SET(slot->state, state);
        RECORD_SET(slot->boot_status, "good");
        RECORD_SET(slot->version, version);
        RECORD_SET(slot->status, "ok");
}

/* A device that runs v1.0 and has confirmed that; nobody looks at a bundle before it is fetched. */
static void bench_init(struct bench *b, const char *settings)
{
        struct ub_error error = UB_ERROR_INIT;

        memset(b, 0, sizeof(*b));
        ck_assert_msg(settings_parse(settings, &error, &b->settings) == 0, "%s", error.text);
        b->settings.preflight = PREFLIGHT_OFF;
        machine_init(&b->m, &b->settings, "self-update");
        RECORD_SET(b->m.record.confirmed, "boot-0");
        put_slot(&b->survey, "rootfs.0", "A", "booted", "v1.0");
        put_slot(&b->survey, "rootfs.1", "B", "inactive", "v0.9");
        RECORD_SET(b->survey.compatible, "Rig");
        RECORD_SET(b->survey.primary, "rootfs.0");
        b->now = SECOND;
        give(b, (struct event){ .kind = EVENT_START, .text = "boot-0" });
        surveyed(b);
}

static void identify(struct bench *b)
{
        desire(b, "a1", "v2.0");
        surveyed(b);
        b->said[0] = '\0';
}

static void fetching(struct bench *b, uint64_t after_usec, uint64_t now, uint64_t total)
{
        b->now += after_usec;
        end(b, EFFECT_FETCH, (struct event){ .kind = EVENT_FETCHING, .now = now, .total = total });
}

static void fetched(struct bench *b, uint64_t total)
{
        end(b, EFFECT_FETCH, (struct event){ .kind = EVENT_FETCHED, .total = total });
}

/* As far as the installation has begun. */
static void begin_update(struct bench *b)
{
        const struct bundle bundle = { .compatible = "Rig", .version = "v2.0" };

        identify(b);
        command(b, UB_CMD_DOWNLOAD);
        fetched(b, MIB);
        command(b, UB_CMD_UPDATE);
        surveyed(b);
        end(b, EFFECT_INSPECT, (struct event){ .kind = EVENT_INSPECTED, .bundle = &bundle });
        b->said[0] = '\0';
        b->done[0] = '\0';
}

static void installed(struct bench *b, int result, const char *text)
{
        end(b, EFFECT_INSTALL,
            (struct event){ .kind = EVENT_INSTALLED, .result = result, .text = text });
}

static void update(struct bench *b)
{
        begin_update(b);
        b->survey.list[1].installed_count++;
        RECORD_SET(b->survey.list[1].version, "v2.0");
        installed(b, 0, "");
        surveyed(b);
        b->said[0] = '\0';
}

/* -------------------------------------------------------------------------------------- download */

START_TEST(progress_is_told_at_each_ten_percent_and_each_interval_and_never_is_all)
{
        struct bench b;

        bench_init(&b, "{}");
        identify(&b);
        command(&b, UB_CMD_DOWNLOAD);
        expect_said(&b, "DOWNLOADING0 Downloading 0.0 MiB...\n");
        fetching(&b, 0, 9 * MIB, 100 * MIB); /* neither ten percent nor the interval */
        expect_said(&b, "");
        fetching(&b, 0, 10 * MIB, 100 * MIB);
        expect_said(&b, "DOWNLOADING10 Downloading 10.0 MiB...\n");
        fetching(&b, 4 * SECOND, 11 * MIB, 100 * MIB);
        expect_said(&b, "");
        fetching(&b, SECOND, 11 * MIB + MIB / 2, 100 * MIB);
        expect_said(&b, "DOWNLOADING11 Downloading 11.5 MiB...\n");
        fetching(&b, 60 * SECOND, 11 * MIB + MIB / 2, 100 * MIB); /* not the same again */
        fetching(&b, 60 * SECOND, 2 * MIB, 100 * MIB);            /* nor less: it begins anew */
        expect_said(&b, "");
        fetching(&b, 60 * SECOND, 100 * MIB, 100 * MIB);
        expect_said(&b, "DOWNLOADING99 Downloading 100.0 MiB...\n");
        fetched(&b, 100 * MIB);
        expect_said(&b, "DOWNLOAD_SUCCESS100 Downloaded 100.0 MiB...\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(a_failure_has_the_progress_that_was_told_last)
{
        struct bench b;

        bench_init(&b, "{}");
        identify(&b);
        command(&b, UB_CMD_DOWNLOAD);
        fetching(&b, 0, 42 * MIB, 100 * MIB);
        end(&b, EFFECT_FETCH, (struct event){ .kind = EVENT_FETCHED,
                                              .result = -EPIPE,
                                              .text = "http://h/x: HTTP status 503" });
        command(&b, UB_CMD_CLEANUP);
        expect_said(&b, "DOWNLOADING0 Downloading 0.0 MiB...\n"
                        "DOWNLOADING42 Downloading 42.0 MiB...\n"
                        "DOWNLOAD_FAILURE42 Download failed: HTTP 503\n"
                        "CLEANUP_SUCCESS0 Download failed: HTTP 503\n"
                        "INCOMPLETE0 Download failed: HTTP 503\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(the_next_step_waits_for_the_download_and_does_not_end_it)
{
        struct bench b;

        bench_init(&b, "{}");
        identify(&b);
        command(&b, UB_CMD_DOWNLOAD);
        command(&b, UB_CMD_UPDATE);
        expect_done(&b, "fetch;");
        fetched(&b, MIB);
        expect_said(&b, "DOWNLOADING0 Downloading 0.0 MiB...\n"
                        "DOWNLOAD_SUCCESS100 Downloaded 1.0 MiB...\n"
                        "UPDATING0 Checking bundle version and version in desired state request.\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(another_desired_state_ends_the_download)
{
        struct bench b;

        bench_init(&b, "{}");
        identify(&b);
        command(&b, UB_CMD_DOWNLOAD);
        b.said[0] = '\0';
        desire(&b, "a2", "v3.0");
        surveyed(&b);
        expect_done(&b, "fetch;fetch-stop;");
        expect_said(&b, "a2: IDENTIFYING Self-update agent has received new desired state request "
                        "and is evaluating it.\n"
                        "a2: IDENTIFIED0 Self-update agent is about to perform an OS image "
                        "update.\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(a_desired_state_that_is_refused_lets_the_download_go_on)
{
        struct bench b;

        bench_init(&b, "{\"downgrade\":\"deny\"}");
        identify(&b);
        command(&b, UB_CMD_DOWNLOAD);
        fetching(&b, 0, 42 * MIB, 100 * MIB);
        b.said[0] = '\0';
        desire(&b, "a2", "v0.1");
        surveyed(&b);
        expect_done(&b, "fetch;fetch-stop;fetch;");
        expect_said(&b, "a2: IDENTIFYING Self-update agent has received new desired state request "
                        "and is evaluating it.\n"
                        "a2: IDENTIFICATION_FAILED Version v0.1 is older than v1.0, which is "
                        "running.\n");
        fetching(&b, 60 * SECOND, 42 * MIB, 100 * MIB); /* it does not go down, nor repeat */
        fetching(&b, 60 * SECOND, 60 * MIB, 100 * MIB);
        fetched(&b, 100 * MIB);
        expect_said(&b, "DOWNLOADING60 Downloading 60.0 MiB...\n"
                        "DOWNLOAD_SUCCESS100 Downloaded 100.0 MiB...\n");
        machine_done(&b.m);
}
END_TEST

/* ---------------------------------------------------------------------------------------- update */

START_TEST(an_installation_that_fails_without_a_reason_is_told_in_leda_s_words)
{
        struct bench b;

        bench_init(&b, "{}");
        begin_update(&b);
        installed(&b, -EIO, "");
        surveyed(&b);
        command(&b, UB_CMD_CLEANUP);
        expect_said(&b, "UPDATE_FAILURE0 Writing partition failed.\n"
                        "CLEANUP_SUCCESS0 Unexpected no-error-status of RAUC\n"
                        "INCOMPLETE0 Unexpected no-error-status of RAUC\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(an_activation_that_fails_is_told_in_leda_s_words)
{
        struct bench b;

        bench_init(&b, "{}");
        update(&b);
        command(&b, UB_CMD_ACTIVATE);
        surveyed(&b);
        end(&b, EFFECT_MARK, (struct event){ .kind = EVENT_MARKED, .result = -EIO, .text = "no" });
        surveyed(&b);
        command(&b, UB_CMD_CLEANUP);
        expect_said(&b, "ACTIVATING0 Self-update agent is performing an OS image activation.\n"
                        "ACTIVATION_FAILURE0 Self-update agent has failed to activate the new OS "
                        "image.\n"
                        "CLEANUP_SUCCESS0 Self-update agent failed to activate the new OS image.\n"
                        "INCOMPLETE0 Self-update agent failed to activate the new OS image.\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(while_it_updates_or_waits_for_its_boot_nothing_else_is_begun)
{
        static const char refusal[] = "a2: IDENTIFYING Self-update agent has received new desired "
                                      "state request and is evaluating it.\n"
                                      "a2: IDENTIFICATION_FAILED Another update activity in "
                                      "progress - a1\n";
        struct bench b;

        bench_init(&b, "{}");
        begin_update(&b);
        desire(&b, "a2", "v3.0");
        expect_said(&b, refusal);
        b.survey.list[1].installed_count++;
        RECORD_SET(b.survey.list[1].version, "v2.0");
        installed(&b, 0, "");
        surveyed(&b);
        command(&b, UB_CMD_ACTIVATE);
        b.said[0] = '\0';
        desire(&b, "a2", "v3.0");
        expect_said(&b, refusal);
        surveyed(&b);
        RECORD_SET(b.survey.primary, "rootfs.1");
        end(&b, EFFECT_MARK, (struct event){ .kind = EVENT_MARKED });
        surveyed(&b);
        b.said[0] = '\0';
        desire(&b, "a2", "v3.0");
        expect_said(&b, refusal);
        command(&b, UB_CMD_CLEANUP);
        expect_said(&b, "CLEANUP_SUCCESS0 Self-update agent has activated the new OS image.\n"
                        "COMPLETE0 Self-update agent has activated the new OS image.\n");
        machine_done(&b.m);
}
END_TEST

/* -------------------------------------------------------------------------------------- rollback */

START_TEST(a_rollback_that_fails_ends_the_activity_too)
{
        struct bench b;

        bench_init(&b, "{}");
        update(&b);
        command(&b, UB_CMD_ROLLBACK);
        end(&b, EFFECT_SURVEY, (struct event){ .kind = EVENT_SURVEYED, .result = -EIO,
                                               .text = "no" });
        expect_said(&b, "ROLLBACK0 Self-update agent is rolling back.\n"
                        "ROLLBACK_FAILURE0 Rollback failed: no\n"
                        "INCOMPLETE0 Rollback failed: no\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(a_rollback_may_be_silent_as_leda_s)
{
        struct bench b;

        bench_init(&b, "{\"rollbackFeedback\":false}");
        identify(&b);
        command(&b, UB_CMD_ROLLBACK);
        expect_said(&b, "");
        command(&b, UB_CMD_CLEANUP);
        expect_said(&b, "CLEANUP_SUCCESS0 Update rolled back on request.\n"
                        "INCOMPLETE0 Update rolled back on request.\n");
        machine_done(&b.m);
}
END_TEST

/* Another domain was not well after the boot, or power failed before the marks were set. */
START_TEST(a_rollback_of_the_slot_that_runs_leaves_it)
{
        struct bench b;

        bench_init(&b, "{}");
        update(&b);
        command(&b, UB_CMD_ACTIVATE);
        surveyed(&b);
        RECORD_SET(b.survey.primary, "rootfs.1");
        end(&b, EFFECT_MARK, (struct event){ .kind = EVENT_MARKED });
        surveyed(&b);
        RECORD_SET(b.survey.list[0].state, "inactive");
        RECORD_SET(b.survey.list[1].state, "booted");
        b.done[0] = '\0';
        command(&b, UB_CMD_ROLLBACK);
        surveyed(&b);
        end(&b, EFFECT_MARK, (struct event){ .kind = EVENT_MARKED });
        RECORD_SET(b.survey.primary, "rootfs.0");
        end(&b, EFFECT_MARK, (struct event){ .kind = EVENT_MARKED });
        ck_assert_uint_eq(b.m.reboot_serial, 0);
        surveyed(&b);
        expect_done(&b, "mark active rootfs.0;mark bad rootfs.1;");
        ck_assert_uint_ne(b.m.reboot_serial, 0);
        machine_done(&b.m);
}
END_TEST

/* -------------------------------------------------------------------------------------- requests */

START_TEST(a_desired_state_during_a_trial_is_refused)
{
        struct bench b;

        bench_init(&b, "{}");
        b.m.record.pending.trial = TRIAL_RUNNING;
        desire(&b, "a2", "v3.0");
        surveyed(&b);
        expect_said(&b, "a2: IDENTIFYING Self-update agent has received new desired state request "
                        "and is evaluating it.\n"
                        "a2: IDENTIFICATION_FAILED Booted image is not confirmed yet.\n");
        machine_done(&b.m);
}
END_TEST

START_TEST(other_components_are_passed_over_or_refused)
{
        static const char json[] =
                "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"radio\"},{\"id\":"
                "\"os-image\",\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                "\"http://h/x\"}]}]}]}";
        struct bench b;

        bench_init(&b, "{}");
        give(&b, (struct event){ .kind = EVENT_DESIRED, .activity = "a1", .json = json });
        surveyed(&b);
        ck_assert_ptr_nonnull(strstr(b.said, "IDENTIFIED0 "));
        machine_done(&b.m);

        bench_init(&b, "{\"strictComponents\":true}");
        give(&b, (struct event){ .kind = EVENT_DESIRED, .activity = "a1", .json = json });
        ck_assert_ptr_nonnull(strstr(b.said, "IDENTIFICATION_FAILED unsupported component "
                                             "'radio'\n"));
        machine_done(&b.m);
}
END_TEST

/* --------------------------------------------------------------------------------------- version */

START_TEST(the_version_that_runs_is_found_as_leda_s_agent_finds_it)
{
        struct bench b;

        bench_init(&b, "{}");
        ck_assert_str_eq(machine_version(&b.m), "v1.0");
        RECORD_SET(b.m.os_version, "os");
        RECORD_SET(b.m.survey.list[0].status, "pending"); /* cut off: what it says is not true */
        ck_assert_str_eq(machine_version(&b.m), "os");
        RECORD_SET(b.m.survey.list[0].status, "");
        ck_assert_str_eq(machine_version(&b.m), "v1.0");
        RECORD_SET(b.m.survey.list[0].version, "");
        ck_assert_str_eq(machine_version(&b.m), "os");
        RECORD_SET(b.m.os_version, "");
        ck_assert_str_eq(machine_version(&b.m), "bundle_version_not_available");
        RECORD_SET(b.m.survey.list[1].state, "booted");
        ck_assert_str_eq(machine_version(&b.m), "error_multiple_booted_slots_detected");
        b.m.surveyed = false; /* RAUC was never there */
        ck_assert_str_eq(machine_version(&b.m), "");
        machine_done(&b.m);
}
END_TEST

START_TEST(each_question_takes_a_fresh_look_but_during_an_update)
{
        struct bench b;

        bench_init(&b, "{}");
        RECORD_SET(b.survey.list[0].version, "v1.1");
        give(&b, (struct event){ .kind = EVENT_GET, .activity = "g1" });
        ck_assert_str_eq(machine_version(&b.m), "v1.0");
        surveyed(&b);
        ck_assert_str_eq(machine_version(&b.m), "v1.1");
        begin_update(&b);
        b.serials[EFFECT_SURVEY] = 0;
        give(&b, (struct event){ .kind = EVENT_GET, .activity = "g2" });
        ck_assert_uint_eq(b.serials[EFFECT_SURVEY], 0); /* RAUC would refuse */
        machine_done(&b.m);
}
END_TEST

UNIT_MAIN("self-update-machine",
          progress_is_told_at_each_ten_percent_and_each_interval_and_never_is_all,
          a_failure_has_the_progress_that_was_told_last,
          the_next_step_waits_for_the_download_and_does_not_end_it,
          another_desired_state_ends_the_download,
          a_desired_state_that_is_refused_lets_the_download_go_on,
          an_installation_that_fails_without_a_reason_is_told_in_leda_s_words,
          an_activation_that_fails_is_told_in_leda_s_words,
          while_it_updates_or_waits_for_its_boot_nothing_else_is_begun,
          a_rollback_that_fails_ends_the_activity_too, a_rollback_may_be_silent_as_leda_s,
          a_rollback_of_the_slot_that_runs_leaves_it,
          a_desired_state_during_a_trial_is_refused, other_components_are_passed_over_or_refused,
          the_version_that_runs_is_found_as_leda_s_agent_finds_it,
          each_question_takes_a_fresh_look_but_during_an_update)
