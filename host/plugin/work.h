/* SPDX-License-Identifier: Apache-2.0
 *
 * work - what a local instance has been told to do and has not yet done
 *
 * A queue with a limit, and plain copies of what the functions of instance.h were given. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/plugin/instance.h"

enum {
        WORK_MAX = 1024,
        WORK_BYTES_MAX = 16 * 1024 * 1024,
};

enum work_kind {
        WORK_START = 1,     /* number: flags */
        WORK_STOP,
        WORK_REQUEST,       /* call, activity, text, command */
        WORK_ACTIVITY_END,  /* activity */
        WORK_SYNCED,        /* number: id; result */
        WORK_PUBLISHED,     /* number: id; result */
        WORK_MESSAGE,       /* number: subscription; text: topic; bytes, length, flags */
        WORK_CONNECTED,     /* tells the watcher how it stands */
};

struct work {
        struct work *next;
        enum work_kind kind;
        enum instance_call call;
        int32_t command;
        int result;
        uint32_t flags;
        uint64_t number;
        const char *activity;
        const char *text;
        const char *bytes; /* followed by a NUL */
        size_t length;
        char copies[]; /* what the three point to */
};

/* All zero: empty. */
struct work_queue {
        struct work *first;
        struct work *last;
        size_t n;
        size_t n_bytes;
};

/* Appends a copy; `next` and `copies` of the model are not looked at, NULL texts become "".
 * -ENOBUFS: over WORK_MAX or WORK_BYTES_MAX.  -ENOMEM. */
int work_put(struct work_queue *queue, const struct work *model);

/* The oldest, to be free()d; NULL: none. */
struct work *work_take(struct work_queue *queue);

void work_clear(struct work_queue *queue);
