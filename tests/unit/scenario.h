/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario - what goes into the orchestrator and must come out, line by line
 *
 * A line is one of
 *
 *     > V A1 {..}             a desired state          < V A1 {..}          feedback upward
 *     > V! A1 text            one that was refused     < C A1 desired {..}  to the agent of a domain
 *     > cancel A1                                      < C A1 DOWNLOAD [t]  a command, with its
 *                                                      baseline
 *     > C A1 {..}             feedback of an agent     < C A1 cancel
 *     > C A1 refuses WHAT N   errno N                  < C A1 get           feedback_get
 *     > C A1 reboot           asks for a boot          < inventory A1
 *     > C starts, > C dies                             < consent A1 UPDATE
 *     > owner A1 APPROVED                              < consent end A1
 *     > fact NAME [VALUE]                              < reboot
 *     > stop                                           < stopped
 *     > crash, > boot         and restart from the last record
 *     > reboot fails, > reboot due
 *     . 4s                    time passes
 *
 * where C is the agent "containers", S "self-update", ' stands for " and ` for '.  Everything that
 * the orchestrator lets out must be in the script, in this order, before the next thing that goes
 * in. */
#pragma once

#include "host/orchestrator/orchestrator.h"

/* Ends the test at the first difference, naming the line. */
void scenario_run(const struct orchestrator_config *config, const char *const *lines);
