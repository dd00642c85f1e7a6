/* SPDX-License-Identifier: Apache-2.0
 *
 * exports the entry's name as a variable: calling it would run its bytes */
__attribute__((visibility("default"))) extern const int ub_plugin_v1;

const int ub_plugin_v1 = 1;
