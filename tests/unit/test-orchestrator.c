/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden scenarios G1 to G19 of Kanto's update manager at the boundary of the orchestrator, with its
 * texts word for word where it ends correctly, and what is ours beyond them. */
#include <stdio.h>
#include <string.h>

#include "host/orchestrator/unit.h"
#include "host/util/file.h"
#include "host/util/time.h"
#include "tests/unit/scenario.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

static const struct orchestrator_agent agents[] = {
        { .domain = "containers" },
        { .domain = "self-update", .reboot_required = true },
};

/* As the recordings were made. */
static const struct orchestrator_config golden = {
        .agents = agents,
        .n_agents = 2,
        .phase_timeout_usec = 4 * USEC_PER_SEC,
        .precondition_limit_usec = 30 * USEC_PER_MINUTE,
        .consent_timeout_usec = 2 * USEC_PER_SEC,
        .report_interval_usec = 60 * USEC_PER_MINUTE,
        .reboot_after_usec = USEC_PER_SEC,
        .boot_id = "one",
};

/* Runs a script with the golden configuration, after a statement that may change it. */
#define RUN(lines, change) \
        do { \
                struct orchestrator_config config_ = golden; \
                struct orchestrator_config *c = &config_; \
\
                (void)c; \
                change; \
                scenario_run(&config_, lines); \
        } while (0)

#define DC "{'id':'containers','components':[{'id':'hello-world','version':'latest'}]}"
#define DS "{'id':'self-update','components':[{'id':'os-image','version':'v2'}]}"
#define AC(x) "{'component':{'id':'containers:hello-world','version':'1'},'status':'" x "'}"
#define AS(x) "{'component':{'id':'self-update:os-image','version':'1'},'status':'" x "'}"
#define ACS(c, s) "[" AC(c) "," AS(s) "]"

#define START2 \
        "> V A1 {'domains':[" DC "," DS "]}", \
                "< V A1 {'status':'IDENTIFYING'}", \
                "< C A1 desired {'domains':[" DC "]}", \
                "< S A1 desired {'domains':[" DS "]}"
#define ID2_ASKED \
        START2, \
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}", \
                "> S A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}", \
                "< V A1 {'status':'IDENTIFIED','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}", \
                "< V A1 {'status':'RUNNING','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}"
#define CMD(x) "< C A1 " x, "< S A1 " x
#define ID2 ID2_ASKED, CMD("DOWNLOAD")
#define C_SAYS(x) "> C A1 {'status':'" x "','actions':[" AC(x) "]}"
#define S_SAYS(x) "> S A1 {'status':'" x "','actions':[" AS(x) "]}"
#define OK2(x) C_SAYS(x), S_SAYS(x)
#define TO_DOWNLOADED ID2, OK2("DOWNLOAD_SUCCESS")
#define TO_UPDATED TO_DOWNLOADED, CMD("UPDATE"), OK2("UPDATE_SUCCESS")
#define TO_ACTIVATED TO_UPDATED, CMD("ACTIVATE"), OK2("ACTIVATION_SUCCESS")
#define CLEAN(x) "> " x " A1 {'status':'CLEANUP_SUCCESS'}"
#define RUNNING(c, s) "< V A1 {'status':'RUNNING','actions':" ACS(c, s) "}"
#define END(p) "< V A1 {" p "}", "< inventory A1"
#define WAITED(x) "'message':'failed to wait for command `" x "` signal: "

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
                END("'status':'INCOMPLETE','message':'the update process is incompleted: "
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted: [foo]: there "
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
                "< V A1 {'status':'IDENTIFICATION_FAILED','message':'domains[0].id: expected a string, "
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
                END("'status':'IDENTIFICATION_FAILED'," WAITED("DOWNLOAD") "not received in 4s',"
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted','actions':" ACS("DOWNLOAD_FAILURE", "UPDATE_SUCCESS"))

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
                "> C A1 {'status':'DOWNLOAD_FAILURE','actions':[{'component':{'id':"
                "'containers:hello-world'},'status':'DOWNLOAD_FAILURE','message':'100% wrong'}]}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "the update process is incompleted: "
                                                              "[containers]: hello-world: 100% wrong','actions':[{'component':{'id':"
                                                              "'containers:hello-world'},'status':'DOWNLOAD_FAILURE','message':'100% wrong'}]"),
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted','actions':" ACS("UPDATE_FAILURE", "UPDATE_SUCCESS")),
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
                END("'status':'INCOMPLETE'," WAITED("ACTIVATE") "the update process is incompleted',"
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted: [containers]: "
                    "not received in 4s','actions':" ACS("DOWNLOAD_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };
        static const char *const both[] = {
                ID2,
                ". 4s",
                "< C A1 CLEANUP",
                "< S A1 CLEANUP",
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "not received in 4s','actions':" ACS("IDENTIFIED", "IDENTIFIED")),
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted','actions':" ACS("UPDATE_SUCCESS", "UPDATE_FAILURE")),
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
                END("'status':'INCOMPLETE'," WAITED("DOWNLOAD") "the update process is incompleted'"),
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted: [self-update]: "
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
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "owner approval not granted','actions':" ACS("IDENTIFIED", "IDENTIFIED")),
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
                                                              "'actions':" ACS("IDENTIFIED", "IDENTIFIED")),
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted: owner approval "
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
                END("'status':'INCOMPLETE','message':'the update process is incompleted: owner approval "
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

#define BEGIN(id) \
        "> V " id " {'domains':[" DC "]}", "< V " id " {'status':'IDENTIFYING'}", \
                "< C " id " desired {'domains':[" DC "]}"

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
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "the update manager instance is terminated','actions':" ACS("IDENTIFIED", "IDENTIFIED")),
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

/* ------------------------------------------------------------------------------- baselines and beyond */

#define TIED "'baselines':[{'title':'b','components':['containers:hello-world','self-update:os-image']}]"
#define TIED_C "'baselines':[{'title':'b','components':['containers:hello-world']}],"
#define TIED_S "'baselines':[{'title':'b','components':['self-update:os-image']}],"
#define TO_TIED_ACTIVATE \
        "> V A1 {" TIED ",'domains':[" DC "," DS "]}", "< V A1 {'status':'IDENTIFYING'}", \
                "< C A1 desired {" TIED_C "'domains':[" DC "]}", \
                "< S A1 desired {" TIED_S "'domains':[" DS "]}", C_SAYS("IDENTIFIED"), \
                S_SAYS("IDENTIFIED"), \
                "< V A1 {'status':'IDENTIFIED','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}", \
                "< V A1 {'status':'RUNNING','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}", \
                CMD("DOWNLOAD"), OK2("DOWNLOAD_SUCCESS"), CMD("UPDATE"), OK2("UPDATE_SUCCESS"), \
                CMD("ACTIVATE")

START_TEST(a_baseline_goes_back_as_a_whole_when_a_member_cannot_be_activated)
{
        static const char *const lines[] = {
                TO_TIED_ACTIVATE,
                "> S A1 {'status':'ACTIVATION_FAILURE','message':'bad slot'}",
                "< S A1 ROLLBACK",
                C_SAYS("ACTIVATION_SUCCESS"),
                "< C A1 ROLLBACK",
                "> S A1 {'status':'ROLLBACK_SUCCESS'}",
                "< S A1 CLEANUP",
                CLEAN("S"),
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," WAITED("CLEANUP") "the update process is incompleted: "
                                                               "[self-update]: bad slot','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(a_baseline_that_cannot_go_back_is_reported_inconsistent)
{
        static const char *const lines[] = {
                TO_TIED_ACTIVATE,
                "> S A1 {'status':'ACTIVATION_FAILURE','message':'bad slot'}",
                "< S A1 ROLLBACK",
                C_SAYS("ACTIVATION_SUCCESS"),
                "< C A1 ROLLBACK",
                "> S A1 {'status':'ROLLBACK_SUCCESS'}",
                "< S A1 CLEANUP",
                CLEAN("S"),
                "> C A1 {'status':'ROLLBACK_FAILURE','message':'no disk'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE_INCONSISTENT'," WAITED("CLEANUP") "the update process is incompleted: [containers]: neither old nor new: no disk; "
                                                                            "[self-update]: bad slot','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(a_domain_in_several_baselines_is_told_their_titles_one_after_the_other)
{
#define TWO "{'id':'containers','components':[{'id':'a'},{'id':'b'},{'id':'c'}]}"
#define TWO_BASELINES \
        "'baselines':[{'title':'x','components':['containers:b']}," \
        "{'title':':remaining','components':['containers:a','containers:c']}],"
        static const char *const lines[] = {
                "> V A1 {'baselines':[{'title':'x','components':['containers:b']}],'domains':[" TWO
                "]}",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {" TWO_BASELINES "'domains':[" TWO "]}",
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                "< V A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                "< V A1 {'status':'RUNNING','actions':[" AC("IDENTIFIED") "]}",
                "< C A1 DOWNLOAD x",
                "> C A1 {'status':'DOWNLOAD_SUCCESS','baseline':'x'}",
                "< C A1 DOWNLOAD :remaining",
                "> C A1 {'status':'DOWNLOAD_SUCCESS','baseline':'x'}", /* an echo */
                "> C A1 {'status':'DOWNLOAD_SUCCESS','baseline':':remaining'}",
                "< C A1 UPDATE x",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(the_boot_that_an_agent_asks_for_comes_before_the_report_and_is_verified)
{
#define AFTER_BOOT RUNNING("UPDATE_SUCCESS", "UPDATE_SUCCESS")
#define TO_BOOT \
        TO_UPDATED, CMD("ACTIVATE"), "> S A1 reboot", OK2("ACTIVATION_SUCCESS"), ". 1s", "< reboot", \
                "> boot", "< S A1 VERIFY"
        static const struct orchestrator_agent asking[] = {
                { .domain = "containers" },
                { .domain = "self-update" },
        };
        static const char *const runs[] = {
                TO_BOOT,
                "> S A1 {'status':'VERIFY_SUCCESS'}",
                AFTER_BOOT,
                CMD("CLEANUP"),
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'COMPLETED','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };
        static const char *const cannot[] = {
                TO_BOOT,
                "> S A1 refuses command 95",
                AFTER_BOOT,
                CMD("CLEANUP"),
                NULL,
        };
        static const char *const fell_back[] = {
                TO_BOOT,
                "> S A1 {'status':'VERIFY_FAILURE','message':'booted the old slot'}",
                "< S A1 ROLLBACK",
                AFTER_BOOT,
                "< C A1 CLEANUP",
                "> S A1 {'status':'ROLLBACK_SUCCESS'}",
                "< S A1 CLEANUP",
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'INCOMPLETE','message':'the update process is incompleted: "
                    "[self-update]: booted the old slot','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(runs, c->reboot_enabled = true; c->agents = asking);
        RUN(cannot, c->reboot_enabled = true);
        RUN(fell_back, c->reboot_enabled = true);
}
END_TEST

START_TEST(a_boot_that_does_not_come_fails_who_asked_for_it)
{
        static const char *const lines[] = {
                TO_UPDATED,
                CMD("ACTIVATE"),
                "> S A1 reboot",
                OK2("ACTIVATION_SUCCESS"),
                ". 1s",
                "< reboot",
                "> reboot fails",
                "< S A1 ROLLBACK",
                "< C A1 CLEANUP",
                NULL,
        };

        RUN(lines, c->reboot_enabled = true);
}
END_TEST

START_TEST(preconditions_are_waited_for_and_named)
{
#define WITH "'baselines':[{'title':'b','preconditions':'AND(mode=PARK,battery>75)',"
#define WAITING \
        "> V A1 {" WITH "'components':['containers:hello-world']}],'domains':[" DC "]}", \
                "< V A1 {'status':'IDENTIFYING'}", \
                "< C A1 desired {" WITH "'components':['containers:hello-world']}],'domains':[" DC "]}", \
                C_SAYS("IDENTIFIED"), "< V A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}", \
                "< V A1 {'status':'RUNNING','actions':[" AC("IDENTIFIED") "]}", "< C A1 DOWNLOAD", \
                "> fact battery 40", C_SAYS("DOWNLOAD_SUCCESS"), \
                "< V A1 {'status':'RUNNING','message':'[b]: waiting for mode=PARK (unknown) and " \
                "battery>75 (is 40)','actions':[" AC("DOWNLOAD_SUCCESS") "]}"
        static const char *const met[] = {
                WAITING,
                "> fact mode PARK",
                ". 1m",
                "> fact battery 76",
                "< C A1 UPDATE",
                NULL,
        };
        static const char *const not_met[] = {
                WAITING,
                "> fact mode PARK",
                ". 30m",
                "< C A1 ROLLBACK",
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," WAITED("ACTIVATE") "the update process is incompleted: "
                                                                "[b]: precondition not met in 30m0s: battery>75 (is 40)','actions':[" AC("DOWNLOAD_SUCCESS") "]"),
                NULL,
        };

        RUN(met, );
        RUN(not_met, );
}
END_TEST

START_TEST(cancel_undoes_what_is_not_finished)
{
        static const char *const lines[] = {
                TO_DOWNLOADED,
                CMD("UPDATE"),
                C_SAYS("UPDATE_SUCCESS"),
                "> cancel A1",
                "< S A1 cancel",
                "< C A1 ROLLBACK",
                "> S A1 refuses cancel 95",
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                S_SAYS("UPDATE_SUCCESS"),
                "< S A1 ROLLBACK",
                "> S A1 {'status':'ROLLBACK_SUCCESS'}",
                "< S A1 CLEANUP",
                CLEAN("S"),
                END("'status':'INCOMPLETE','message':'cancelled by request','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(an_agent_that_dies_fails_its_domain_and_cleans_up_when_it_is_back)
{
        static const char *const lines[] = {
                ID2,
                "> C dies",
                S_SAYS("DOWNLOAD_SUCCESS"),
                "< S A1 UPDATE",
                "> C starts",
                "< C A1 CLEANUP",
                CLEAN("C"),
                S_SAYS("UPDATE_SUCCESS"),
                "< S A1 ACTIVATE",
                S_SAYS("ACTIVATION_SUCCESS"),
                "< S A1 CLEANUP",
                CLEAN("S"),
                END("'status':'INCOMPLETE','message':'the update process is incompleted: "
                    "[containers]: the agent died','actions':" ACS("IDENTIFIED", "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(progress_is_reported_once_per_window_and_only_when_it_changed)
{
        static const char *const lines[] = {
                ID2,
                C_SAYS("DOWNLOADING"),
                ". 1s",
                "< V A1 {'status':'RUNNING','actions':" ACS("DOWNLOADING", "IDENTIFIED") "}",
                ". 2s",
                C_SAYS("DOWNLOADING"),
                ". 500ms",
                S_SAYS("DOWNLOADING"),
                "< V A1 {'status':'RUNNING','actions':" ACS("DOWNLOADING", "DOWNLOADING") "}",
                NULL,
        };
        static const char *const none[] = {
                START2,
                C_SAYS("IDENTIFIED"),
                S_SAYS("IDENTIFIED"),
                "< V A1 {'status':'IDENTIFIED','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}",
                CMD("DOWNLOAD"),
                C_SAYS("DOWNLOADING"),
                NULL,
        };

        RUN(lines, c->report_interval_usec = USEC_PER_SEC);
        RUN(none, c->report_interval_usec = 0);
}
END_TEST

START_TEST(a_crash_at_the_end_repeats_nothing_once_it_is_written_down)
{
        static const char *const lines[] = {
                BEGIN("A1"),
                "> C A1 {'status':'IDENTIFIED'}",
                "< V A1 {'status':'IDENTIFIED'}",
                END("'status':'COMPLETED'"),
                "> crash",
                "> V A1 {'domains':[" DC "]}",
                "< V A1 {'status':'COMPLETED'}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(the_table_of_transitions_is_the_one_that_is_written_down)
{
        CLEANUP_FREE char *expected = NULL;
        CLEANUP_FREE char *printed = NULL;
        const char *top = getenv("top_srcdir");
        CLEANUP_CLOSE int dir = open(top ? top : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t length = 0;
        FILE *f = open_memstream(&printed, &length);

        ck_assert_ptr_nonnull(f);
        unit_print_table(f);
        fclose(f);
        ck_assert_int_eq(file_read_at(dir, "tests/data/unit-transitions.txt", 65536, &expected, NULL),
                         0);
        ck_assert_str_eq(printed, expected);
}
END_TEST

UNIT_MAIN("orchestrator", g1_two_domains_run_through_all_phases,
          g1_the_device_boots_after_the_report_where_the_configuration_says_so,
          g1_a_cleanup_that_fails_is_not_completed, g2_a_domain_with_nothing_to_do_gets_no_command,
          g3_nothing_to_do_at_all, g3_an_unknown_domain_beside_a_known_one_is_reported,
          g4_only_unknown_domains, g4_an_input_that_cannot_be_read_is_answered_with_the_reason,
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
          g19_termination_is_resumed_otherwise,
          a_baseline_goes_back_as_a_whole_when_a_member_cannot_be_activated,
          a_baseline_that_cannot_go_back_is_reported_inconsistent,
          a_domain_in_several_baselines_is_told_their_titles_one_after_the_other,
          the_boot_that_an_agent_asks_for_comes_before_the_report_and_is_verified,
          a_boot_that_does_not_come_fails_who_asked_for_it, preconditions_are_waited_for_and_named,
          cancel_undoes_what_is_not_finished,
          an_agent_that_dies_fails_its_domain_and_cleans_up_when_it_is_back,
          progress_is_reported_once_per_window_and_only_when_it_changed,
          a_crash_at_the_end_repeats_nothing_once_it_is_written_down,
          the_table_of_transitions_is_the_one_that_is_written_down)
