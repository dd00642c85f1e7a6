/* SPDX-License-Identifier: Apache-2.0
 *
 * golden - what the scenarios have in common: the configuration of the recordings, and their
 macros */
#pragma once

#include "host/util/time.h"
#include "tests/unit/scenario.h"

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
#define BECAUSE "'message':'the update process is incompleted"
#define RUNNING(c, s) "< V A1 {'status':'RUNNING','actions':" ACS(c, s) "}"
#define END(p) "< V A1 {" p "}", "< inventory A1"
#define WAITED(x) "'message':'failed to wait for command `" x "` signal: "

#define BEGIN(id) \
        "> V " id " {'domains':[" DC "]}", "< V " id " {'status':'IDENTIFYING'}", \
                "< C " id " desired {'domains':[" DC "]}"
