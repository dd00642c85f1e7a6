/* SPDX-License-Identifier: Apache-2.0
 *
 * thread - a thread that may hang for ever
 *
 * A read(2) of a broken device, or a readdir(3) of a stick that was pulled out, may take minutes
 * or never come back, and nobody can call it off.  Such work is done on a thread of its own that
 * is never waited for.  What it shares with the loop has a count of users, which starts at
 * THREAD_USERS, and goes with the last of the two. */
#pragma once

#include <stdatomic.h>

enum { THREAD_USERS = 2 /* the thread and the loop */ };

/* Runs run(data) on a detached thread with a small stack, which gets no signals: they are for the
 * loop.  users: becomes THREAD_USERS before it runs, and stays 1 when it does not.  0, or a
 * negative errno. */
int thread_start(void *(*run)(void *data), void *data, atomic_int *users);

/* Counts one user less; 1: that was the last one, and everything can be freed. */
int thread_leave(atomic_int *users);
