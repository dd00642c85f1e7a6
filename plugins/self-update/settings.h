/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - what a registration says about the self-update agent
 *
 * ub-plugin-self-update(7) explains each of them; the schema in settings-schema.c is checked when
 * the registration is read.  Times are texts ("1m30s", "500ms") or numbers of milliseconds; sizes
 * are numbers of bytes or texts ("64M", "2G").
 *
 * Plain data in fixed sizes, copied by assignment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

enum {
        SETTINGS_PATH_MAX = 512,
        SETTINGS_NAME_MAX = 128,
        SETTINGS_LIST_MAX = 16,
};

enum profile { PROFILE_LEDA = 0, PROFILE_KANTO };
enum mode { MODE_DOWNLOAD = 0, MODE_STREAM };
enum preflight { PREFLIGHT_AUTO = 0, PREFLIGHT_ON, PREFLIGHT_OFF };
enum verify { VERIFY_UPDATE = 0, VERIFY_DOWNLOAD };
enum read_back { READ_BACK_AUTO = 0, READ_BACK_REQUIRE, READ_BACK_OFF };
enum downgrade { DOWNGRADE_ALLOW = 0, DOWNGRADE_DENY, DOWNGRADE_SEMVER };
enum reboot_how { REBOOT_LOGIND = 0, REBOOT_NONE };
enum final_status { FINAL_BY_PROFILE = 0, FINAL_COMPLETE, FINAL_COMPLETED };
enum three { THREE_BY_PROFILE = 0, THREE_NO, THREE_YES };

struct settings_list {
        char text[SETTINGS_LIST_MAX][SETTINGS_PATH_MAX];
        size_t n;
};

struct settings {
        enum profile profile;
        char component[SETTINGS_NAME_MAX];   /* "os-image" */
        char image_node[SETTINGS_NAME_MAX];  /* "": DOMAIN:COMPONENT */
        bool strict_components;              /* others in the domain are an error */
        enum mode mode;
        bool full_download; /* streaming cannot be done: download as a whole */
        enum preflight preflight; /* look at a remote bundle before it is downloaded */
        enum verify verify;
        enum read_back read_back;
        bool https_only;
        enum final_status final_status;
        bool rollback_feedback;
        enum three reject_out_of_order;
        bool report_after_reboot;
        bool details; /* of slots in the inventory */
        enum downgrade downgrade;
        char minimum_version[SETTINGS_NAME_MAX]; /* "": any */
        uint64_t max_failed_boots;               /* 0: never blocked */
        bool confirm_every_boot;
        enum reboot_how reboot; /* out of a slot that failed its checks */
        uint64_t reboot_after_usec;
        char folder[SETTINGS_PATH_MAX]; /* downloads */
        char boot_id_file[SETTINGS_PATH_MAX];
        char os_release[SETTINGS_PATH_MAX];

        struct {
                uint64_t max_bytes;
                uint64_t keep_free;
                uint64_t bytes_per_sec;
                uint64_t attempts;
                uint64_t retry_max_usec;
                uint64_t total_usec;
                uint64_t connect_usec;
                uint64_t silence_usec;
                uint64_t progress_usec; /* between two reports */
                char ca_file[SETTINGS_PATH_MAX];
                char cert_file[SETTINGS_PATH_MAX];
                char key_file[SETTINGS_PATH_MAX];
                char proxy[SETTINGS_PATH_MAX];        /* "": as the environment says */
                char headers_file[SETTINGS_PATH_MAX]; /* "Name: value" lines; "": none */
        } download;

        struct {
                char bus[SETTINGS_PATH_MAX]; /* address; "": the system's bus */
                bool autostart;
                uint64_t busy_usec;    /* how long to wait for somebody else's installation */
                uint64_t silence_usec; /* an installation without a sign of life has failed */
        } rauc;

        struct {
                char folder[SETTINGS_PATH_MAX]; /* executables; "": none */
                uint64_t timeout_usec;          /* until all is well */
                uint64_t interval_usec;         /* between two rounds */
                uint64_t run_usec;              /* of one executable */
                struct settings_list units;     /* of systemd that have to be active */
                struct settings_list writable;  /* folders */
                char url[SETTINGS_PATH_MAX * 2]; /* that can be fetched; "": none */
                bool mqtt;                      /* the daemon is connected */
        } health;

        struct {
                struct settings_list keys; /* files and folders; none: anybody may ask */
                uint64_t max_lifetime_usec;
        } request;

        struct {
                char not_before
                        [SETTINGS_NAME_MAX]; /* "": when os-release was written; "off"; a date */
                uint64_t wait_usec;
        } clock;

        struct {
                char folder[SETTINGS_PATH_MAX]; /* "": none */
                uint64_t interval_usec;         /* between two looks */
                bool install;                   /* without being asked */
                bool reboot;                    /* ... to the end */
        } watch;
};

extern const char settings_schema[];

/* -EBADMSG: error says what and where.  -ENOMEM.  On failure *ret is untouched. */
int settings_parse(const char *json, struct ub_error *error, struct settings *ret);

/* Questions that a profile answers when the registration does not. */
bool settings_rejects_out_of_order(const struct settings *settings);
const char *settings_final_status(const struct settings *settings);
