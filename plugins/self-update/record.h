/* SPDX-License-Identifier: Apache-2.0
 *
 * record - what the agent keeps across crashes, power failures and reboots
 *
 * One versioned JSON object in the host's durable state, which is replaced as a whole and is on
 * disk when its sync has called back:
 *
 *     {"version":1,
 *      "activity":{...},   the one that runs, or ran last
 *      "pending":{...},    an activated slot that has not proven itself in a boot
 *      "confirmed":BOOT,   the boot that was marked good
 *      "blocked":[...],    bundles that failed to boot
 *      "used":[...],       signed requests that were begun, until they expire
 *      "history":[...]}    the last outcomes, newest first, for people
 *
 * A record of a later version, or one that cannot be read, is not thrown away silently: the caller
 * is told, and starts empty, because an agent that stays down would also keep away the update that
 * repairs it. */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/error.h>

#include "plugins/self-update/slots.h"

/* Under which the host keeps it. */
#define RECORD_KEY "record"

enum {
        RECORD_VERSION = 1,
        RECORD_URL_MAX = 2048,
        RECORD_MESSAGE_MAX = 768,
        RECORD_STATUS_MAX = 32,
        RECORD_BOOT_MAX = 64,
        RECORD_STAMPS_MAX = 256,
        RECORD_BLOCKED_MAX = 16,
        RECORD_HISTORY_MAX = 20,
        RECORD_USED_MAX = 64,
};

/* Where an activity stands.  The order is that of a good one. */
enum state {
        STATE_IDLE = 0,
        STATE_IDENTIFIED,
        STATE_DOWNLOADING,
        STATE_DOWNLOADED,
        STATE_UPDATING,
        STATE_UPDATED,
        STATE_ACTIVATING,
        STATE_ACTIVATED,
        STATE_FAILED,
        STATE_ROLLING_BACK,
        STATE_ROLLED_BACK,
        STATE_COUNT,
};

/* What becomes of an activated slot. */
enum trial {
        TRIAL_NONE = 0,    /* nothing is pending */
        TRIAL_OUTSTANDING, /* the device has not booted since */
        TRIAL_RUNNING,     /* the slot has booted and is being looked at */
        TRIAL_GOOD,        /* it is confirmed */
        TRIAL_SICK,        /* it has booted and failed its checks */
        TRIAL_FELL_BACK,   /* the boot loader went back */
        TRIAL_RESCUE,      /* neither of the two slots runs */
        TRIAL_COUNT,
};

/* What is wanted. */
struct request {
        char version[SLOT_VERSION_MAX];
        char url[RECORD_URL_MAX];
        char sha256[SLOT_TEXT_MAX];
        uint64_t size;
        int64_t expires_sec; /* of a signed one; not kept with the activity */
};

struct activity {
        char id[UB_MAX_ID + 1];
        enum state state;
        struct request request;
        char kept_status[RECORD_STATUS_MAX]; /* outcome of the failing or last step */
        char kept_message[RECORD_MESSAGE_MAX];
        char *last;                          /* payload of the last feedback; NULL: none */

        bool local;    /* nobody asked: it drives itself */
        bool already;  /* the wanted version is installed and active, only the boot is missing */
        bool streamed; /* nothing is on disk: RAUC fetches it */
        bool looked;   /* at the remote bundle, or it was in vain: not again */
        bool plain;    /* the bundle is signed as a whole: RAUC takes no hash with it */
        bool checked;  /* RAUC has found the bundle good at the end of DOWNLOAD */
        bool touched;  /* RAUC was asked to install */
        bool cut_off;  /* something died, not the bundle's fault: the next attempt finds it here */
        char hash[SLOT_TEXT_MAX]; /* of the bundle's manifest */
        char booted[SLOT_NAME_MAX];
        char target[SLOT_NAME_MAX];
        char from[SLOT_VERSION_MAX]; /* that ran when the activity began */
        char transaction[SLOT_TEXT_MAX];
        char installed_before[SLOT_TEXT_MAX]; /* of the target */
        uint64_t count_before;
        uint64_t bytes; /* that were downloaded */
        char stamps[RECORD_STAMPS_MAX];   /* of the slots that were read back in this boot */
        char read_back[RECORD_MESSAGE_MAX]; /* what came of it, for people */
        char boot[RECORD_BOOT_MAX]; /* boot id when UPDATE began */
};

struct pending {
        enum trial trial;
        char id[UB_MAX_ID + 1];
        char version[SLOT_VERSION_MAX];
        char hash[SLOT_TEXT_MAX];
        char sha256[SLOT_TEXT_MAX];
        char from_version[SLOT_VERSION_MAX];
        char from[SLOT_NAME_MAX]; /* slots */
        char to[SLOT_NAME_MAX];
        char boot[RECORD_BOOT_MAX]; /* boot id when it was activated */
        char message[RECORD_MESSAGE_MAX];
        bool told; /* the outcome was reported */
};

/* What tells a bundle from another one of its version.  "": not known. */
struct identity {
        const char *version;
        const char *hash;   /* of its manifest, as RAUC says */
        const char *sha256; /* of the file, as the request says */
};

struct blocked {
        char version[SLOT_VERSION_MAX];
        char hash[SLOT_TEXT_MAX];
        char sha256[SLOT_TEXT_MAX];
        uint64_t failures;
};

struct used {
        char id[UB_MAX_ID + 1];
        uint64_t expires_sec;
};

struct outcome {
        char id[UB_MAX_ID + 1];
        char version[SLOT_VERSION_MAX];
        char from[SLOT_VERSION_MAX];
        char result[RECORD_STATUS_MAX]; /* "activated", "confirmed", "failed", ... */
        char message[RECORD_MESSAGE_MAX];
        uint64_t time_sec;
};

struct record {
        struct activity activity;
        struct pending pending;
        char confirmed[RECORD_BOOT_MAX];
        bool repair; /* the boot order may not be what it should: look when RAUC is back */
        struct blocked blocked[RECORD_BLOCKED_MAX];
        size_t n_blocked;
        struct used used[RECORD_USED_MAX]; /* the one that expires first comes first */
        size_t n_used;
        uint64_t used_until_sec; /* what expires up to here is not remembered one by one */
        struct outcome history[RECORD_HISTORY_MAX];
        size_t n_history;
};

const char *state_to_string(enum state state);
const char *trial_to_string(enum trial trial);

/* Copies a text into a member of a fixed size, cut at a character's edge when it is too long. */
#define RECORD_SET(member, text) record_copy(member, sizeof(member), text)
void record_copy(char *to, size_t size, const char *text);

/* The caller frees *ret.  -ENOMEM, -E2BIG. */
int record_write(const struct record *record, char **ret);

/* -EBADMSG: error says why.  -ENOMEM.  On failure *ret is untouched. */
int record_read(const char *text, struct ub_error *error, struct record *ret);

void record_done(struct record *record);

/* Counts a failed boot of a bundle; the oldest entry makes room.  Returns its failures. */
uint64_t record_block(struct record *record, const struct identity *identity);
/* The bundle has proven itself. */
void record_unblock(struct record *record, const struct identity *identity);
/* Failed boots of this bundle; of its version where nothing tells it from another.  One that was
 * named with its sha256, where only the hash of the other's manifest is known, is given the benefit
 * of the doubt until RAUC has looked at it. */
uint64_t record_failures(const struct record *record, const struct identity *identity);

/* Notes that a signed request was begun.  The list needs no clock: what makes room moves the limit
 * below which every request is taken for used, and a request that has expired by then is no
 * loss. */
void record_use(struct record *record, const char *id, int64_t expires_sec);
/* Was it?  Or might it have been: it expires before something that is not remembered any more. */
bool record_is_used(const struct record *record, const char *id, int64_t expires_sec);

/* Puts an outcome in front of the history. */
void record_remember(struct record *record, const struct outcome *outcome);
