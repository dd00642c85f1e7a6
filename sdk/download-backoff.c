/* SPDX-License-Identifier: Apache-2.0
 *
 * download-backoff - see download-backoff.h */
#include <errno.h>

#include "sdk/download-backoff.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* The bucket holds what may pass in a tenth of a second: short enough that nobody on the link
 * notices, long enough that the loop is not woken for every portion. */
enum { BUCKET_BURSTS_PER_SEC = 10 };

int ub_backoff_next(struct backoff *backoff, uint64_t offset, uint64_t retry_after_usec,
                    uint64_t random, uint64_t *ret_usec)
{
        uint64_t pause = backoff->first_usec;
        uint32_t i;

        if (offset >= backoff->furthest && offset - backoff->furthest >= BACKOFF_GAIN_BYTES) {
                backoff->furthest = offset;
                backoff->failures = 0;
        }
        backoff->failures++;
        if (backoff->failures >= backoff->limit)
                return -ETIMEDOUT;
        if (retry_after_usec > backoff->max_usec)
                return -EAGAIN;

        for (i = 1; i < backoff->failures && pause < backoff->max_usec; i++)
                pause *= 2;
        if (pause > backoff->max_usec)
                pause = backoff->max_usec;

        /* Half of it is chance: a fleet that lost its server together must not come back
         * together. */
        pause = pause / 2 + random % (pause / 2 + 1);
        /* The server knows best when; chance goes on top, for the same reason. */
        if (pause < retry_after_usec)
                pause = retry_after_usec + random % (backoff->first_usec + 1);
        *ret_usec = pause;
        return 0;
}

static void bucket_fill(struct bucket *bucket, uint64_t now_usec)
{
        int64_t burst = (int64_t)(bucket->bytes_per_sec / BUCKET_BURSTS_PER_SEC + 1);
        uint64_t elapsed = now_usec - bucket->filled_usec;
        uint64_t gain;

        if (bucket->filled_usec == 0) {
                bucket->tokens = burst;
                bucket->filled_usec = now_usec;
                return;
        }
        /* On overflow less than what is due, but still terabytes. */
        if (__builtin_mul_overflow(elapsed, bucket->bytes_per_sec, &gain))
                gain = UINT64_MAX;
        gain /= USEC_PER_SEC;
        if (gain == 0)
                return; /* the fraction counts next time */
        bucket->filled_usec = now_usec;
        if (gain > INT64_MAX / 2 || bucket->tokens + (int64_t)gain > burst)
                bucket->tokens = burst;
        else
                bucket->tokens += (int64_t)gain;
}

uint64_t ub_bucket_wait_usec(struct bucket *bucket, uint64_t now_usec)
{
        uint64_t debt;

        if (bucket->bytes_per_sec == 0)
                return 0;
        bucket_fill(bucket, now_usec);
        if (bucket->tokens > 0)
                return 0;
        debt = (uint64_t)-bucket->tokens + 1;
        if (debt > UINT64_MAX / USEC_PER_SEC)
                return USEC_PER_SEC;
        return debt * USEC_PER_SEC / bucket->bytes_per_sec + 1;
}

void ub_bucket_take(struct bucket *bucket, uint64_t bytes)
{
        if (bucket->bytes_per_sec != 0)
                bucket->tokens -= (int64_t)bytes;
}
