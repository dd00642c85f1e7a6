/* SPDX-License-Identifier: Apache-2.0
 *
 * thread - see thread.h */
#include "plugins/self-update/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

enum { STACK_BYTES = 128 * 1024 };

int thread_start(void *(*run)(void *data), void *data, atomic_int *users)
{
        pthread_attr_t attr;
        pthread_t thread;
        sigset_t all;
        sigset_t old;
        int r = pthread_attr_init(&attr);

        if (r != 0)
                return -r;
        /* With valid constants none of these can fail. */
        (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
        (void)sigfillset(&all);
        /* A thread inherits the mask; set inside of it there would be a moment without. */
        (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        atomic_store(users, THREAD_USERS);
        r = pthread_create(&thread, &attr, run, data);
        if (r != 0)
                atomic_store(users, 1);
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
        (void)pthread_attr_destroy(&attr);
        return -r;
}

int thread_leave(atomic_int *users)
{
        return atomic_fetch_sub(users, 1) == 1;
}
