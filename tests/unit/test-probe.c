/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "host/plugin/loader.h"
#include "host/plugin/probe.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

DEFINE_FREEP(struct probe_info, probe_info);

/* Much longer than a loaded machine needs, and much shorter than a test may take. */
#define LONG_USEC (15 * USEC_PER_SEC)
/* Long enough that a child on a loaded machine has reached the constructor that hangs. */
#define HANG_USEC (2 * USEC_PER_SEC)

static char agent_host[PATH_MAX];
static char plugin[PATH_MAX];

static struct probe_config config_for(const char *name, uint64_t timeout_usec)
{
        built_path("ub-agent-host", agent_host);
        bad_plugin_path(name, plugin);
        return (struct probe_config){
                .agent_host = agent_host,
                .plugin = plugin,
                .timeout_usec = timeout_usec,
        };
}

static const struct {
        const char *name;
        uint64_t timeout_usec;
        int r;
        const char *sentence;
} refused[] = {
        { "aborting-constructor", LONG_USEC, -ENOEXEC,
          "its constructor crashed: killed by SIGABRT" },
        { "exiting-constructor", LONG_USEC, -ENOEXEC,
          "its constructor ended the process with status 0" },
        { "hanging-constructor", HANG_USEC, -ETIMEDOUT,
          "its constructor did not return within 2000 ms" },
        { "flooding-constructor", LONG_USEC, -EBADMSG,
          "its constructor wrote more than 1064960 bytes into the answer" },
        { "forging-constructor", LONG_USEC, -EBADMSG, "its description is garbled" },
        { "crashing-entry", LONG_USEC, -ENOEXEC, "ub_plugin_v1() crashed: killed by SIGABRT" },
        { "newer-minor", LONG_USEC, -EPROTO, "needs a host with ABI 1.7, this one has 1.0" },
        { "no-entry", LONG_USEC, -ENOENT, "not a plugin: it does not export ub_plugin_v1()" },
        { "undefined-symbol", LONG_USEC, -ENOEXEC, "undefined symbol: ub_no_such_function" },
};

static void check_sentence(const char *text, const char *sentence)
{
        char expected[2 * PATH_MAX];

        (void)snprintf(expected, sizeof(expected), "%s: %s", plugin, sentence);
        ck_assert_str_eq(text, expected);
}

/* No child is left, dead or alive. */
static void check_no_children(void)
{
        siginfo_t info;

        ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1);
        ck_assert_int_eq(errno, ECHILD);
}

static void check_good(const struct probe_info *info)
{
        ck_assert_uint_eq(info->abi_major, 1);
        ck_assert_uint_eq(info->abi_minor_wanted, 0);
        ck_assert_uint_eq(info->abi_minor_needed, 0);
        ck_assert_uint_eq(info->roles, PLUGIN_ROLE_AGENT);
        ck_assert_str_eq(info->name, "bad");
        ck_assert_str_eq(info->version, "1.0");
        ck_assert_str_eq(info->description, "breaks one rule");
}

/* ----------------------------------------------------------------------------- without a loop */

START_TEST(good_plugin_describes_itself)
{
        CLEANUP(probe_info_freep) struct probe_info *info = NULL;
        struct probe_config config = config_for("good", LONG_USEC);
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(probe_run(&config, &diag, &info), 0);
        ck_assert_str_eq(diag.text, "");
        check_good(info);
        ck_assert_ptr_null(info->settings_schema);
        check_no_children();
}
END_TEST

START_TEST(schema_comes_whole_however_long_it_is)
{
        CLEANUP(probe_info_freep) struct probe_info *info = NULL;
        struct probe_config config = config_for("long-schema", LONG_USEC);
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(probe_run(&config, &diag, &info), 0);
        ck_assert_uint_eq(strlen(info->settings_schema), UB_MAX_JSON);
        ck_assert_int_eq(info->settings_schema[0], '{');
        ck_assert_int_eq(info->settings_schema[UB_MAX_JSON - 1], '}');
}
END_TEST

START_TEST(bad_plugins_cost_a_child_and_give_a_sentence)
{
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                struct probe_config config = config_for(refused[i].name, refused[i].timeout_usec);
                struct probe_info *info = (struct probe_info *)refused;
                struct diag diag = DIAG_INIT;
                int r = probe_run(&config, &diag, &info);

                check_sentence(diag.text, refused[i].sentence);
                ck_assert_int_eq(r, refused[i].r);
                ck_assert_ptr_eq(info, refused); /* untouched */
                check_no_children();
        }
}
END_TEST

START_TEST(process_left_behind_by_a_constructor_is_not_waited_for)
{
        CLEANUP(probe_info_freep) struct probe_info *info = NULL;
        struct probe_config config = config_for("spawning-constructor", LONG_USEC);
        struct diag diag = DIAG_INIT;
        uint64_t begin = time_now_usec();

        ck_assert_int_eq(probe_run(&config, &diag, &info), 0);
        ck_assert_uint_lt(time_now_usec() - begin, LONG_USEC);
        check_good(info);
}
END_TEST

START_TEST(missing_agent_host_is_told_from_a_bad_plugin)
{
        struct probe_config config = config_for("good", LONG_USEC);
        struct probe_info *info = NULL;
        struct diag diag = DIAG_INIT;

        config.agent_host = "/nonexistent/ub-agent-host";
        ck_assert_int_eq(probe_run(&config, &diag, &info), -ENOENT);
        check_sentence(diag.text, "cannot run /nonexistent/ub-agent-host for its probe: "
                                  "No such file or directory");

        config.agent_host = "/bin/false";
        ck_assert_int_eq(probe_run(&config, &diag, &info), -ENOEXEC);
        check_sentence(diag.text, "/bin/false ended the process with status 1");
}
END_TEST

/* -------------------------------------------------------------------------------- with a loop */

struct answer {
        sd_event *event;
        struct probe *probe;
        int *left;
        int calls;
        int r;
        char text[DIAG_MAX];
        struct probe_info *info;
};

static void on_answer(void *data, int r, const char *text, struct probe_info *take_info)
{
        struct answer *answer = data;

        answer->calls++;
        answer->r = r;
        (void)snprintf(answer->text, sizeof(answer->text), "%s", text);
        answer->info = take_info;
        answer->probe = probe_free(answer->probe); /* a handler may */
        if (--*answer->left == 0)
                (void)sd_event_exit(answer->event, 0);
}

static void start(struct answer *answer, sd_event *event, int *left,
                  const struct probe_config *config)
{
        struct diag diag = DIAG_INIT;

        answer->event = event;
        answer->left = left;
        ck_assert_int_eq(probe_start(config, event, on_answer, answer, &diag, &answer->probe), 0);
        ck_assert_int_eq(answer->calls, 0); /* never from inside */
        ++*left;
}

START_TEST(loop_hears_of_a_good_plugin)
{
        CLEANUP(sd_event_unrefp) sd_event *event = NULL;
        struct probe_config config = config_for("good", LONG_USEC);
        struct answer answer = { .r = 1 };
        int left = 0;

        ck_assert_int_ge(sd_event_new(&event), 0);
        start(&answer, event, &left, &config);
        ck_assert_int_eq(sd_event_loop(event), 0);
        ck_assert_int_eq(answer.calls, 1);
        ck_assert_int_eq(answer.r, 0);
        ck_assert_str_eq(answer.text, "");
        check_good(answer.info);
        answer.info = probe_info_free(answer.info);
        check_no_children();
}
END_TEST

START_TEST(loop_hears_of_bad_plugins_with_the_same_sentences)
{
        CLEANUP(sd_event_unrefp) sd_event *event = NULL;
        struct answer answers[ARRAY_SIZE(refused)] = { { .r = 1 } };
        int left = 0;

        /* All at once: the one that hangs holds up nobody. */
        ck_assert_int_ge(sd_event_new(&event), 0);
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                struct probe_config config = config_for(refused[i].name, refused[i].timeout_usec);

                start(&answers[i], event, &left, &config);
        }
        ck_assert_int_eq(sd_event_loop(event), 0);
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                bad_plugin_path(refused[i].name, plugin);
                ck_assert_int_eq(answers[i].calls, 1);
                check_sentence(answers[i].text, refused[i].sentence);
                ck_assert_int_eq(answers[i].r, refused[i].r);
                ck_assert_ptr_null(answers[i].info);
        }
        check_no_children();
}
END_TEST

START_TEST(probe_that_is_freed_calls_nobody_and_leaves_no_zombie)
{
        CLEANUP(sd_event_unrefp) sd_event *event = NULL;
        struct probe_config config = config_for("hanging-constructor", LONG_USEC);
        struct answer answer = { .r = 1 };
        siginfo_t info;
        int left = 0;

        ck_assert_int_ge(sd_event_new(&event), 0);
        start(&answer, event, &left, &config);
        answer.probe = probe_free(answer.probe);
        do
                ck_assert_int_ge(sd_event_run(event, LONG_USEC), 0);
        while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
        check_no_children();
        ck_assert_int_eq(answer.calls, 0);
}
END_TEST

UNIT_MAIN_TIMEOUT("probe", 60, good_plugin_describes_itself, schema_comes_whole_however_long_it_is,
                  bad_plugins_cost_a_child_and_give_a_sentence,
                  process_left_behind_by_a_constructor_is_not_waited_for,
                  missing_agent_host_is_told_from_a_bad_plugin, loop_hears_of_a_good_plugin,
                  loop_hears_of_bad_plugins_with_the_same_sentences,
                  probe_that_is_freed_calls_nobody_and_leaves_no_zombie)
