/* SPDX-License-Identifier: Apache-2.0
 *
 * registration - one agent or connector, as the fragments of conf.d together describe it
 *
 *     key          value                                              default
 *     agent        id of an agent; or                                 one of the two is there
 *     connector    id of a connector
 *     domain       the domain that an agent serves                    its id
 *     plugin       name of the .so, [a-z0-9-]{1,32}, never a path     required
 *     enabled      whether it runs                                    false
 *     isolation    "process" or "none"                                "process"
 *     services     array of "spawn", "mqtt": what it is granted       []
 *     topics       array of MQTT filters, limits of "mqtt"            []
 *     settings     object, for the plugin                             {}
 *     user         user that its process runs as                      the daemon's
 *     limits       object: memory, openFiles, processes, cpuSeconds   the daemon's
 *     seccomp      whether its process gets a system call filter      false
 *     x-...        anything: for other programs
 *
 * Keys are closed: any other is an error, since a typo is the commonest fault. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config/fragment.h"

enum registration_state {
        REGISTRATION_STATE_ENABLED = 1, /* is to run */
        REGISTRATION_STATE_DISABLED,
        REGISTRATION_STATE_BAD_CONFIG, /* cannot run; `message` says why */
        REGISTRATION_STATE_SHADOWED, /* enabled, but another one serves the domain; see `message` */
};

enum {
        REGISTRATION_SERVICE_SPAWN = 1 << 0,
        REGISTRATION_SERVICE_MQTT = 1 << 1,
};

enum {
        REGISTRATION_TOPICS_MAX = 64,
        REGISTRATION_TOPIC_BYTES_MAX = 1024,        /* UB_MAX_TOPIC */
        REGISTRATION_SETTINGS_BYTES_MAX = 1024 * 1024, /* UB_MAX_JSON */
};

/* 0: not limited here */
struct registration_limits {
        uint64_t memory_bytes;
        uint64_t open_files;
        uint64_t processes;
        uint64_t cpu_sec;
};

/* Owns everything but the fragments.  In state BAD_CONFIG only id, role, state, message, effective
 * and the fragments mean something. */
struct registration {
        char *id;
        enum fragment_role role;
        enum registration_state state;
        char *message;             /* NULL unless BAD_CONFIG or SHADOWED */

        char *plugin;
        char *domain;              /* NULL: a connector */
        bool enabled;              /* as configured; `state` is what counts */
        bool isolated;
        bool seccomp;
        unsigned services;         /* REGISTRATION_SERVICE_* */
        char **topics;             /* ends with NULL; NULL: none */
        char *settings; /* one JSON object as text, never NULL after registration_read() */
        char *user;                /* NULL: the daemon's own */
        struct registration_limits limits;

        struct json *effective;    /* the fragments merged */
        struct fragment *
                *fragments; /* in the order of merging; the elements are borrowed from confd */
        size_t n_fragments;
};

int registration_new(const char *id, enum fragment_role role, struct registration **ret);
struct registration *registration_free(struct registration *registration);
DEFINE_FREEP(struct registration, registration);

/* Adds a fragment, borrowed, and merges its content when it has one.  0; -ENOMEM. */
int registration_add(struct registration *registration, struct fragment *fragment);

/* Called for each fault: error or warning, JSON pointer of the value in the effective object. */
typedef void (*registration_fault_fn)(void *data, bool error, const char *pointer,
                                      const char *text);

/* Fills the typed members from the effective object.  Every fault goes to fn, and its member keeps
 * the default.  0; -ENOMEM. */
int registration_read(struct registration *registration, registration_fault_fn fn, void *data);

/* Reports the unknown keys of one fragment.  Asked of each fragment, not of what they make
 * together, so that a typo in a null that should remove something is found too.  0; -ENOMEM. */
int registration_check_keys(const struct json *fragment, registration_fault_fn fn, void *data);

/* "enabled", "disabled", "bad-config", "shadowed" */
const char *registration_state_to_string(enum registration_state state);
const char *
registration_role_to_string(enum fragment_role role); /* the key: "agent", "connector" */
