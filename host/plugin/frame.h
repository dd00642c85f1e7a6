/* SPDX-License-Identifier: Apache-2.0
 *
 * frame - what the daemon and ub-agent-host say to each other
 *
 * A frame on the stream is
 *
 *     u32 length of the body, u32 type, body          (all numbers little-endian)
 *
 * and a body is a fixed row of fields for each type: first numbers (u64), then texts (UTF-8, ended
 * by a NUL), then at most one blob, which is the rest.  One table in frame.c names the fields of
 * each type and their limits; encoding, decoding and printing all follow it.
 *
 * JSON texts travel inside as they are.  The frame itself is not JSON: the process of a plugin then
 * needs no JSON library, whose symbols would be visible to the plugin, and a text of 1 MiB is not
 * escaped and unescaped on its way.
 *
 * No descriptor travels.  Who sends one to a reader that uses recv(2) loses it in the kernel.
 *
 * The decoder believes nothing: an unknown type, a number out of its range, text that is not UTF-8
 * or too long, a missing field and a byte too many are all -EBADMSG, and the length is compared
 * with the most that its type can have before the body has arrived.  Decoding and encoding again
 * gives the same bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/plugin/abi.h"

struct diag;

/* Raised when the table changes.  Both programs come from one package, but a daemon that is
 * upgraded may find the other version on disk. */
enum { FRAME_VERSION = 1 };

enum {
        FRAME_HEADER_BYTES = 8,
        FRAME_NUMBERS_MAX = 5,
        FRAME_TEXTS_MAX = 3,
        FRAME_PATH_MAX = 4095, /* path of a plugin */
};

enum frame_type {
        /* Both ways, the first of all. */
        FRAME_HELLO = 1, /* version, ABI minor */

        /* To the agent-host.  Topics and state, then the configuration, then the start. */
        FRAME_TOPIC,          /* filter */
        FRAME_STATE,          /* key, blob: value */
        FRAME_CONFIG,         /* role, grants, stop_usec, seccomp; id, plugin, settings */
        FRAME_START,          /* flags */
        FRAME_REQUEST,        /* enum instance_call, command; activity, text */
        FRAME_ACTIVITY_END,   /* activity */
        FRAME_STATE_SYNCED,   /* id, result */
        FRAME_MQTT_PUBLISHED, /* id, result */
        FRAME_MQTT_MESSAGE,   /* subscription, flags; topic; blob: payload */
        FRAME_MQTT_CONNECTED, /* 0 or 1 */
        FRAME_PING,           /* are you there? */
        FRAME_STOP,

        /* From the agent-host. */
        FRAME_STARTED,          /* result; text */
        FRAME_STOPPED,
        FRAME_DIED,             /* text */
        FRAME_ANSWERED,         /* enum instance_call, result, the three of STATS; activity */
        FRAME_STATS,            /* calls, call_usec, call_usec_max; answers a ping */
        FRAME_MISBEHAVED,       /* enum instance_fault; text */
        FRAME_LOG,              /* level, line; file, func, text */
        FRAME_CURRENT_STATE,    /* activity, json */
        FRAME_FEEDBACK,         /* activity, json */
        FRAME_REBOOT_REQUEST,   /* activity, reason */
        FRAME_STATE_PUT,        /* key; blob: value, none deletes */
        FRAME_STATE_SYNC,       /* id */
        FRAME_MQTT_PUBLISH,     /* id, qos, flags; topic; blob: payload */
        FRAME_MQTT_SUBSCRIBE,   /* id, qos; filter */
        FRAME_MQTT_UNSUBSCRIBE, /* id */
        FRAME_ORCHESTRATOR,     /* enum instance_request; activity, json */
        FRAME_TYPE_COUNT,
};

/* Numbers and texts in the order of the comments above; what a type does not have is 0 or NULL.  A
 * signed number is sign-extended to 64 bits.  All pointers are borrowed. */
struct frame {
        enum frame_type type;
        uint64_t number[FRAME_NUMBERS_MAX];
        const char *text[FRAME_TEXTS_MAX];
        const void *blob;
        size_t blob_length;
};

/* The bytes of the whole frame.  -E2BIG: a text or the blob is over its limit. */
int frame_size(const struct frame *frame, size_t *ret);

/* Writes as many bytes as frame_size() said. */
void frame_write(const struct frame *frame, void *buf);

/* Reads the frame at the beginning of `data`; texts and blob of *ret point into it.
 * 1: *ret_bytes were used.  0: *ret_bytes are needed.  -EBADMSG: not a frame, diag says why. */
int frame_read(const void *data, size_t length, struct frame *ret, size_t *ret_bytes,
               struct diag *diag);

/* For people, cut to fit: `feedback activity="a1" json="{}"`.  Returns buf. */
const char *frame_print(const struct frame *frame, char *buf, size_t size);

const char *frame_type_to_string(enum frame_type type);
