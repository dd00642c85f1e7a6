/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - what the administrator of the device allows the files agent
 *
 *     {"store": "/var/lib/update-broker/files",
 *      "targets": ["/opt/apps"],
 *      "adopt": false,
 *      "ca": "/etc/update-broker/files-ca.pem",
 *      "requireSignature": true,
 *      "commands": {"restart-app": {"argv": ["/bin/systemctl", "restart", "app.service"],
 *                                   "timeout": "1m"}},
 *      "limits": {"archiveBytes": 2147483648, "totalBytes": 4294967296, "entries": 100000,
 *                 "depth": 32, "pathBytes": 1024, "ratio": 200, "keepFreeBytes": 67108864},
 *      "specialFiles": "refuse", "setuid": "refuse",
 *      "download": {"timeout": "1h", "attempts": 5, "bytesPerSecond": 0,
 *                   "caFile": "", "certFile": "", "keyFile": ""}}
 *
 * A desired state comes from far away; which places of the file system it may reach and which
 * programs it may start is decided here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

enum setuid_policy {
        SETUID_REFUSE, /* an archive with such a file is refused */
        SETUID_STRIP,  /* unpacked without the bits */
        SETUID_KEEP,
};

/* A program that a component may name in "activate". */
struct program {
        char *name;
        char **argv; /* ends with NULL; argv[0] is an absolute path */
        uint64_t timeout_usec;
};

struct limits {
        uint64_t archive_bytes; /* of what is downloaded */
        uint64_t total_bytes;   /* of what is unpacked */
        uint64_t entries;
        uint64_t ratio; /* unpacked bytes for one of the archive */
        uint64_t keep_free_bytes;
        unsigned depth;
        size_t path_bytes;
};

struct settings {
        char *store;    /* absolute */
        char **targets; /* absolute folders, ends with NULL; NULL: none */
        bool adopt;     /* put aside what is at a target in place of refusing it */
        char *ca;       /* PEM file; NULL: no signature can be checked */
        bool require_signature;
        struct program *programs;
        size_t n_programs;
        struct limits limits;
        bool special_files; /* device nodes and FIFOs are unpacked */
        enum setuid_policy setuid;

        uint64_t download_timeout_usec; /* 0: none */
        uint64_t bytes_per_sec;
        uint32_t attempts;
        char *tls_ca;
        char *tls_cert;
        char *tls_key;
};

/* A JSON Schema of all that, for the host. */
extern const char settings_schema[];

/* Reads the text that create() gets.  id: of the agent; the store is named after it unless the
 * settings name one.  -EBADMSG and a sentence; -ENOMEM. */
int settings_parse(const char *json, const char *id, struct ub_error *error,
                   struct settings *ret);
void settings_done(struct settings *settings);

/* NULL: not allowed. */
const struct program *settings_program(const struct settings *settings, const char *name);

/* The folder of "targets" that this absolute path lies below, and in *ret_rest the path behind it.
 * NULL: none. */
const char *settings_target_folder(const struct settings *settings, const char *path,
                                   const char **ret_rest);
