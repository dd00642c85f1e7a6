/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <signal.h>

#include "host/plugin/breadcrumb.h"
#include "host/util/diag.h"
#include "tests/unit/crew.h"

#define AGENT(isolation, settings)                                                            \
        "{\"agent\":\"a\",\"plugin\":\"fake\",\"enabled\":true,\"isolation\":\"" isolation "\"," \
        "\"settings\":{\"components\":[{\"id\":\"app\",\"version\":\"1\"}]" settings "}}"

static const char desired_state[] =
        "{\"domains\":[{\"id\":\"a\",\"components\":[{\"id\":\"app\",\"version\":\"2\"}]}]}";

static bool is_waiting(const struct crew *crew)
{
        return crew_all_in(crew, SUPERVISOR_STATE_WAITING);
}

static bool is_failed(const struct crew *crew)
{
        return crew_all_in(crew, SUPERVISOR_STATE_FAILED);
}

static bool has_told_state(const struct crew *crew)
{
        return crew->members[0].n_current_states > 0;
}

static bool has_identified(const struct crew *crew)
{
        return strcmp(crew->members[0].status, "IDENTIFIED") == 0;
}

static bool has_updated(const struct crew *crew)
{
        return strcmp(crew->members[0].status, "UPDATE_SUCCESS") == 0;
}

static bool has_downloaded(const struct crew *crew)
{
        return strcmp(crew->members[0].status, "DOWNLOAD_SUCCESS") == 0;
}

static uint64_t json_faults(const struct crew *crew)
{
        struct supervisor_status status;

        supervisor_get_status(crew->members[0].supervisor, &status);
        return status.faults[INSTANCE_FAULT_JSON];
}

static bool has_sent_garbage(const struct crew *crew)
{
        return json_faults(crew) > 0;
}

static bool has_sent_garbage_twice(const struct crew *crew)
{
        return json_faults(crew) > 1;
}

static struct instance *the_instance(const struct crew *crew)
{
        return supervisor_get_instance(crew->members[0].supervisor);
}

static pid_t the_pid(const struct crew *crew)
{
        struct supervisor_status status;

        supervisor_get_status(crew->members[0].supervisor, &status);
        return status.stats.pid;
}

static void run(struct crew *crew, const char *fragment)
{
        crew_init(crew);
        crew_write(crew, "60-a.conf", fragment);
        crew_load(crew);
        crew_start(crew);
        crew_wait(crew, all_run);
}

static void live_and_stop(const char *fragment, bool isolated)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        run(&crew, fragment);
        ck_assert_int_eq(the_pid(&crew) != 0, isolated);
        ck_assert_int_eq(instance_current_state_get(the_instance(&crew), "q1"), 0);
        crew_wait(&crew, has_told_state);

        supervisor_stop(crew.members[0].supervisor);
        ck_assert_ptr_null(the_instance(&crew));
        crew_wait(&crew, all_stopped);
        ck_assert_uint_ge(crew.members[0].n_changes, 2);
}

START_TEST(isolated_agent_lives_and_stops)
{
        live_and_stop(AGENT("process", ""), true);
}
END_TEST

START_TEST(agent_in_this_process_lives_and_stops)
{
        live_and_stop(AGENT("none", ""), false);
}
END_TEST

START_TEST(killed_agent_runs_again_and_knows_that_it_was_interrupted)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        run(&crew, AGENT("process", ""));
        supervisor_set_busy(crew.members[0].supervisor, true);
        ck_assert_int_eq(instance_desired_state(the_instance(&crew), "a1", desired_state), 0);
        crew_wait(&crew, has_identified);

        ck_assert_int_eq(kill(the_pid(&crew), SIGKILL), 0);
        crew_wait(&crew, is_waiting);
        crew_wait(&crew, all_run);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "killed by SIGKILL"));
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "after a crash"));

        /* It had synced its state before it said IDENTIFIED. */
        crew.members[0].status[0] = '\0';
        ck_assert_int_eq(instance_feedback_get(the_instance(&crew), "a1"), 0);
        crew_wait(&crew, has_identified);
}
END_TEST

START_TEST(durable_state_is_there_after_the_daemon_was_gone)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        struct member *m = &crew.members[0];

        run(&crew, AGENT("process", ""));
        ck_assert_int_eq(instance_desired_state(the_instance(&crew), "a1", desired_state), 0);
        crew_wait(&crew, has_identified);
        ck_assert_int_eq(instance_command(the_instance(&crew), "a1", "", UB_CMD_DOWNLOAD), 0);
        crew_wait(&crew, has_downloaded);
        ck_assert_int_eq(instance_command(the_instance(&crew), "a1", "", UB_CMD_UPDATE), 0);
        crew_wait(&crew, has_updated);

        /* What a new daemon has is the folder. */
        m->supervisor = supervisor_free(m->supervisor);
        m->status[0] = '\0';
        ck_assert_int_eq(supervisor_new(&crew.room, crew.confd->registrations[0], &crew_events, m,
                                        &m->supervisor),
                         0);
        supervisor_start(m->supervisor, UB_START_RECOVERED);
        crew_wait(&crew, all_run);
        ck_assert_int_eq(instance_feedback_get(the_instance(&crew), "a1"), 0);
        crew_wait(&crew, has_updated);
}
END_TEST

START_TEST(damaged_state_is_reported_and_does_not_keep_the_agent_down)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        crew_init(&crew);
        crew_write(&crew, "60-a.conf", AGENT("process", ""));
        folder_write(&crew.state, "a.state", "not a state");
        crew_load(&crew);
        crew_start(&crew);
        crew_wait(&crew, all_run);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "a.state.bad"));
}
END_TEST

START_TEST(new_settings_reach_a_running_agent_without_a_restart)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        pid_t pid;

        run(&crew, AGENT("process", ""));
        pid = the_pid(&crew);
        crew_write(&crew, "60-a.conf",
                   AGENT("process", ",\"phases\":{\"IDENTIFY\":{\"message\":\"new\"}}"));
        crew_reload(&crew, false);
        ck_assert_int_eq(instance_current_state_get(the_instance(&crew), "q1"), 0);
        crew_wait(&crew, has_told_state);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "took its new settings"));
        ck_assert_int_eq(the_pid(&crew), pid);
}
END_TEST

START_TEST(change_of_isolation_restarts_the_agent)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        unit_leaves_something(); /* the instance in this process, which is freed at work */
        run(&crew, AGENT("process", ""));
        crew_write(&crew, "60-a.conf", AGENT("none", ""));
        crew_reload(&crew, true);
        crew_wait(&crew, all_run);
        ck_assert_int_eq(the_pid(&crew), 0);
}
END_TEST

START_TEST(missing_plugin_is_told_by_an_event_and_tried_again)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        crew_init(&crew);
        crew_write(&crew, "60-a.conf",
                   "{\"agent\":\"a\",\"plugin\":\"no-such\",\"enabled\":true}");
        crew_load(&crew);
        crew_start(&crew);
        ck_assert_uint_eq(crew.members[0].n_changes, 0); /* never from inside the call */
        crew_wait(&crew, is_waiting);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "no-such.so"));
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "starts again in 1 s"));
}
END_TEST

START_TEST(five_deaths_are_enough)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        struct supervisor_status status;
        int i;

        crew_init(&crew);
        crew_write(&crew, "60-a.conf",
                   "{\"agent\":\"a\",\"plugin\":\"no-such\",\"enabled\":true}");
        crew_load(&crew);
        crew_start(&crew);
        /* 1 + 2 + 4 + 8 seconds of back-off: real ones, since nothing is served by faking this
         * clock. */
        crew_wait(&crew, is_failed);
        supervisor_get_status(crew.members[0].supervisor, &status);
        ck_assert_uint_eq(status.deaths, 5);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "stays down"));

        /* A person's word counts more. */
        supervisor_start(crew.members[0].supervisor, 0);
        for (i = 0; i < 100 && !is_waiting(&crew); i++)
                ck_assert_int_ge(sd_event_run(crew.event, USEC_PER_SEC), 0);
        ck_assert(is_waiting(&crew));
}
END_TEST

START_TEST(stopping_a_waiting_agent_ends_its_wait)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        crew_init(&crew);
        crew_write(&crew, "60-a.conf",
                   "{\"agent\":\"a\",\"plugin\":\"no-such\",\"enabled\":true}");
        crew_load(&crew);
        crew_start(&crew);
        crew_wait(&crew, is_waiting);
        supervisor_stop(crew.members[0].supervisor);
        crew_wait(&crew, all_stopped);
}
END_TEST

START_TEST(start_while_stopping_starts_again)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        pid_t pid;

        run(&crew, AGENT("process", ""));
        pid = the_pid(&crew);
        supervisor_stop(crew.members[0].supervisor);
        supervisor_start(crew.members[0].supervisor, 0);
        crew_wait(&crew, all_run);
        ck_assert_int_ne(the_pid(&crew), pid);
}
END_TEST

START_TEST(misbehaving_is_logged_once_and_counted)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        char *first;

        run(&crew, AGENT("process", ",\"phases\":{\"IDENTIFY\":{\"result\":\"garbage\"}}"));
        ck_assert_int_eq(instance_desired_state(the_instance(&crew), "a1", desired_state), 0);
        crew_wait(&crew, has_sent_garbage);
        ck_assert_int_eq(instance_desired_state(the_instance(&crew), "a2", desired_state), 0);
        crew_wait(&crew, has_sent_garbage_twice);

        first = strstr(crew.members[0].logs, "plugin misbehaving");
        ck_assert_ptr_nonnull(first);
        ck_assert_ptr_null(strstr(first + 1, "plugin misbehaving"));
}
END_TEST

/* A line of /proc/PID/NAME that begins so; "" when there is none. */
static void proc_line(pid_t pid, const char *name, const char *begin, char line[static 256])
{
        CLEANUP_FCLOSE FILE *file = NULL;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        while (fgets(line, 256, file))
                if (strncmp(line, begin, strlen(begin)) == 0)
                        return;
        line[0] = '\0';
}

#define CONFINED(user)                                                                    \
        "{\"agent\":\"a\",\"plugin\":\"fake\",\"enabled\":true,\"seccomp\":true,"         \
        "\"limits\":{\"openFiles\":77,\"memory\":268435456}" user "}"

START_TEST(limits_and_filter_of_the_registration_reach_the_process)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        char line[256];

        if (UNIT_SANITIZED) {
                printf("# not tried: the sanitizers need more memory than is granted here\n");
                return;
        }
        run(&crew, CONFINED(""));
        proc_line(the_pid(&crew), "status", "Seccomp:", line);
        ck_assert_str_eq(line, "Seccomp:\t2\n");
        proc_line(the_pid(&crew), "status", "NoNewPrivs:", line);
        ck_assert_str_eq(line, "NoNewPrivs:\t1\n");
        proc_line(the_pid(&crew), "limits", "Max open files", line);
        ck_assert_ptr_nonnull(strstr(line, " 77 "));
        proc_line(the_pid(&crew), "limits", "Max address space", line);
        ck_assert_ptr_nonnull(strstr(line, " 268435456 "));
}
END_TEST

START_TEST(user_of_the_registration_is_the_owner_of_the_process)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        char line[256];

        if (UNIT_SANITIZED) {
                printf("# not tried: the sanitizers need more memory than is granted here\n");
                return;
        }
        if (geteuid() != 0) {
                printf("# not root: the user of an agent has not been tried\n");
                return;
        }
        crew_init(&crew);
        ck_assert_int_eq(seteuid(65534), 0);
        if (access(crew.agent_host, X_OK) < 0 ||
            faccessat(AT_FDCWD, crew.plugin_dir, R_OK | X_OK, AT_EACCESS) < 0) {
                ck_assert_int_eq(seteuid(0), 0);
                printf("# not tried: the build folder is closed to other users\n");
                return;
        }
        ck_assert_int_eq(seteuid(0), 0);
        crew_write(&crew, "60-a.conf", CONFINED(",\"user\":\"nobody\""));
        crew_load(&crew);
        crew_start(&crew);
        crew_wait(&crew, all_run);
        proc_line(the_pid(&crew), "status", "Uid:", line);
        ck_assert_str_eq(line, "Uid:\t65534\t65534\t65534\t65534\n");
}
END_TEST

START_TEST(unknown_user_keeps_the_agent_down_with_a_sentence)
{
        CLEANUP(crew_done) struct crew crew = { 0 };

        crew_init(&crew);
        crew_write(&crew, "60-a.conf", CONFINED(",\"user\":\"no-such-user\""));
        crew_load(&crew);
        crew_start(&crew);
        crew_wait(&crew, is_waiting);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "there is no user no-such-user"));
}
END_TEST

/* What a daemon leaves behind that died in this agent's call. */
static void die_in_a_call_of(struct crew *crew, const struct breadcrumb_mark *mark)
{
        struct breadcrumb *crumbs = NULL;
        struct diag diag;

        ck_assert_int_eq(breadcrumb_open(crew->conf.fd, crew->state.fd, &diag, &crumbs), 0);
        breadcrumb_enter(crumbs, mark, "command");
        (void)breadcrumb_free(crumbs);
}

START_TEST(agent_that_took_the_daemon_down_twice_gets_a_process_of_its_own)
{
        CLEANUP(crew_done) struct crew crew = { 0 };
        struct breadcrumb *crumbs = NULL;
        struct supervisor_status status;
        struct breadcrumb_mark mark;
        char plugin[PATH_MAX];
        struct diag diag;

        crew_init(&crew);
        built_path("plugins/fake/.libs/fake.so", plugin);
        breadcrumb_mark_init(&mark, "a", plugin);
        die_in_a_call_of(&crew, &mark);
        die_in_a_call_of(&crew, &mark);
        ck_assert_int_eq(breadcrumb_open(crew.conf.fd, crew.state.fd, &diag, &crumbs), 0);
        crew.room.breadcrumb = crumbs;

        crew_write(&crew, "60-a.conf", AGENT("none", ""));
        crew_load(&crew);
        crew_start(&crew);
        crew_wait(&crew, all_run);
        supervisor_get_status(crew.members[0].supervisor, &status);
        ck_assert(status.isolated);
        ck_assert_int_ne(status.stats.pid, 0);
        ck_assert_ptr_nonnull(strstr(crew.members[0].logs, "took the daemon down 2 times"));

        crew.members[0].supervisor = supervisor_free(crew.members[0].supervisor);
        (void)breadcrumb_free(crumbs);
}
END_TEST

START_TEST(supervisor_can_be_freed_in_any_state)
{
        int steps;

        unit_leaves_something(); /* instances in this process, which are freed at work */
        for (steps = 0; steps < 40; steps++) {
                CLEANUP(crew_done) struct crew crew = { 0 };
                int i;

                crew_init(&crew);
                crew_write(&crew, "60-a.conf",
                           steps % 2 ? AGENT("none", "") : AGENT("process", ""));
                crew_load(&crew);
                crew_start(&crew);
                for (i = 0; i < steps / 2; i++)
                        ck_assert_int_ge(sd_event_run(crew.event, 10 * USEC_PER_MSEC), 0);
        }
}
END_TEST

UNIT_MAIN_TIMEOUT("supervisor", 60, isolated_agent_lives_and_stops,
                  agent_in_this_process_lives_and_stops,
                  killed_agent_runs_again_and_knows_that_it_was_interrupted,
                  durable_state_is_there_after_the_daemon_was_gone,
                  damaged_state_is_reported_and_does_not_keep_the_agent_down,
                  new_settings_reach_a_running_agent_without_a_restart,
                  change_of_isolation_restarts_the_agent,
                  missing_plugin_is_told_by_an_event_and_tried_again, five_deaths_are_enough,
                  stopping_a_waiting_agent_ends_its_wait, start_while_stopping_starts_again,
                  misbehaving_is_logged_once_and_counted,
                  limits_and_filter_of_the_registration_reach_the_process,
                  user_of_the_registration_is_the_owner_of_the_process,
                  unknown_user_keeps_the_agent_down_with_a_sentence,
                  agent_that_took_the_daemon_down_twice_gets_a_process_of_its_own,
                  supervisor_can_be_freed_in_any_state)
