/* SPDX-License-Identifier: Apache-2.0
 *
 * abi - the plugin ABI as the host sees it: always the newest minor */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED UB_ABI_MINOR
#endif
#include <update-broker/plugin.h>
