/* SPDX-License-Identifier: Apache-2.0
 *
 * Fifty isolated agents of one plugin go through an update together.  Ten of them misbehave, each
 * in its own way; the other forty must not notice. */
#define _GNU_SOURCE 1
#include "tests/unit/crew.h"

enum { N_AGENTS = 50, N_BAD = 10 };

/* What the first ten do in DOWNLOAD. */
static const char *const bad_results[N_BAD] = { "crash", "exit",  "abort", "hang", "garbage",
                                                "twice", "block", "silent", "fail", "crash" };

static const struct {
        int32_t command; /* 0: the desired state */
        const char *status;
} steps[] = {
        { 0, "IDENTIFIED" },
        { UB_CMD_DOWNLOAD, "DOWNLOAD_SUCCESS" },
        { UB_CMD_UPDATE, "UPDATE_SUCCESS" },
        { UB_CMD_ACTIVATE, "ACTIVATION_SUCCESS" },
        { UB_CMD_CLEANUP, "CLEANUP_SUCCESS" },
};

static void write_agent(struct crew *crew, int i)
{
        char name[32];
        char text[512];

        (void)snprintf(name, sizeof(name), "60-a%02d.conf", i);
        (void)snprintf(text, sizeof(text),
                       "{\"agent\":\"a%02d\",\"plugin\":\"fake\",\"enabled\":true,\"settings\":{"
                       "\"components\":[{\"id\":\"app\",\"version\":\"1\"}],"
                       "\"phases\":{\"DOWNLOAD\":{\"result\":\"%s\"}}}}",
                       i, i < N_BAD ? bad_results[i] : "ok");
        crew_write(crew, name, text);
}

static void ask(struct member *m, int i, int32_t command)
{
        struct instance *instance = supervisor_get_instance(m->supervisor);
        char text[256];

        /* One of the bad ones may be down; that is its own affair. */
        if (!instance) {
                ck_assert_int_lt(i, N_BAD);
                return;
        }
        if (command) {
                ck_assert_int_eq(instance_command(instance, "u1", "", command), 0);
                return;
        }
        (void)snprintf(text, sizeof(text),
                       "{\"domains\":[{\"id\":\"a%02d\",\"components\":["
                       "{\"id\":\"app\",\"version\":\"2\"}]}]}", i);
        ck_assert_int_eq(instance_desired_state(instance, "u1", text), 0);
}

static size_t step;

/* All of them at first: one that was still at the desired state would refuse DOWNLOAD, and never get
 * to what it is to do there. */
static bool who_counts_is_there(const struct crew *crew)
{
        size_t i;

        for (i = step == 0 ? 0 : N_BAD; i < crew->n; i++)
                if (strcmp(crew->members[i].status, steps[step].status) != 0)
                        return false;
        return true;
}

static bool has_logged(const struct crew *crew, int i, const char *text)
{
        return strstr(crew->members[i].logs, text) != NULL;
}

/* Their second answers and last words may still be on the way when the others are through. */
static bool bad_ones_are_found_out(const struct crew *crew)
{
        return has_logged(crew, 0, UNIT_CRASH) && has_logged(crew, 2, "killed by SIGABRT") &&
               has_logged(crew, 4, "plugin misbehaving") && has_logged(crew, 5, "answered twice");
}

START_TEST(forty_agents_update_while_ten_misbehave)
{
        CLEANUP(crew_done)
        struct crew crew = { 0 };
        size_t i;

        crew_init(&crew);
        for (i = 0; i < N_AGENTS; i++)
                write_agent(&crew, (int)i);
        crew_load(&crew);
        ck_assert_uint_eq(crew.n, N_AGENTS);
        crew_start(&crew);
        crew_wait(&crew, all_run);

        for (step = 0; step < ARRAY_SIZE(steps); step++) {
                for (i = 0; i < crew.n; i++)
                        ask(&crew.members[i], (int)i, steps[step].command);
                crew_wait(&crew, who_counts_is_there);
        }

        crew_wait(&crew, bad_ones_are_found_out);

        for (i = N_BAD; i < crew.n; i++) {
                struct supervisor_status status;
                int fault;

                supervisor_get_status(crew.members[i].supervisor, &status);
                ck_assert_int_eq(status.state, SUPERVISOR_STATE_RUNNING);
                ck_assert_uint_eq(status.deaths, 0);
                for (fault = 1; fault < INSTANCE_FAULT_COUNT; fault++)
                        if (fault != INSTANCE_FAULT_SLOW) /* the machine may be */
                                ck_assert_uint_eq(status.faults[fault], 0);
        }
}
END_TEST

UNIT_MAIN_TIMEOUT("fifty-agents", 120, forty_agents_update_while_ten_misbehave)
