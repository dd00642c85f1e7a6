/* SPDX-License-Identifier: Apache-2.0
 *
 * test-remote-agent - activities of a remote agent: its words, its silence, its rollbacks */
#include "tests/unit/remote-rig.h"

/* -------------------------------------------------------------------------------- the good way */

START_TEST(an_activity_of_cua_goes_through)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, STEP("DOWNLOAD", "DOWNLOADING", "DOWNLOAD_SUCCESS"),
             STEP("UPDATE", "UPDATING", "UPDATE_SUCCESS"),
             STEP("ACTIVATE", "ACTIVATING", "ACTIVATION_SUCCESS"), COMMAND("A1", "CLEANUP"),
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "told A1 {'status':'CLEANUP_SUCCESS'}", "agent feedback A1 {'status':'COMPLETED'}",
             "quiet", /* it had its answer */
             "host get A1", "sent currentstate/get A1 null",
             "agent state A1 {'softwareNodes':[{'id':'x'}]}",
             "state A1 {'softwareNodes':[{'id':'x'}]}");
        rig_done(&rig);
}
END_TEST

START_TEST(an_activity_of_sua_goes_through_with_its_own_words)
{
        struct rig rig;

        sua(&rig, PATIENT);
        PLAY(&rig, SUA_IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'DOWNLOADING','message':'m','actions':[{'component':"
             "{'id':'self-update:os-image','version':'v2'},'status':'DOWNLOADING','progress':255}]"
             "}",
             "told A1 {'status':'DOWNLOADING','message':'m','actions':[{'component':"
             "{'id':'self-update:os-image','version':'v2'},'status':'DOWNLOADING','progress':100}]"
             "}",
             "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'}", COMMAND("A1", "UPDATE"),
             "agent feedback A1 {'status':'RUNNING'," AS("UPDATING") "}",
             "told A1 {'status':'RUNNING'," AS("UPDATING") "}",
             "agent feedback A1 {'status':'UPDATE_SUCCESS'," AS("UPDATING") "}",
             "told A1 {'status':'UPDATE_SUCCESS'," AS("UPDATING") "}", "agent raw ", /* m20 */
             "quiet", COMMAND("A1", "ACTIVATE"),
             "agent feedback A1 {'status':'ACTIVATION_SUCCESS'," AS("UPDATED") "}",
             "told A1 {'status':'ACTIVATION_SUCCESS'," AS("UPDATED") "}", COMMAND("A1", "CLEANUP"),
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "told A1 {'status':'CLEANUP_SUCCESS'}", "agent feedback A1 {'status':'COMPLETE'}",
             "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(a_command_carries_its_baseline)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, "host command A1 DOWNLOAD base one",
             "sent desiredstate/command A1 {'command':'DOWNLOAD','baseline':'base one'}",
             "agent feedback A1 {'baseline':'other','status':'DOWNLOAD_SUCCESS'}", "quiet",
             "agent feedback A1 {'baseline':'base one','status':'DOWNLOAD_SUCCESS'}",
             "told A1 {'baseline':'base one','status':'DOWNLOAD_SUCCESS'}");
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_that_has_nothing_to_do_is_idle_at_once)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, "host desired A1 " DC, "sent desiredstate A1 " DC,
             "agent feedback A1 {'status':'IDENTIFIED'}", "told A1 {'status':'IDENTIFIED'}",
             "agent feedback A1 {'status':'COMPLETED'}", "quiet", "host get Q1",
             "sent currentstate/get Q1 null");
        rig_done(&rig);
}
END_TEST

START_TEST(sua_that_had_nothing_to_do_is_cleaned_up_before_the_next_activity)
{
        struct rig rig;

        sua(&rig, PATIENT);
        PLAY(&rig, "host desired A1 " DS, "sent desiredstate A1 " DS,
             "agent feedback A1 {'status':'COMPLETED','message':'equal','actions':[]}",
             "told A1 {'status':'COMPLETED','message':'equal'}", "quiet", "host get A1",
             "sent currentstate/get A1 null", "host desired A2 " DS,
             "sent desiredstate/command A1 {'command':'CLEANUP'}", "sent desiredstate A2 " DS,
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "agent feedback A1 {'status':'INCOMPLETE'}", "quiet",
             "agent feedback A2 {'status':'IDENTIFIED'," AS("IDENTIFIED") "}",
             "told A2 {'status':'IDENTIFIED'," AS("IDENTIFIED") "}",
             /* and only then */
             "host desired A3 " DS, "sent desiredstate/command A2 {'command':'ROLLBACK'}",
             "sent desiredstate/command A2 {'command':'CLEANUP'}", "sent desiredstate A3 " DS);
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- failures */

START_TEST(a_failure_of_a_later_step_ends_the_one_in_progress)
{
        struct rig rig;

        sua(&rig, PATIENT);
        PLAY(&rig, SUA_IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'UPDATE_FAILURE','message':'Update rejected.'}",
             "told A1 {'status':'UPDATE_FAILURE','message':'Update rejected.'}",
             COMMAND("A1", "CLEANUP"), "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "told A1 {'status':'CLEANUP_SUCCESS'}", "agent feedback A1 {'status':'INCOMPLETE'}",
             "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(late_repeated_and_foreign_words_are_not_passed_on)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'IDENTIFIED'," AC("IDENTIFIED") "}", /* delivered twice */
             "agent feedback A0 {'status':'DOWNLOAD_FAILURE'}",
             "agent feedback A1 {'status':'ROLLBACK_FAILURE'}", "quiet",
             "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'}",
             "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}", "quiet", COMMAND("A1", "UPDATE"),
             "agent feedback A1 {'status':'DOWNLOAD_SUCCESS'}",
             "agent feedback A1 {'status':'DOWNLOAD_FAILURE'}", "quiet",
             "agent feedback A1 {'status':'UPDATE_SUCCESS'}",
             "told A1 {'status':'UPDATE_SUCCESS'}");
        rig_done(&rig);
}
END_TEST

START_TEST(a_feedback_without_an_id_is_of_the_running_activity)
{
        struct rig rig;

        sua(&rig, PATIENT);
        PLAY(&rig, "agent feedback - {'status':'DOWNLOADING'}", "quiet", SUA_IDENTIFY,
             COMMAND("A1", "DOWNLOAD"), "agent feedback - {'STATUS':'DOWNLOAD_SUCCESS'}",
             "told A1 {'status':'DOWNLOAD_SUCCESS'}");
        rig_done(&rig);
}
END_TEST

START_TEST(malformed_parts_of_a_feedback_do_not_cost_the_rest)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, "host desired A1 " DC, "sent desiredstate A1 " DC,
             "agent feedback A1 {'status':'IDENTIFIED','message':7,'actions':[null,{'status':'X'},"
             "{'component':{'id':'containers:a','version':2},'status':'IDENTIFIED','progress':'50'}"
             ",7]}",
             "told A1 {'status':'IDENTIFIED','actions':"
             "[{'component':{'id':'containers:a'},'status':'IDENTIFIED'}]}",
             COMMAND("A1", "DOWNLOAD"), "agent raw {}", "agent raw []", "agent raw null",
             "agent raw {'activityId':'A1','payload':7}",
             "agent raw {'activityId':'A1','payload':{'status':7}}", "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(a_failure_in_broken_json_is_a_failure_nevertheless)
{
        struct rig rig;

        sua(&rig, PATIENT);
        PLAY(&rig, SUA_IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             /* another activity, and a success that may be anything */
             "agent raw {'activityId':'A0','payload':{'status':'DOWNLOAD_FAILURE','message':'a "
             "'b''}}",
             "agent raw {'activityId':'A1','payload':{'status':'DOWNLOAD_SUCCESS','message':'a "
             "'b''}}",
             "quiet", "log a feedback of the agent is lost",
             "agent raw {'activityId':'A1','timestamp':1,'payload':{'status':'DOWNLOAD_FAILURE',"
             "'message':'Download failed.','actions':[{'message':'no 'bundle' there'}]}}");
        ck_assert_ptr_nonnull(strstr(next(&rig),
                                     "{\"status\":\"DOWNLOAD_FAILURE\",\"message\":\"the agent "
                                     "says why, but not in valid JSON: "));
        expect_log(&rig, "DOWNLOAD_FAILURE of the agent in a message that is no JSON");
        /* CLEANUP_SUCCESS repeats the text, and INCOMPLETE too. */
        PLAY(&rig, COMMAND("A1", "CLEANUP"),
             "agent raw {'activityId':'A1','payload':{'status':'CLEANUP_SUCCESS','x':'no "
             "'bundle''}}",
             "told A1 {'status':'CLEANUP_SUCCESS'}",
             "agent raw {'activityId':'A1','payload':{'status':'INCOMPLETE','x':'no 'bundle''}}",
             "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(cleanup_of_what_the_agent_has_ended_is_answered_here)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, "host desired A1 " DC, "sent desiredstate A1 " DC,
             "agent feedback A1 {'status':'IDENTIFICATION_FAILED','message':'no'}",
             "told A1 {'status':'IDENTIFICATION_FAILED','message':'no'}", COMMAND("A1", "CLEANUP"),
             "told A1 {'status':'CLEANUP_SUCCESS'}", "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(a_verify_is_not_known_to_such_agents)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY);
        ck_assert_int_eq(rig.plugin->agent->command(rig.self, "A1", "", UB_CMD_VERIFY), -ENOTSUP);
        ck_assert_int_eq(rig.plugin->agent->command(rig.self, "A1", "", 9999), -ENOTSUP);
        PLAY(&rig, "quiet");
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- rollback */

START_TEST(a_rollback_of_cua_is_answered_by_cua)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, STEP("DOWNLOAD", "DOWNLOADING", "DOWNLOAD_SUCCESS"),
             STEP("ROLLBACK", "ROLLBACK", "ROLLBACK_SUCCESS"), COMMAND("A1", "CLEANUP"),
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "told A1 {'status':'CLEANUP_SUCCESS'}", "agent feedback A1 {'status':'INCOMPLETE'}",
             "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(a_silent_rollback_is_judged_by_the_state)
{
        struct rig rig;

        sua(&rig, HASTY);
        PLAY(&rig, SUA_IDENTIFY, COMMAND("A1", "ROLLBACK"), GET);
        rig_done(&rig);

        sua(&rig, "{\"silentRollback\":true}");
        PLAY(&rig, SUA_IDENTIFY, COMMAND("A1", "ROLLBACK"), GET, "quiet");
        rig_done(&rig);
}
END_TEST

static void roll_back_silently(struct rig *rig, const char *version)
{
        char text[LINE_MAX_BYTES];
        char id[64];
        char *p;

        sua(rig, "{\"silentRollback\":true}");
        PLAY(rig, SUA_IDENTIFY, COMMAND("A1", "ROLLBACK"), GET);
        last_id(rig, id);
        (void)snprintf(text, sizeof(text), SUA_STATE("%s"), version);
        for (p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        agent(rig, "state", id, text);
}

START_TEST(the_old_versions_mean_that_a_silent_rollback_went_well)
{
        struct rig rig;

        roll_back_silently(&rig, "v1");
        PLAY(&rig, "told A1 {'status':'ROLLBACK_SUCCESS'}", "state - " SUA_STATE("v1"),
             /* an idle SUA does not answer this */
             COMMAND("A1", "CLEANUP"), "told A1 {'status':'CLEANUP_SUCCESS'}", "quiet");
        rig_done(&rig);
}
END_TEST

START_TEST(other_versions_mean_that_a_silent_rollback_failed)
{
        struct rig rig;

        roll_back_silently(&rig, "v2");
        PLAY(&rig,
             "told A1 {'status':'ROLLBACK_FAILURE','message':'after the rollback "
             "self-update:os-image is at version v2, and was at v1'}",
             "state - " SUA_STATE("v2"));
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_that_neither_rolls_back_nor_reports_has_failed)
{
        struct rig rig;

        sua(&rig, HASTY);
        PLAY(&rig, SUA_IDENTIFY, COMMAND("A1", "ROLLBACK"), GET,
             "told A1 {'status':'ROLLBACK_FAILURE','message':'the agent says nothing about the "
             "rollback, and does not report its state'}");
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- liveness */

START_TEST(an_agent_that_does_not_react_is_reported)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, "host desired A1 " DC, "sent desiredstate A1 " DC,
             "sent desiredstate/command A1 {'command':'ROLLBACK'}", "sent desiredstate A1 " DC,
             "told A1 {'status':'IDENTIFICATION_FAILED','message':'no answer from the agent for "
             "250 ms'}",
             "host desired A2 " DC, "sent desiredstate A2 " DC,
             "agent feedback A2 {'status':'IDENTIFIED'," AC("IDENTIFIED") "}",
             "told A2 {'status':'IDENTIFIED'," AC("IDENTIFIED") "}", COMMAND("A2", "DOWNLOAD"),
             "told A2 {'status':'DOWNLOAD_FAILURE','message':'no answer from the agent for 250 "
             "ms'}");
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_that_has_reacted_may_take_its_time)
{
        struct rig rig;

        cua(&rig, HASTY);
        PLAY(&rig, IDENTIFY, COMMAND("A1", "DOWNLOAD"),
             "agent feedback A1 {'status':'DOWNLOADING'}", "told A1 {'status':'DOWNLOADING'}",
             "quiet");
        ck_assert_uint_eq(rig.fake->n_sources, 0); /* no timer runs any more */
        rig_done(&rig);
}
END_TEST

START_TEST(an_agent_stuck_in_somebody_elses_activity_is_freed)
{
        struct rig rig;

        sua(&rig, HASTY);
        PLAY(&rig, "host desired A1 " DS, "sent desiredstate A1 " DS,
             "sent desiredstate/command A1 {'command':'ROLLBACK'}", "sent desiredstate A1 " DS,
             /* an agent that does answer a ROLLBACK, and ends with it */
             "agent feedback A1 {'status':'ROLLBACK_SUCCESS'}",
             "agent feedback A1 {'status':'INCOMPLETE'}", "quiet",
             "agent feedback A1 {'status':'IDENTIFYING'}", "told A1 {'status':'IDENTIFYING'}",
             "agent feedback A1 {'status':'IDENTIFIED'," AS("IDENTIFIED") "}",
             "told A1 {'status':'IDENTIFIED'," AS("IDENTIFIED") "}");
        rig_done(&rig);
}
END_TEST

START_TEST(an_activity_that_was_left_is_ended_before_the_next)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY, "host desired A2 " DC,
             "sent desiredstate/command A1 {'command':'ROLLBACK'}",
             "sent desiredstate/command A1 {'command':'CLEANUP'}", "sent desiredstate A2 " DC,
             "agent feedback A1 {'status':'ROLLBACK_FAILURE'}",
             "agent feedback A1 {'status':'CLEANUP_SUCCESS'}",
             "agent feedback A1 {'status':'INCOMPLETE'}", "quiet",
             "agent feedback A2 {'status':'IDENTIFIED'}", "told A2 {'status':'IDENTIFIED'}");
        rig_done(&rig);
}
END_TEST

START_TEST(what_the_server_refuses_is_a_failure_of_the_step)
{
        struct rig rig;

        cua(&rig, PATIENT);
        PLAY(&rig, IDENTIFY);
        fake_mqtt_acknowledge(rig.mqtt, -EACCES);
        PLAY(&rig, COMMAND("A1", "DOWNLOAD"),
             "told A1 {'status':'DOWNLOAD_FAILURE','message':'it cannot be sent to the agent: "
             "Permission denied'}");
        rig_done(&rig);
}
END_TEST

UNIT_MAIN("remote-agent", an_activity_of_cua_goes_through,
          an_activity_of_sua_goes_through_with_its_own_words, a_command_carries_its_baseline,
          an_agent_that_has_nothing_to_do_is_idle_at_once,
          sua_that_had_nothing_to_do_is_cleaned_up_before_the_next_activity,
          a_failure_of_a_later_step_ends_the_one_in_progress,
          late_repeated_and_foreign_words_are_not_passed_on,
          a_feedback_without_an_id_is_of_the_running_activity,
          malformed_parts_of_a_feedback_do_not_cost_the_rest,
          a_failure_in_broken_json_is_a_failure_nevertheless,
          cleanup_of_what_the_agent_has_ended_is_answered_here,
          a_verify_is_not_known_to_such_agents, a_rollback_of_cua_is_answered_by_cua,
          a_silent_rollback_is_judged_by_the_state,
          the_old_versions_mean_that_a_silent_rollback_went_well,
          other_versions_mean_that_a_silent_rollback_failed,
          an_agent_that_neither_rolls_back_nor_reports_has_failed,
          an_agent_that_does_not_react_is_reported, an_agent_that_has_reacted_may_take_its_time,
          an_agent_stuck_in_somebody_elses_activity_is_freed,
          an_activity_that_was_left_is_ended_before_the_next,
          what_the_server_refuses_is_a_failure_of_the_step)
