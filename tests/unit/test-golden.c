/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden scenarios G1 to G19 of Kanto's update manager at the boundary of the orchestrator,
 with its
 * texts word for word where it ends correctly. */
#include "tests/unit/golden.h"
#include "tests/unit/unit.h"

START_TEST(g1_two_domains_run_through_all_phases)
{
        static const char *const lines[] = {
                TO_ACTIVATED,
                CMD("CLEANUP"),
                CLEAN("C"),
                "> C A1 {'status':'COMPLETED'}",
                CLEAN("S"),
                END("'status':'COMPLETED','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                ". 10m",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g1_the_device_boots_after_the_report_where_the_configuration_says_so)
{
        static const char *const lines[] = {
                TO_ACTIVATED,
                CMD("CLEANUP"),
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'COMPLETED','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                "> delivered A1",
                ". 999ms",
                ". 1ms",
                "< reboot",
                "> V A2 {'domains':[" DC "]}", /* waits for the boot */
                "> boot",
                "< V A2 {'status':'IDENTIFYING'}",
                "< C A2 desired {'domains':[" DC "]}",
                NULL,
        };

        RUN(lines, c->reboot_enabled = true);
}
END_TEST

START_TEST(g1_a_cleanup_that_fails_is_not_completed)
{
        static const char *const lines[] = {
                TO_ACTIVATED,
                CMD("CLEANUP"),
                CLEAN("C"),
                "> S A1 {'status':'CLEANUP_FAILURE','message':'disk full'}",
                END("'status':'INCOMPLETE'," BECAUSE ": "
                    "[self-update]: disk full','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g2_a_domain_with_nothing_to_do_gets_no_command)
{
        static const char *const lines[] = {
                START2,
                "> C A1 {'status':'IDENTIFIED'}",
                "> S A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}",
                "< V A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}",
                "< V A1 {'status':'RUNNING','actions':[" AS("IDENTIFIED") "]}",
                "< S A1 DOWNLOAD",
                S_SAYS("DOWNLOAD_SUCCESS"),
                "< S A1 UPDATE",
                S_SAYS("UPDATE_SUCCESS"),
                "< S A1 ACTIVATE",
                S_SAYS("ACTIVATION_SUCCESS"),
                "< S A1 CLEANUP",
                CLEAN("S"),
                END("'status':'COMPLETED','actions':[" AS("UPDATE_SUCCESS") "]"),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g3_nothing_to_do_at_all)
{
        static const char *const lines[] = {
                "> V A1 {'domains':[" DC "]}",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {'domains':[" DC "]}",
                "> C A1 {'status':'IDENTIFIED'}",
                "< V A1 {'status':'IDENTIFIED'}",
                END("'status':'COMPLETED'"),
                NULL,
        };

        RUN(lines, );
}
END_TEST

#define UNKNOWN_BESIDE \
        "> V A1 {'domains':[{'id':'foo'}," DC "]}", "< V A1 {'status':'IDENTIFYING'}", \
                "< C A1 desired {'domains':[" DC "]}", "> C A1 {'status':'IDENTIFIED'}", \
                "< V A1 {'status':'IDENTIFIED'}"

START_TEST(g3_an_unknown_domain_beside_a_known_one_is_reported)
{
        static const char *const lines[] = {
                UNKNOWN_BESIDE,
                END("'status':'INCOMPLETE'," BECAUSE ": [foo]: there "
                    "is no agent for this domain'"),
                NULL,
        };
        static const char *const ignored[] = { UNKNOWN_BESIDE, END("'status':'COMPLETED'"), NULL };

        RUN(lines, );
        RUN(ignored, c->ignore_unknown_domains = true);
}
END_TEST

START_TEST(g4_only_unknown_domains)
{
#define T1 "the desired state manifest does not contain any supported domain"
        static const char *const lines[] = {
                "> V A1 {'domains':[{'id':'foo','components':[{'id':'x','version':'1'}]}]}",
                END("'status':'INCOMPLETE','message':'" T1 "'"),
                "> V A2 {'baselines':[]}",
                "< V A2 {'status':'INCOMPLETE','message':'" T1 "'}",
                "< inventory A2",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g4_an_input_that_cannot_be_read_is_answered_with_the_reason)
{
        static const char *const lines[] = {
                "> V! A1 domains[0].id: expected a string, not a number",
                "< V A1 {'status':'IDENTIFICATION_FAILED','message':'domains[0].id: expected a "
                "string, "
                "not a number'}",
                "> V A1 {'domains':[" DC "]}", /* corrected, under the same id */
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {'domains':[" DC "]}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

#define BAD_IMAGE \
        "< V A1 {'status':'IDENTIFICATION_FAILED'," WAITED("DOWNLOAD") "[containers]: bad image'," \
                                                                       "'actions':[" AS("IDENTIFIED") "]}", \
                "< inventory A1"

START_TEST(g5_a_failed_identification_names_its_domain_in_either_order)
{
        static const char *const first[] = {
                START2,
                "> C A1 {'status':'IDENTIFICATION_FAILED','message':'bad image'}",
                "< C A1 CLEANUP",
                "> S A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}",
                "< S A1 CLEANUP",
                CLEAN("C"),
                CLEAN("S"),
                BAD_IMAGE,
                NULL,
        };
        static const char *const last[] = {
                START2,
                "> S A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}",
                "> C A1 {'status':'IDENTIFICATION_FAILED','message':'bad image'}",
                "< C A1 CLEANUP",
                "< S A1 CLEANUP",
                CLEAN("S"),
                CLEAN("C"),
                BAD_IMAGE,
                NULL,
        };

        RUN(first, );
        RUN(last, );
}
END_TEST

START_TEST(g6_an_agent_that_does_not_answer_fails_the_identification)
{
        static const char *const lines[] = {
                START2,
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                ". 4s",
                "< S A1 CLEANUP", /* nobody waits for the answer to this one */
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'IDENTIFICATION_FAILED'," WAITED(
                        "DOWNLOAD") "not received in 4s',"
                                    "'actions':[" AC("IDENTIFIED") "]"),
                "> S A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}",
                NULL,
        };
        static const char *const nobody[] = {
                START2,
                ". 4s",
                "< C A1 CLEANUP",
                "< S A1 CLEANUP",
                END("'status':'IDENTIFICATION_FAILED'," WAITED("DOWNLOAD") "not received in 4s'"),
                NULL,
        };

        RUN(lines, );
        RUN(nobody, );
}
END_TEST

#define G7_END \
        S_SAYS("UPDATE_SUCCESS"), "< S A1 ACTIVATE", S_SAYS("ACTIVATION_SUCCESS"), \
                "< S A1 CLEANUP", CLEAN("S"), \
                END("'status':'INCOMPLETE'," BECAUSE \
                    "','actions':" ACS("DOWNLOAD_FAILURE", "UPDATE_SUCCESS"))

START_TEST(g7_g8_a_domain_that_fails_does_not_hold_up_the_other_in_either_order)
{
        static const char *const first[] = {
                ID2,
                C_SAYS("DOWNLOAD_FAILURE"),
                "< C A1 CLEANUP",
                CLEAN("C"),
                S_SAYS("DOWNLOAD_SUCCESS"),
                "< S A1 UPDATE",
                G7_END,
                NULL,
        };
        static const char *const last[] = {
                ID2,
                S_SAYS("DOWNLOAD_SUCCESS"),
                C_SAYS("DOWNLOAD_FAILURE"),
                "< C A1 CLEANUP",
                "< S A1 UPDATE",
                CLEAN("C"),
                G7_END,
                NULL,
        };

        RUN(first, );
        RUN(last, );
}
END_TEST

#define WRONG \
        "{'component':{'id':'containers:hello-world'}," \
        "'status':'DOWNLOAD_FAILURE','message':'100% wrong'}"
#define INCOMPLETED_BY_WRONG \
        WAITED("UPDATE") \
        "the update process is incompleted: " \
        "[containers]: hello-world: 100% wrong','actions':[" WRONG "]"

START_TEST(g7_the_reason_of_the_agent_is_told_and_percent_signs_are_no_format)
{
        static const char *const lines[] = {
                "> V A1 {'domains':[" DC "]}",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {'domains':[" DC "]}",
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                "< V A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                "< V A1 {'status':'RUNNING','actions':[" AC("IDENTIFIED") "]}",
                "< C A1 DOWNLOAD",
                "> C A1 {'status':'DOWNLOAD_FAILURE','actions':[" WRONG "]}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," INCOMPLETED_BY_WRONG),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g9_an_update_that_fails)
{
        static const char *const lines[] = {
                TO_DOWNLOADED,
                CMD("UPDATE"),
                C_SAYS("UPDATE_FAILURE"),
                "< C A1 CLEANUP",
                S_SAYS("UPDATE_SUCCESS"),
                "< S A1 ACTIVATE",
                CLEAN("C"),
                "> C A1 {'status':'INCOMPLETE'}",
                S_SAYS("ACTIVATION_SUCCESS"),
                "< S A1 CLEANUP",
                CLEAN("S"),
                END("'status':'INCOMPLETE'," BECAUSE
                    "','actions':" ACS("UPDATE_FAILURE", "UPDATE_SUCCESS")),
                NULL,
        };
        static const char *const both[] = {
                TO_DOWNLOADED,
                CMD("UPDATE"),
                C_SAYS("UPDATE_FAILURE"),
                "< C A1 CLEANUP",
                CLEAN("C"),
                S_SAYS("UPDATE_FAILURE"),
                "< S A1 CLEANUP",
                CLEAN("S"),
                END("'status':'INCOMPLETE'," WAITED(
                        "ACTIVATE") "the update process is incompleted',"
                                    "'actions':" ACS("UPDATE_FAILURE", "UPDATE_FAILURE")),
                NULL,
        };

        RUN(lines, );
        RUN(both, );
}
END_TEST

START_TEST(g10_silence_is_a_failure_of_the_domain_and_progress_ends_it)
{
        static const char *const lines[] = {
                TO_DOWNLOADED,
                CMD("UPDATE"),
                S_SAYS("UPDATE_SUCCESS"),
                ". 3s",
                "> C A1 {'status':'UPDATING'}",
                ". 3999ms",
                ". 1ms",
                "< C A1 CLEANUP",
                "< S A1 ACTIVATE",
                S_SAYS("ACTIVATION_SUCCESS"),
                "< S A1 CLEANUP",
                CLEAN("S"),
                END("'status':'INCOMPLETE'," BECAUSE ": [containers]: "
                    "not received in 4s','actions':" ACS("DOWNLOAD_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };
        static const char *const both[] = {
                ID2,
                ". 4s",
                "< C A1 CLEANUP",
                "< S A1 CLEANUP",
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "not received in 4s','actions':" ACS(
                        "IDENTIFIED", "IDENTIFIED")),
                "> C A1 {'status':'DOWNLOAD_SUCCESS'}",
                NULL,
        };

        RUN(lines, );
        RUN(both, );
}
END_TEST

START_TEST(g10_progress_does_not_move_the_hard_limit)
{
        static const char *const lines[] = {
                ID2,
                S_SAYS("DOWNLOAD_SUCCESS"),
                ". 3s",
                "> C A1 {'status':'DOWNLOADING'}",
                ". 3s",
                "< C A1 CLEANUP",
                "< S A1 UPDATE",
                NULL,
        };

        RUN(lines, c->phase_limit_usec = 6 * USEC_PER_SEC);
}
END_TEST

START_TEST(g11_an_activation_that_fails)
{
        static const char *const lines[] = {
                TO_UPDATED,
                CMD("ACTIVATE"),
                S_SAYS("ACTIVATION_FAILURE"),
                "< S A1 CLEANUP",
                C_SAYS("ACTIVATION_SUCCESS"),
                "< C A1 CLEANUP",
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'INCOMPLETE'," BECAUSE
                    "','actions':" ACS("UPDATE_SUCCESS", "UPDATE_FAILURE")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g12_a_domain_that_gives_up_in_identification)
{
        static const char *const lines[] = {
                "> V A1 {'domains':[" DC "]}",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {'domains':[" DC "]}",
                "> C A1 {'status':'INCOMPLETE'}",
                END("'status':'INCOMPLETE'," WAITED(
                        "DOWNLOAD") "the update process is incompleted'"),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g13_a_cleanup_without_answer_still_ends)
{
        static const char *const lines[] = {
                TO_ACTIVATED,
                CMD("CLEANUP"),
                CLEAN("C"),
                ". 4s",
                END("'status':'INCOMPLETE'," BECAUSE ": [self-update]: "
                    "not received in 4s','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                CLEAN("S"),
                NULL,
        };

        RUN(lines, );
}
END_TEST

#define CONSENT(x) "< consent A1 " x

START_TEST(g14_consent_to_download)
{
        static const char *const approved[] = {
                ID2_ASKED,
                CONSENT("DOWNLOAD"),
                "> owner other APPROVED",
                "> owner A1 APPROVED",
                "< consent end A1",
                CMD("DOWNLOAD"),
                OK2("DOWNLOAD_SUCCESS"),
                CMD("UPDATE"),
                NULL,
        };
        static const char *const denied[] = {
                ID2_ASKED,
                CONSENT("DOWNLOAD"),
                "> owner A1 DENIED",
                "< consent end A1",
                CMD("CLEANUP"),
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'INCOMPLETE'," WAITED(
                        "UPDATE") "owner approval not granted','actions':" ACS("IDENTIFIED",
                                                                               "IDENTIFIED")),
                NULL,
        };
        static const char *const late[] = {
                ID2_ASKED,
                CONSENT("DOWNLOAD"),
                ". 2s",
                "< consent end A1",
                CMD("CLEANUP"),
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "owner consent not granted in 2s',"
                                                              "'actions':" ACS("IDENTIFIED",
                                                                               "IDENTIFIED")),
                "> owner A1 APPROVED",
                NULL,
        };

        RUN(approved, c->consent_steps = 1 << STEP_DOWNLOAD);
        RUN(denied, c->consent_steps = 1 << STEP_DOWNLOAD);
        RUN(late, c->consent_steps = 1 << STEP_DOWNLOAD);
}
END_TEST

START_TEST(g15_consent_to_update_denied)
{
        static const char *const lines[] = {
                TO_DOWNLOADED,
                CONSENT("UPDATE"),
                "> owner A1 DENIED",
                "< consent end A1",
                CMD("ROLLBACK"),
                "> C A1 {'status':'ROLLBACK_SUCCESS','actions':[" AC("UPDATE_FAILURE") "]}",
                "< C A1 CLEANUP",
                "> S A1 {'status':'ROLLBACK_SUCCESS','actions':[" AS("UPDATE_FAILURE") "]}",
                "< S A1 CLEANUP",
                CLEAN("C"),
                "> C A1 {'status':'INCOMPLETE'}",
                CLEAN("S"),
                END("'status':'INCOMPLETE'," BECAUSE ": owner approval "
                    "not granted','actions':" ACS("UPDATE_FAILURE", "UPDATE_FAILURE")),
                "> S A1 {'status':'INCOMPLETE'}",
                NULL,
        };

        RUN(lines, c->consent_steps = 1 << STEP_UPDATE);
}
END_TEST

START_TEST(g16_consent_to_activate_denied)
{
        static const char *const lines[] = {
                TO_UPDATED,
                CONSENT("ACTIVATE"),
                "> owner A1 DENIED",
                "< consent end A1",
                CMD("ROLLBACK"),
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                "> S A1 {'status':'ROLLBACK_SUCCESS'}",
                "< S A1 CLEANUP",
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'INCOMPLETE'," BECAUSE ": owner approval "
                    "not granted','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(lines, c->consent_steps = 1 << STEP_ACTIVATE);
}
END_TEST

START_TEST(g17_an_agent_that_completes_at_once_in_either_order)
{
#define EQUAL "> S A1 {'status':'COMPLETED','message':'Current OS image is equal','actions':[]}"
#define G17_END \
        "< V A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}", \
                "< V A1 {'status':'RUNNING','actions':[" AC("IDENTIFIED") "]}", "< C A1 DOWNLOAD"
        static const char *const last[] = {
                START2,
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                EQUAL,
                G17_END,
                NULL,
        };
        static const char *const first[] = {
                START2,
                EQUAL,
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                G17_END,
                NULL,
        };

        RUN(last, );
        RUN(first, );
}
END_TEST

START_TEST(g18_a_second_activity_is_refused_where_the_configuration_says_so)
{
        static const char *const lines[] = {
                BEGIN("A1"),
                "> V A2 {'domains':[" DC "]}",
                "< V A2 {'status':'IDENTIFICATION_FAILED','message':'Another update activity in "
                "progress - A1'}",
                "> C A2 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                "> C A1 {'status':'IDENTIFIED'}",
                "< V A1 {'status':'IDENTIFIED'}",
                END("'status':'COMPLETED'"),
                NULL,
        };

        RUN(lines, c->refuse_concurrent = true);
}
END_TEST

START_TEST(g18_a_newer_activity_supersedes_one_that_has_not_begun_to_update)
{
        static const char *const lines[] = {
                BEGIN("A1"),
                "> V A2 {'domains':[" DC "]}",
                "< C A1 cancel",
                "> C A1 {'status':'INCOMPLETE'}",
                END("'status':'SUPERSEDED','message':'superseded by A2'"),
                "< V A2 {'status':'IDENTIFYING'}",
                "< C A2 desired {'domains':[" DC "]}",
                "> V A1 {'domains':[" DC "]}", /* a late repeat */
                "< V A1 {'status':'SUPERSEDED','message':'superseded by A2'}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g18_a_newer_activity_waits_for_one_that_updates_and_only_the_newest_does)
{
        static const char *const lines[] = {
                TO_DOWNLOADED,
                CMD("UPDATE"),
                "> V A2 {'domains':[" DC "]}",
                "> V A3 {'domains':[" DS "]}",
                "< V A2 {'status':'SUPERSEDED','message':'superseded by A3'}",
                OK2("UPDATE_SUCCESS"),
                CMD("ACTIVATE"),
                OK2("ACTIVATION_SUCCESS"),
                CMD("CLEANUP"),
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'COMPLETED','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                "< V A3 {'status':'IDENTIFYING'}",
                "< S A3 desired {'domains':[" DS "]}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(g19_termination_ends_the_activity_where_the_configuration_says_so)
{
        static const char *const lines[] = {
                ID2,
                "> stop",
                CMD("CLEANUP"),
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "the update manager instance is "
                                                              "terminated','actions':" ACS(
                                                                      "IDENTIFIED", "IDENTIFIED")),
                "< stopped",
                NULL,
        };

        RUN(lines, c->end_on_stop = true);
}
END_TEST

START_TEST(g19_termination_is_resumed_otherwise)
{
        static const char *const lines[] = {
                ID2,
                C_SAYS("DOWNLOAD_SUCCESS"),
                "> stop",
                "< stopped",
                "> crash",
                "< C A1 get",
                "< S A1 get",
                C_SAYS("DOWNLOAD_SUCCESS"),
                "> S A1 refuses get 2",
                "< S A1 desired {'domains':[" DS "]}",
                S_SAYS("IDENTIFIED"),
                "< S A1 DOWNLOAD",
                S_SAYS("DOWNLOAD_SUCCESS"),
                RUNNING("DOWNLOAD_SUCCESS", "DOWNLOAD_SUCCESS"),
                CMD("UPDATE"),
                NULL,
        };

        RUN(lines, );
}
END_TEST

UNIT_MAIN("golden", g1_two_domains_run_through_all_phases,
          g1_the_device_boots_after_the_report_where_the_configuration_says_so,
          g1_a_cleanup_that_fails_is_not_completed,
          g2_a_domain_with_nothing_to_do_gets_no_command, g3_nothing_to_do_at_all,
          g3_an_unknown_domain_beside_a_known_one_is_reported, g4_only_unknown_domains,
          g4_an_input_that_cannot_be_read_is_answered_with_the_reason,
          g5_a_failed_identification_names_its_domain_in_either_order,
          g6_an_agent_that_does_not_answer_fails_the_identification,
          g7_g8_a_domain_that_fails_does_not_hold_up_the_other_in_either_order,
          g7_the_reason_of_the_agent_is_told_and_percent_signs_are_no_format,
          g9_an_update_that_fails, g10_silence_is_a_failure_of_the_domain_and_progress_ends_it,
          g10_progress_does_not_move_the_hard_limit, g11_an_activation_that_fails,
          g12_a_domain_that_gives_up_in_identification, g13_a_cleanup_without_answer_still_ends,
          g14_consent_to_download, g15_consent_to_update_denied, g16_consent_to_activate_denied,
          g17_an_agent_that_completes_at_once_in_either_order,
          g18_a_second_activity_is_refused_where_the_configuration_says_so,
          g18_a_newer_activity_supersedes_one_that_has_not_begun_to_update,
          g18_a_newer_activity_waits_for_one_that_updates_and_only_the_newest_does,
          g19_termination_ends_the_activity_where_the_configuration_says_so,
          g19_termination_is_resumed_otherwise)
