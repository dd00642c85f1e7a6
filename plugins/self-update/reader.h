/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - reads the beginning of a device back, one at a time, on a thread
 *
 * What counts is what is on the medium, so the page cache is gone around: O_DIRECT, which needs
 * nobody's permission beyond opening the device (BLKFLSBUF would need CAP_SYS_ADMIN), reads past
 * it and leaves nothing of an image in it.  Dirty pages are written before.  What knows no O_DIRECT
 * (UBI volumes have no cache; some file systems, where a slot is a file) is read as it is, with its
 * clean pages dropped before and behind.
 *
 * The thread owns one buffer of READER_BYTES, looks between two of them whether anybody still
 * wants to know, and holds up nothing but itself when a broken device does not answer: then it is
 * left alone, and what it shares with the loop goes with the last of the two. */
#pragma once

#include <stdint.h>

struct reader;
struct reading;
struct ub_host;

enum { READER_BYTES = 256 * 1024 };

/* Called on the loop thread, never from inside a function below. */
struct reader_events {
        void (*progress)(void *data, uint64_t now, uint64_t total);
        /* result: 0, or of open(2) (found->opened is false), fsync(2) or read(2); text: the same
         * for people.  found is valid during the call, and never NULL. */
        void (*done)(void *data, int result, const char *text, const struct reading *found);
};

struct reader_request {
        const char *path;
        uint64_t size;
        const char *stamp; /* a device whose stamp is this is not read; "": it is */
};

/* Everything is borrowed and outlives it.  -ENOMEM. */
int reader_new(const struct ub_host *host, const struct reader_events *events, void *data,
               struct reader **ret);
/* Takes NULL and returns NULL. */
struct reader *reader_free(struct reader *reader);

/* One that goes on is stopped.  0: done() will come.  -ENOMEM, -EAGAIN, -EMFILE: it will not. */
int reader_start(struct reader *reader, const struct reader_request *request);
void reader_stop(struct reader *reader);
