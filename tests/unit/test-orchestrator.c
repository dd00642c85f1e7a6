/* SPDX-License-Identifier: Apache-2.0
 *
 * What the orchestrator does beyond Kanto's update manager: baselines, boots, preconditions,
 recovery. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "host/json/scan.h"
#include "host/model/desired_state.h"
#include "host/model/feedback.h"
#include "host/orchestrator/orchestrator.h"
#include "host/orchestrator/unit.h"
#include "host/util/file.h"
#include "tests/unit/golden.h"
#include "tests/unit/unit.h"

/* ------------------------------------------------------------------------------- baselines and
beyond */

#define TIED \
        "'baselines':[{'title':'b','components':['containers:hello-world','self-update:os-image']" \
        "}]"
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

/* What is said before it is about the other domain. */
#define BAD_SLOT(before) \
        WAITED("CLEANUP") \
        "the update process is incompleted: " before \
        "[self-update]: bad slot','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")

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
                END("'status':'INCOMPLETE'," BAD_SLOT("")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

#define NOT_FOUND "[self-update]: 404','actions':" ACS("IDENTIFIED", "IDENTIFIED")

/* Its CLEANUP failed, and then it says that it went on.  Asked to roll that back, it ends with the
 * same word, which is an answer by then. */
START_TEST(completed_in_a_baseline_that_goes_back_is_rolled_back_once)
{
        static const char *const lines[] = {
                "> V A1 {" TIED ",'domains':[" DC "," DS "]}",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {" TIED_C "'domains':[" DC "]}",
                "< S A1 desired {" TIED_S "'domains':[" DS "]}",
                C_SAYS("IDENTIFIED"),
                "> S A1 {'status':'IDENTIFIED','actions':[" AS("IDENTIFIED") "]}",
                "< V A1 {'status':'IDENTIFIED','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}",
                "< V A1 {'status':'RUNNING','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}",
                CMD("DOWNLOAD"),
                "> S A1 {'status':'DOWNLOAD_FAILURE','message':'404'}",
                "< C A1 cancel",
                "< S A1 CLEANUP",
                "> S A1 {'status':'CLEANUP_FAILURE'}",
                "> S A1 {'status':'COMPLETED'}",
                "< S A1 ROLLBACK",
                "> S A1 {'status':'ROLLBACK_SUCCESS'}",
                "< S A1 CLEANUP",
                "> S A1 {'status':'COMPLETED'}",
                "> C A1 {'status':'DOWNLOAD_SUCCESS'}",
                "< C A1 ROLLBACK",
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," WAITED("UPDATE") "the update process is incompleted: " NOT_FOUND),
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
                END("'status':'INCOMPLETE_INCONSISTENT'," BAD_SLOT(
                        "[containers]: neither old nor new: no disk; ")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

/* Agents of updates that Kanto's manager drives have to say INCOMPLETE after a rollback. */
START_TEST(a_baseline_that_cannot_go_back_is_inconsistent_also_when_the_agent_calls_it_incomplete)
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
                "> C A1 {'status':'INCOMPLETE','message':'not rolled back'}",
                END("'status':'INCOMPLETE_INCONSISTENT'," BAD_SLOT(
                        "[containers]: neither old nor new: no disk; ")),
                NULL,
        };

        RUN(lines, );
}
END_TEST

#define TO_TIED_DOWNLOAD \
        "> V A1 {" TIED ",'domains':[" DC "," DS "]}", "< V A1 {'status':'IDENTIFYING'}", \
                "< C A1 desired {" TIED_C "'domains':[" DC "]}", \
                "< S A1 desired {" TIED_S "'domains':[" DS "]}", C_SAYS("IDENTIFIED"), \
                S_SAYS("IDENTIFIED"), \
                "< V A1 {'status':'IDENTIFIED','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}", \
                "< V A1 {'status':'RUNNING','actions':" ACS("IDENTIFIED", "IDENTIFIED") "}", \
                CMD("DOWNLOAD")
#define NOT_FOUND_BY_THEN(actions) \
        WAITED("UPDATE") \
        "the update process is incompleted: [self-update]: 404','actions':" actions
#define REFUSED_AS_BUSY "< C A1 ROLLBACK", "> C A1 refuses command 16"

START_TEST(who_is_busy_with_cancel_is_not_given_up)
{
        /* Its word crossed the CANCEL, which it is at when the ROLLBACK comes. */
        static const char *const over[] = {
                TO_TIED_DOWNLOAD,
                "> S A1 {'status':'DOWNLOAD_FAILURE','message':'404'}",
                "< C A1 cancel",
                "< S A1 CLEANUP",
                C_SAYS("DOWNLOAD_SUCCESS"),
                REFUSED_AS_BUSY,
                CLEAN("S"),
                "> C A1 {'status':'INCOMPLETE'}",
                END("'status':'INCOMPLETE'," NOT_FOUND_BY_THEN(
                        ACS("DOWNLOAD_SUCCESS", "IDENTIFIED"))),
                NULL,
        };
        /* Nobody knows what this one has done, so it is to ROLLBACK after all. */
        static const char *const touched[] = {
                TO_TIED_DOWNLOAD,
                "> crash",
                "< C A1 get",
                "< S A1 get",
                "> C A1 refuses get 2",
                "< C A1 desired {" TIED_C "'domains':[" DC "]}",
                "> S A1 {'status':'DOWNLOAD_FAILURE','message':'404'}",
                "< C A1 cancel",
                "< S A1 CLEANUP",
                C_SAYS("IDENTIFIED"),
                "< C A1 ROLLBACK",
                RUNNING("IDENTIFIED", "IDENTIFIED"),
                "> C A1 refuses command 16",
                CLEAN("S"),
                "> C A1 {'status':'INCOMPLETE'}",
                "< C A1 ROLLBACK",
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," NOT_FOUND_BY_THEN(ACS("IDENTIFIED", "IDENTIFIED"))),
                NULL,
        };

        RUN(over, );
        RUN(touched, );
}
END_TEST

START_TEST(who_is_busy_with_an_earlier_step_rolls_back_behind_it)
{
#define TO_SLOW_ACTIVATE \
        TO_TIED_ACTIVATE, "> S A1 {'status':'ACTIVATION_FAILURE','message':'bad slot'}", \
                "< S A1 ROLLBACK", ". 3s", "> S A1 {'status':'ROLLBACK_SUCCESS'}", \
                "< S A1 CLEANUP", CLEAN("S"), ". 1s"
        static const char *const lines[] = {
                TO_SLOW_ACTIVATE,
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATING"),
                C_SAYS("ACTIVATION_SUCCESS"),
                "< C A1 ROLLBACK",
                "> C A1 {'status':'ROLLBACK_SUCCESS'}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE'," BAD_SLOT("[containers]: not received in 4s; ")),
                NULL,
        };
        static const char *const for_ever[] = {
                TO_SLOW_ACTIVATE,
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                C_SAYS("ACTIVATION_SUCCESS"),
                REFUSED_AS_BUSY,
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'INCOMPLETE_INCONSISTENT'," BAD_SLOT(
                        "[containers]: neither old nor new: not received in 4s; ")),
                NULL,
        };

        RUN(lines, );
        RUN(for_ever, );
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
                END("'status':'INCOMPLETE'," BECAUSE ": "
                    "[self-update]: booted the old slot','actions':" ACS("UPDATE_SUCCESS",
                                                                         "UPDATE_SUCCESS")),
                NULL,
        };

        RUN(runs, c->reboot_enabled = true; c->agents = asking);
        RUN(cannot, c->reboot_enabled = true);
        RUN(fell_back, c->reboot_enabled = true);
}
END_TEST

START_TEST(an_agent_that_dies_while_it_looks_at_what_booted_looks_again_once)
{
        static const char *const again[] = {
                TO_BOOT,
                "> S dies",
                "> S starts",
                "< S A1 VERIFY",
                "> S A1 {'status':'VERIFY_SUCCESS'}",
                AFTER_BOOT,
                CMD("CLEANUP"),
                CLEAN("C"),
                CLEAN("S"),
                END("'status':'COMPLETED','actions':" ACS("UPDATE_SUCCESS", "UPDATE_SUCCESS")),
                NULL,
        };
        static const char *const too_often[] = {
                TO_BOOT,
                "> S dies",
                "> S starts",
                "< S A1 VERIFY",
                "> S dies",
                AFTER_BOOT,
                "< C A1 CLEANUP",
                "> S starts",
                "< S A1 ROLLBACK",
                NULL,
        };

        RUN(again, c->reboot_enabled = true);
        RUN(too_often, c->reboot_enabled = true);
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

START_TEST(a_boot_that_an_agent_asked_for_by_hand_outlives_the_daemon)
{
        static const char *const lines[] = {
                "> reboot due",
                "> crash",
                "> V A1 {'domains':[" DC "]}", /* waits: it would be cut short */
                ". 1s",
                "< reboot",
                "> boot",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {'domains':[" DC "]}",
                NULL,
        };
        static const char *const fails[] = {
                "> reboot due",
                ". 1s",
                "< reboot",
                "> reboot fails",
                BEGIN("A1"),
                "> reboot due", /* comes too late */
                ". 3s",
                NULL,
        };

        RUN(lines, );
        RUN(fails, );
}
END_TEST

START_TEST(preconditions_are_waited_for_and_named)
{
#define NOT_MET \
        WAITED("ACTIVATE") \
        "the update process is incompleted: " \
        "[b]: precondition not met in 30m0s: battery>75 (is 40)','actions':[" AC( \
                "DOWNLOAD_SUCCESS") "]"
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
                END("'status':'INCOMPLETE'," NOT_MET),
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
                END("'status':'INCOMPLETE','message':'cancelled by request','actions':" ACS(
                        "UPDATE_SUCCESS", "UPDATE_SUCCESS")),
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
                END("'status':'INCOMPLETE'," BECAUSE ": "
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

START_TEST(a_crash_repeats_the_end_until_it_has_arrived)
{
        static const char *const lines[] = {
                BEGIN("A1"),
                "> C A1 {'status':'IDENTIFIED'}",
                "< V A1 {'status':'IDENTIFIED'}",
                END("'status':'COMPLETED'"),
                "> crash",
                "< V A1 {'status':'COMPLETED'}",
                "> delivered A1",
                "> crash",
                "> V A1 {'domains':[" DC "]}",
                "< V A1 {'status':'COMPLETED'}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(the_next_activity_does_not_wait_until_the_end_of_the_last_one_has_arrived)
{
        static const char *const lines[] = {
                BEGIN("A1"),
                "> C A1 {'status':'IDENTIFIED'}",
                "< V A1 {'status':'IDENTIFIED'}",
                END("'status':'COMPLETED'"),
                BEGIN("A2"),
                "> C A2 {'status':'IDENTIFIED'}",
                "< V A2 {'status':'IDENTIFIED'}",
                "< V A2 {'status':'COMPLETED'}",
                "< inventory A2",
                "> delivered A2",
                "> crash",
                "< V A1 {'status':'COMPLETED'}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

START_TEST(an_agent_that_will_not_come_up_fails_its_domain_at_once)
{
        static const char *const lines[] = {
                "> S fails",
                "> V A1 {'domains':[" DC "," DS "]}",
                "< V A1 {'status':'IDENTIFYING'}",
                "< C A1 desired {'domains':[" DC "]}",
                "> C A1 {'status':'IDENTIFIED','actions':[" AC("IDENTIFIED") "]}",
                "< C A1 CLEANUP",
                CLEAN("C"),
                END("'status':'IDENTIFICATION_FAILED'," WAITED("DOWNLOAD") "[self-update]: the agent "
                                                                           "cannot run: no such "
                                                                           "file','actions':[" AC(
                                                                                   "IDENTIFIED") "]"),
                "> S starts",
                "> V A2 {'domains':[" DS "]}",
                "< V A2 {'status':'IDENTIFYING'}",
                "< S A2 desired {'domains':[" DS "]}",
                NULL,
        };

        RUN(lines, );
}
END_TEST

static void give(struct orchestrator *o, const struct event *event, struct effects *effects)
{
        effects_done(effects);
        *effects = (struct effects)EFFECTS_INIT;
        ck_assert_int_eq(orchestrator_step(o, event, effects), 0);
}

static struct desired_state *read_desired(const char *text)
{
        const struct scan_rules rules = { .max_bytes = 4096, .max_depth = 16, .object = true };
        CLEANUP_JSON struct json *root = NULL;
        struct desired_state *desired = NULL;

        ck_assert_int_eq(json_parse(text, strlen(text), &rules, NULL, NULL, &root), 0);
        ck_assert_int_eq(desired_state_read(root, NULL, &desired), 0);
        return desired;
}

/* Whatever an agent has to say about its components: how it stands arrives. */
START_TEST(feedback_that_is_too_long_leaves_without_its_actions)
{
        enum { N = 150, LENGTH = 60 * 1024 };
        static struct action actions[N];
        static char ids[N][16];
        const struct orchestrator_agent agent = { .domain = "d" };
        const struct orchestrator_config config = { .agents = &agent, .n_agents = 1 };
        static char none[] = "";
        static char version[] = "1";
        static char word[] = "IDENTIFIED";
        struct feedback feedback = {
                .status = STATUS_IDENTIFIED, .baseline = none, .message = none
        };
        CLEANUP(orchestrator_freep) struct orchestrator *o = NULL;
        CLEANUP_FREE char *message = malloc(LENGTH + 1);
        struct effects effects = EFFECTS_INIT;
        const char *told = NULL;
        size_t i;

        ck_assert_ptr_nonnull(message);
        memset(message, 'x', LENGTH);
        message[LENGTH] = '\0';
        for (i = 0; i < N; i++) {
                (void)snprintf(ids[i], sizeof(ids[i]), "d:c%zu", i);
                actions[i] = (struct action){ .id = ids[i],
                                              .version = version,
                                              .status = word,
                                              .message = message };
        }
        feedback.actions = actions;
        feedback.n_actions = N;
        ck_assert_int_eq(orchestrator_new(&config, &o), 0);
        give(o, &(struct event){ .kind = EVENT_START }, &effects);
        give(o, &(struct event){ .kind = EVENT_AGENT_STARTED, .domain = "d" }, &effects);
        give(o,
             &(struct event){ .kind = EVENT_DESIRED_STATE,
                              .activity = "A1",
                              .desired = read_desired("{\"domains\":[{\"id\":\"d\",\"components\":"
                                                      "[{\"id\":\"c0\",\"version\":\"1\"}]}]}") },
             &effects);
        give(o,
             &(struct event){ .kind = EVENT_FEEDBACK,
                              .domain = "d",
                              .activity = "A1",
                              .feedback = &feedback },
             &effects);
        for (i = 0; i < effects.n; i++)
                if (effects.items[i].kind == EFFECT_FEEDBACK && !told)
                        told = effects.items[i].text;
        ck_assert_pstr_eq(told, "{\"status\":\"IDENTIFIED\"}");
        effects_done(&effects);
}
END_TEST

/* Nobody can carry it out, so that it is over at once.  True: it was run, false: only answered. */
static bool run_through(struct orchestrator *o, const char *activity)
{
        struct effects effects = EFFECTS_INIT;
        bool ran = false;
        size_t i;

        give(o,
             &(struct event){ .kind = EVENT_DESIRED_STATE,
                              .activity = activity,
                              .desired = read_desired("{\"domains\":[{\"id\":\"d\"}]}") },
             &effects);
        for (i = 0; i < effects.n; i++)
                ran |= effects.items[i].kind == EFFECT_INVENTORY;
        give(o, &(struct event){ .kind = EVENT_DELIVERED, .activity = activity }, &effects);
        effects_done(&effects);
        return ran;
}

/* A retained desired state comes at every connect, however many others there were meanwhile. */
START_TEST(an_id_that_is_asked_for_is_not_forgotten)
{
        const struct orchestrator_config config = { .n_agents = 0 };
        CLEANUP(orchestrator_freep) struct orchestrator *o = NULL;
        struct effects effects = EFFECTS_INIT;
        char id[32];
        int i;

        ck_assert_int_eq(orchestrator_new(&config, &o), 0);
        give(o, &(struct event){ .kind = EVENT_START }, &effects);
        effects_done(&effects);
        ck_assert(run_through(o, "retained"));
        for (i = 0; i < 100; i++) {
                (void)snprintf(id, sizeof(id), "other-%d", i);
                ck_assert(run_through(o, id));
                if (i % 20 == 0)
                        ck_assert(!run_through(o, "retained"));
        }
        ck_assert(run_through(o, "other-0")); /* which nobody asked for, is */
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
        ck_assert_int_eq(file_read_at(dir, "tests/data/unit-transitions.txt", 65536, &expected,
                                      NULL),
                         0);
        ck_assert_str_eq(printed, expected);
}
END_TEST

UNIT_MAIN("orchestrator", a_baseline_goes_back_as_a_whole_when_a_member_cannot_be_activated,
          completed_in_a_baseline_that_goes_back_is_rolled_back_once,
          a_baseline_that_cannot_go_back_is_reported_inconsistent,
          a_baseline_that_cannot_go_back_is_inconsistent_also_when_the_agent_calls_it_incomplete,
          who_is_busy_with_cancel_is_not_given_up,
          who_is_busy_with_an_earlier_step_rolls_back_behind_it,
          a_domain_in_several_baselines_is_told_their_titles_one_after_the_other,
          the_boot_that_an_agent_asks_for_comes_before_the_report_and_is_verified,
          an_agent_that_dies_while_it_looks_at_what_booted_looks_again_once,
          a_boot_that_does_not_come_fails_who_asked_for_it,
          a_boot_that_an_agent_asked_for_by_hand_outlives_the_daemon,
          preconditions_are_waited_for_and_named, cancel_undoes_what_is_not_finished,
          an_agent_that_dies_fails_its_domain_and_cleans_up_when_it_is_back,
          progress_is_reported_once_per_window_and_only_when_it_changed,
          a_crash_repeats_the_end_until_it_has_arrived,
          the_next_activity_does_not_wait_until_the_end_of_the_last_one_has_arrived,
          an_agent_that_will_not_come_up_fails_its_domain_at_once,
          feedback_that_is_too_long_leaves_without_its_actions,
          an_id_that_is_asked_for_is_not_forgotten,
          the_table_of_transitions_is_the_one_that_is_written_down)
