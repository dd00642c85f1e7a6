/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - the main configuration: config.json, the environment, the command line
 *
 * Later sources win: built-in default, file, environment variable, option.  Keys, options and
 * variables are Kanto's, whose files load unchanged, and ours; settings-table.c has them all.  The
 * file may have comments (fragment.h); its keys are found whatever the case of their letters, as Go
 * does.
 *
 * What happens to a fault depends on who asks:
 *
 *     fault                              at start               --check-config
 *     command line                       usage, exit status 2   the same
 *     file missing though named, no      error                  error
 *       JSON, a value of another type
 *     settings that cannot go together   error                  error
 *     a value that cannot be             warning, the default   error
 *     unknown key                        warning, ignored       error
 *     in a variable                      warning, ignored       error
 *
 * With errors nothing should be started; with warnings the device can still get the update that
 * mends its configuration.  Agents are a part of it that domain.h puts together with conf.d.
 *
 * Reads one file: not for the loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "host/config/arguments.h"
#include "host/config/problem.h"
#include "host/config/setting.h"
#include "host/util/address.h"
#include "host/util/cleanup.h"
#include "host/util/log-level.h"

struct domain;

enum {
        SETTINGS_BYTES_MAX = 1024 * 1024,
        SETTINGS_DEPTH_MAX = 16,
        SETTINGS_ROWS_MAX = 64,
        SETTINGS_AGENTS_MAX = 1024,
        SETTINGS_FACTS_MAX = 64,
};

enum settings_protocol { SETTINGS_PROTOCOL_3_1_1 = 0, SETTINGS_PROTOCOL_5 };

struct settings_log {
        char *file; /* "": none */
        enum log_level level;
        uint64_t file_megabytes;
        uint64_t file_count;   /* 0: any number */
        uint64_t max_age_days; /* 0: any age */
};

struct settings_connection {
        bool none;                 /* "connection": null; nothing else here counts then */
        char *broker;
        struct address url;     /* the same, taken apart */
        enum settings_protocol protocol;
        char *client_id;           /* "": made up */
        char *username;
        char *password;
        char *ca_cert;             /* a path; "" when there is no TLS */
        char *cert;                /* a path, or "" */
        char *key;                 /* a path, or "" */
        uint64_t keep_alive_usec;  /* below a second: none */
        uint64_t connect_timeout_usec;
        uint64_t disconnect_timeout_usec;
        uint64_t acknowledge_timeout_usec;
        uint64_t subscribe_timeout_usec;
        uint64_t unsubscribe_timeout_usec;
};

/* Where the value of a fact comes from that preconditions ask for. */
struct settings_fact {
        char *name;
        char *topic;
        char *pointer; /* into the message; "": all of it */
};

struct settings_facts {
        struct settings_fact *items;
        size_t n;
};

/* The "agents" of the file, in its order; domain.h says what becomes of them. */
struct settings_agents {
        struct domain *items;
        size_t n;
        bool given; /* also when there are none */
};

/* What the command line alone can say. */
struct settings_run {
        bool check_config;
        bool json;
        bool help;
        bool version;
        char *config_file; /* "": the standard one, if it is there */
        char **conf_dirs;
        char *state_dir;
        char *runtime_dir;
        char *plugin_dir;
        char *agent_host;
};

struct settings {
        struct settings_run run;
        struct settings_log log;
        struct settings_connection connection;
        struct settings_agents agents;
        struct settings_facts facts;
        char **domains;               /* NULL: all agents of the file; else those, see domain.h */
        char *domain;
        char *control_group;          /* "": root and the daemon's user only */
        char **reboot_command;        /* NULL: logind */
        unsigned owner_consent_steps; /* 1U << enum step */
        bool things_enabled;
        bool agent_topics;
        bool reboot_enabled;
        bool report_before_reboot;
        uint64_t reboot_after_usec;
        uint64_t report_feedback_interval_usec; /* 0: RUNNING is never reported */
        uint64_t current_state_delay_usec;      /* 0: at once */
        uint64_t phase_timeout_usec;            /* of silence */
        uint64_t phase_limit_usec;              /* 0: none */
        uint64_t precondition_timeout_usec;
        uint64_t owner_consent_timeout_usec;
        uint64_t history_size;

        char *path;                /* of the file that was read; NULL: none */
        char *text;                /* its content, with blanks for comments; NULL: cannot be used */
        size_t text_length;
        struct arguments arguments;
        const char *const *environment; /* borrowed from the caller of settings_load() */
        struct setting_origin origins[SETTINGS_ROWS_MAX]; /* one per row */
        struct problems problems;
};

struct settings_sources {
        int argc;
        char *const *argv;              /* borrowed for as long as the settings live */
        const char *const *environment; /* "NAME=value", ends in NULL; likewise */
};

/* 0, whatever is wrong with the file: that is in the problems.
 * -EINVAL: wrong usage, diag says what.  -ENOMEM. */
int settings_load(const struct settings_sources *sources, struct diag *diag, struct settings **ret);
struct settings *settings_free(struct settings *settings);
DEFINE_FREEP(struct settings, settings);

/* The same with a text in place of the file. */
int settings_load_text(const struct settings_sources *sources, const char *path, const char *text,
                       size_t length, struct diag *diag, struct settings **ret);

/* All rows. */
const struct setting *settings_rows(size_t *ret_n);

/* Sets a value, at base + the row's offset, from a text that is not the file's, and notes its
 * origin in
 * *to.  As the type's from_text(). */
int settings_set(const struct setting *row, enum setting_source source, const char *text,
                 void *base, struct setting_origin *to, struct diag *diag);

/* The value of an environment variable; NULL: it is not set. */
const char *settings_getenv(const struct settings *settings, const char *name);

/* Where the key at a JSON pointer stands; false: the file says nothing of it. */
bool settings_locate(const struct settings *settings, const char *pointer,
                     struct scan_position *ret);

/* Compares what two configurations amount to.  Fills ret, which has SETTINGS_ROWS_MAX places, with
 * the rows that differ, and *ret_effect with the gravest effect of them.  Their number; -ENOMEM. */
int settings_compare(const struct settings *before, const struct settings *after,
                     const struct setting **ret, enum setting_effect *ret_effect);

/* The options with their defaults. */
void settings_print_help(FILE *f);
