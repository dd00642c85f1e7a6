/* SPDX-License-Identifier: Apache-2.0
 *
 * settings-file - the reader of config.json, and the two settings that are more than one value */
#pragma once

#include <stddef.h>

#include "host/config/setting.h"

struct settings;

extern const struct setting_type settings_type_agents; /* struct settings_agents */
extern const struct setting_type settings_type_facts;  /* struct settings_facts */

/* Reads a text into settings that have no path yet.  Faults go to the problems.  0; -ENOMEM. */
int settings_file_read(struct settings *settings, const char *path, const char *text,
                       size_t length);
