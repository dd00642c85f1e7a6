/* SPDX-License-Identifier: Apache-2.0
 *
 * radio - an agent whose work radio-agent does; see <update-broker/sdk/program.h> */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/sdk/program.h>

UB_PROGRAM_AGENT("radio", "1.0", "Firmware of the radio", "/usr/local/libexec/radio-agent")
