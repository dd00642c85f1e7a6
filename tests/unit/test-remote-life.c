/* SPDX-License-Identifier: Apache-2.0
 *
 * test-remote-life - what is around the activities of a remote agent: current states, the
 * connection, crashes, settings */
#include "tests/unit/remote-rig.h"

/* This process is gone and another one comes; the agent stays. */
static void rig_crash(struct rig *rig, const char *settings, uint32_t flags)
{
        fake_host_settle(rig->fake, 0);
        rig->plugin->life->destroy(rig->self);
        fake_mqtt_reuse(rig->mqtt);
        fake_host_lose_power(rig->fake);
        rig_start(rig, settings, flags);
}

/* ------------------------------------------------------------------------------- current states */

START_TEST(a_question_is_answered_with_the_report_of_its_id)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, "host get Q1", "sent currentstate/get Q1 null", "host get Q2",
             "sent currentstate/get Q2 null",
             "agent state Q2 {'softwareNodes':[null,{'id':'b','parameters':null}]}",
             "state Q2 {'softwareNodes':[{'id':'b'}]}", "agent state Q1 {'softwareNodes':[]}",
             "state Q1 {'softwareNodes':[]}",
             /* unasked, and unchanged */
             "agent state initial-current-state-5 {'softwareNodes':[{'id':'c'}]}",
             "state - {'softwareNodes':[{'id':'c'}]}",
             "agent state - {'softwareNodes':[{'id':'c'}]}", "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(a_question_is_answered_in_time_even_if_the_agent_is_late)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, "host get Q1", "sent currentstate/get Q1 null", "state Q1 {}",
             "log the agent has never reported its current state",
             "agent state Q1 {'softwareNodes':[]}", "state - {'softwareNodes':[]}", "host get Q2",
             "sent currentstate/get Q2 null", "state Q2 {'softwareNodes':[]}",
             "log the last one stands");
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_in_an_activity_is_not_asked)
{
        struct rig rig;

        sua(&rig, PATIENT);
        PLAY(&rig, SUA_IDENTIFY, "host get Q1", "state Q1 " SUA_STATE("v1"), "server off",
             "server on", "quiet", COMMAND("A1", "DOWNLOAD"), "host get A1",
             "state A1 " SUA_STATE("v1"), "agent feedback A1 {'status':'DOWNLOAD_FAILURE'}",
             "told A1 {'status':'DOWNLOAD_FAILURE'}", COMMAND("A1", "CLEANUP"),
             /* at the end the host asks under this id, whether or not CLEANUP was answered in
              * time */
             "host get A1", "sent currentstate/get A1 null",
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "told A1 {'status':'CLEANUP_SUCCESS'}", "agent state A1 " SUA_STATE("v1"),
             "state A1 " SUA_STATE("v1"), "server off", "server on", GET, "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(a_retained_state_is_known_at_once_and_answers_no_question)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, "agent state Q1 {'softwareNodes':[{'id':'a'}]}",
             "state - {'softwareNodes':[{'id':'a'}]}", "quiet");
        rig.plugin->life->stop(rig.self);
        fake_host_run_until(rig.fake, &rig.fake->is_stopped);
        rig.plugin->life->destroy(rig.self);
        fake_host_settle(rig.fake, 0);
        PLAY(&rig, "server off");
        fake_host_reuse(rig.fake);
        rig.fake->n_seen = rig.fake->n_lines;
        rig_start(&rig, PATIENT, 0);
        PLAY(&rig, "host get Q1", "state - {'softwareNodes':[{'id':'a'}]}", "quiet", "server on",
             "sent currentstate/get Q1 null", "agent state Q1 {'softwareNodes':[{'id':'a'}]}",
             "state Q1 {'softwareNodes':[{'id':'a'}]}");
        rig_done(&rig);
}
END_TEST

START_TEST(a_state_that_is_no_json_is_lost_with_a_log_line)
{
        struct rig rig;

        cua(&rig, PATIENT);
        say(&rig, "currentstate", "{\"payload\":{\"softwareNodes\":[}", 0);
        say(&rig, "currentstate", "", 0);
        say(&rig, "currentstate", "{\"payload\":null}", 0);
        PLAY(&rig, "quiet", "log a current state of the agent is lost", "log it has no payload");
        rig_done(&rig);
}
END_TEST

/* ----------------------------------------------------------------------- interruptions, crashes */

START_TEST(an_answer_lost_while_the_connection_was_down_is_asked_for_again)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'DOWNLOADING'}", "told A1 {'status':'DOWNLOADING'}",
             "server off", "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}", "quiet", "server on",
             "sent desiredstate/command A1 {'command':'DOWNLOAD'}",
             "agent feedback A1 {'status':'DOWNLOAD_FAILURE','message':'DOWNLOAD is possible only "
             "after status IDENTIFIED is reported'," AC("DOWNLOAD_SUCCESS") "}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'," AC("DOWNLOAD_SUCCESS") "}",
             "log all is done: the first answer was lost");
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_that_announces_itself_anew_is_asked_again)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'DOWNLOADING'}", "told A1 {'status':'DOWNLOADING'}",
             "agent state initial-current-state-5 {'softwareNodes':[]}",
             "state - {'softwareNodes':[]}", "sent desiredstate/command A1 {'command':'DOWNLOAD'}",
             "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'}", "quiet");
        ck_assert_uint_eq(rig.fake->n_sources, 0);
        rig_done(&rig);
}
END_TEST

START_TEST(after_an_interruption_a_report_of_the_state_is_no_answer)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'DOWNLOADING'}", "told A1 {'status':'DOWNLOADING'}",
             "server off", "quiet", "server on", "agent state - {'softwareNodes':[]}",
             "state - {'softwareNodes':[]}", "sent desiredstate/command A1 {'command':'DOWNLOAD'}");
        rig_done(&rig);
}
END_TEST

#define IN_CLEANUP                                                                 \
        IDENTIFY, COMMAND("A1", "DOWNLOAD"), "agent feedback A1 {'status':'DOWNLOAD_FAILURE'}", \
                "told A1 {'status':'DOWNLOAD_FAILURE'}", COMMAND("A1", "CLEANUP"), \
                "agent state initial-current-state-5 {'softwareNodes':[]}",        \
                "state - {'softwareNodes':[]}",                                    \
                "sent desiredstate/command A1 {'command':'CLEANUP'}"

START_TEST(an_agent_that_was_started_anew_has_cleaned_up)
{
        struct rig rig;
        char report[128];
        char id[64];

        cua(&rig, HASTY);
        PLAY(&rig, IN_CLEANUP, GET);
        last_id(&rig, id);
        (void)snprintf(report, sizeof(report), "agent state %s {'softwareNodes':[]}", id);
        PLAY(&rig, report, "log it knows nothing of the activity any more",
             "told A1 {'status':'CLEANUP_SUCCESS'}", "state - {'softwareNodes':[]}", "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_that_still_cleans_up_is_waited_for)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, IN_CLEANUP, "agent feedback A1 {'status':'CLEANUP'}",
             "told A1 {'status':'CLEANUP'}", "quiet",
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "told A1 {'status':'CLEANUP_SUCCESS'}");
        rig_done(&rig);
}
END_TEST

START_TEST(while_the_connection_is_down_nobody_is_late)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, IDENTIFY, "server off", "quiet", COMMAND("A1", "DOWNLOAD"), "quiet");
        ck_assert_uint_eq(rig.fake->n_sources, 0);
        PLAY(&rig, "server on", "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'}");
        rig_done(&rig);
}
END_TEST

START_TEST(the_last_word_survives_a_crash_and_the_step_is_taken_up)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"), "quiet");
        rig_crash(&rig, PATIENT, UB_START_RECOVERED);
        PLAY(&rig, "quiet", /* no question to an agent that works */
             "host last A1", "told A1 {'status':'IDENTIFIED'," AC("IDENTIFIED") "}",
             COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'DOWNLOAD_FAILURE'," AC("DOWNLOAD_SUCCESS") "}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'," AC("DOWNLOAD_SUCCESS") "}");
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "A0"), -ENOENT);
        rig_done(&rig);
}
END_TEST

START_TEST(a_word_that_comes_before_the_host_asks_is_kept_for_it)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"), "quiet");
        rig_crash(&rig, PATIENT, UB_START_RECOVERED);
        PLAY(&rig, "agent feedback A1 {'status':'DOWNLOADING'}",
             "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}", "quiet", "host last A1",
             "told A1 {'status':'DOWNLOAD_SUCCESS'}", COMMAND("A1", "UPDATE"));
        rig_done(&rig);
}
END_TEST

START_TEST(a_crash_while_identifying_begins_anew_behind_a_rollback)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, "host desired A1 " DC, "sent desiredstate A1 " DC, "quiet");
        rig_crash(&rig, PATIENT, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "A1"), -ENOENT);
        PLAY(&rig, "host desired A1 " DC, "sent desiredstate/command A1 {'command':'ROLLBACK'}",
             "sent desiredstate A1 " DC, "agent feedback A1 {'status':'ROLLBACK_FAILURE'}", "quiet",
             "agent feedback A1 {'status':'IDENTIFIED'}", "told A1 {'status':'IDENTIFIED'}");
        rig_done(&rig);
}
END_TEST

START_TEST(without_an_activity_of_the_host_the_agent_is_asked_again)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, "quiet");
        rig_crash(&rig, PATIENT, 0);
        PLAY(&rig, GET, "log was not brought to an end",
             "agent feedback A1 {'status':'DOWNLOADING'}", "quiet");
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- settings */

START_TEST(the_prefix_follows_from_the_domain_or_the_settings)
{
        static const struct { const char *domain, *settings, *prefix; } cases[] = {
                { "vehicle", "{}", "vehicleupdate" },
                { "self-update", "{}", "selfupdate" },
                { "self", "{}", "selfupdate" },
                { "test-withdash-update", "{}", "testwithdashupdate" },
                { "update", "{}", "update" },
                { "Update", "{}", "Updateupdate" },
                { "containers", "{\"prefix\":\"a/b\"}", "a/b" },
        };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct rig rig;

                rig_init(&rig, cases[i].domain, cases[i].prefix, cases[i].settings);
                PLAY(&rig, GET);
                rig_done(&rig);
        }
}
END_TEST

START_TEST(bad_settings_are_refused_with_their_place)
{
        static const struct { const char *settings, *text; } cases[] = {
                { "{\"prefx\":\"a\"}", "prefx" },
                { "{\"prefix\":\"a/#\"}", "settings.prefix" },
                { "{\"prefix\":\"\"}", "settings.prefix" },
                { "{\"readTimeout\":\"soon\"}", "settings.readTimeout" },
                { "{\"readTimeout\":\"5\"}", "settings.readTimeout" },
                { "{\"readTimeout\":\"\"}", "settings.readTimeout" },
                { "{\"readTimeout\":\"1m-1s\"}", "settings.readTimeout" },
                { "{\"answerTimeout\":-1}", "settings.answerTimeout" },
                { "{\"answerTimeout\":\"25h\"}", "settings.answerTimeout" },
                { "{\"answerTimeout\":\"99999999999999999999h\"}", "settings.answerTimeout" },
                { "{\"silentRollback\":\"maybe\"}", "settings.silentRollback" },
        };
        struct fake_host *fake = fake_host_new();
        const struct ub_plugin *plugin = load();
        void *self = NULL;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_int_eq(plugin->life->create(&fake->host, cases[i].settings, &self),
                                 -EBADMSG);
                ck_assert_ptr_nonnull(strstr(fake_host_next(fake, "log 3 "), cases[i].text));
        }
        (void)fake_host_free(fake);
}
END_TEST

START_TEST(times_are_texts_or_milliseconds)
{
        static const char *const good[] = {
                "{\"readTimeout\":\"1m30s\"}",   "{\"readTimeout\":500}",
                "{\"readTimeout\":\"1.5s\"}",    "{\"readTimeout\":\"0s\",\"answerTimeout\":\"0\"}",
                "{\"answerTimeout\":\"500us\"}", "{\"silentRollback\":false}",
                "{\"silentRollback\":\"auto\"}",
        };
        size_t i;

        for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                struct rig rig;

                cua(&rig, good[i]);
                rig_done(&rig);
        }
}
END_TEST

START_TEST(a_reload_moves_to_another_prefix)
{
        struct rig rig;

        rig_init(&rig, "containers", "a", "{\"prefix\":\"a\"}");
        PLAY(&rig, GET);
        ck_assert_int_eq(rig.plugin->life->reload(rig.self, "{\"prefix\":\"#\"}"), -EBADMSG);
        ck_assert_int_eq(rig.plugin->life->reload(rig.self, "{\"prefix\":\"b\"}"), -EPERM);
        PLAY(&rig, "quiet", "agent state - {'softwareNodes':[]}", "state - {'softwareNodes':[]}");
        ck_assert_int_eq(rig.plugin->life->reload(rig.self, "{\"prefix\":\"a/b\"}"), 0);
        rig.prefix = "a/b";
        PLAY(&rig, GET, "agent state - {'softwareNodes':[]}", "state - {'softwareNodes':[]}");
        rig_done(&rig);
}
END_TEST

START_TEST(without_the_service_it_does_not_start)
{
        struct fake_host *fake = fake_host_new();
        const struct ub_plugin *plugin = load();
        void *self;

        fake->host.id = "containers";
        ck_assert_int_eq(plugin->life->create(&fake->host, "{}", &self), 0);
        ck_assert_int_eq(plugin->life->start(self, 0), -EPERM);
        ck_assert_ptr_nonnull(strstr(fake_host_next(fake, "log 3 "), "\"containersupdate/#\""));
        plugin->life->destroy(self);
        (void)fake_host_free(fake);
}
END_TEST

UNIT_MAIN("remote-life", a_question_is_answered_with_the_report_of_its_id,
          a_question_is_answered_in_time_even_if_the_agent_is_late,
          an_agent_in_an_activity_is_not_asked,
          a_retained_state_is_known_at_once_and_answers_no_question,
          a_state_that_is_no_json_is_lost_with_a_log_line,
          an_answer_lost_while_the_connection_was_down_is_asked_for_again,
          an_agent_that_announces_itself_anew_is_asked_again,
          after_an_interruption_a_report_of_the_state_is_no_answer,
          an_agent_that_was_started_anew_has_cleaned_up,
          an_agent_that_still_cleans_up_is_waited_for,
          while_the_connection_is_down_nobody_is_late,
          the_last_word_survives_a_crash_and_the_step_is_taken_up,
          a_word_that_comes_before_the_host_asks_is_kept_for_it,
          a_crash_while_identifying_begins_anew_behind_a_rollback,
          without_an_activity_of_the_host_the_agent_is_asked_again,
          the_prefix_follows_from_the_domain_or_the_settings,
          bad_settings_are_refused_with_their_place, times_are_texts_or_milliseconds,
          a_reload_moves_to_another_prefix, without_the_service_it_does_not_start)
