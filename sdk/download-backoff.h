/* SPDX-License-Identifier: Apache-2.0
 *
 * download-backoff - when a download may try again, and how fast it may go
 *
 * Both are pure: time and chance come in as arguments.
 *
 * backoff: attempts are counted in a row.  One that brought new bytes (beyond the furthest that any
 * attempt came) starts the row again, so a long download over a bad link goes on, and one that
 * always breaks at the same place ends.
 *
 * bucket: bandwidth by debt.  Bytes that arrive are paid after the fact, so that libcurl's portions
 * need not be split; whoever is in debt waits.  Over any time t no more than rate * t + burst + one
 * portion get through. */
#pragma once

#include <stdint.h>

/* How much an attempt must bring to be a success of its own: less would let a server that gives one
 * byte at a time keep a download alive for ever. */
#define BACKOFF_GAIN_BYTES UINT64_C(65536)

struct backoff {
        uint64_t first_usec;
        uint64_t max_usec;
        uint32_t limit;    /* attempts in a row */
        uint32_t failures; /* in a row */
        uint64_t furthest; /* offset at which the row began */
};

/* An attempt failed at this offset.  retry_after_usec: what the server asked for, 0: nothing.
 * random: any 64 bits. 0 and the pause.  -ETIMEDOUT: that was the last attempt.  -EAGAIN: the
 * server asks for more than max_usec. */
int ub_backoff_next(struct backoff *backoff, uint64_t offset, uint64_t retry_after_usec,
                    uint64_t random, uint64_t *ret_usec);

struct bucket {
        uint64_t bytes_per_sec; /* 0: no limit */
        int64_t tokens;         /* bytes that may pass; negative: debt */
        uint64_t filled_usec;   /* when tokens was right; 0: never */
};

/* Microseconds until the next portion may pass; 0: it may pass now. */
uint64_t ub_bucket_wait_usec(struct bucket *bucket, uint64_t now_usec);

/* Bytes have passed. */
void ub_bucket_take(struct bucket *bucket, uint64_t bytes);
