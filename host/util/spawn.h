/* SPDX-License-Identifier: Apache-2.0
 *
 * spawn - the one place that forks
 *
 * Every child of ours is made here: fork, a few system calls, execve.  No shell, no inherited
 * descriptors but those named, default signal dispositions, an empty signal mask, PR_SET_PDEATHSIG:
 * the child dies with the thread that made it, which is therefore the loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
        SPAWN_PASS_MAX = 4,
        /* The soft limit that programs are used to.  The daemon raises its own (main.c), which might
         * confuse those that still use select(2), or that close all they could have. */
        SPAWN_OPEN_FILES = 1024,
        /* Descriptors that children leave to their parent, who must still be able to write a file
         * and to make a connection; a quarter when it may have few. */
        SPAWN_DESCRIPTORS_LEFT = 32,
};

/* What the child may do; all zero: whatever the parent may. */
struct spawn_limits {
        bool change_user; /* become uid and gid, with no supplementary groups */
        uid_t uid;
        gid_t gid;
        bool no_new_privileges; /* PR_SET_NO_NEW_PRIVS */
        uint64_t memory_bytes;  /* RLIMIT_AS; 0: inherited */
        uint64_t open_files;    /* RLIMIT_NOFILE; 0: inherited, but SPAWN_OPEN_FILES at first */
        uint64_t processes;     /* RLIMIT_NPROC; 0: inherited */
        uint64_t cpu_sec;       /* RLIMIT_CPU; 0: inherited */
        bool no_core;           /* RLIMIT_CORE 0 */
};

struct spawn {
        const char *path; /* absolute */
        const char *const *argv;
        const char *const *envp; /* NULL: empty */
        int in_fd;  /* borrowed; -1: /dev/null */
        int out_fd; /* borrowed; -1: /dev/null */
        int err_fd; /* borrowed; -1: inherited */
        int pass_fds[SPAWN_PASS_MAX]; /* borrowed; become 3, 4, ... in the child; used: n_pass */
        int n_pass;
        bool new_group; /* a process group of its own, so that it can be signalled as a whole */
        struct spawn_limits limits;
};

/* Starts a program.  *ret_pidfd is the caller's; readable when the child has ended, then
 * waitid(P_PIDFD).  -EMFILE: SPAWN_DESCRIPTORS_LEFT.  Negative errno, also when execve(2) itself failed: the child reports that
 * before this returns. */
int spawn_process(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd);

/* Sends a signal to the child, or to its whole group when it has one of its own.  Gone already is
 * fine; reaped already is not, for a group, whose number may then be somebody else's. */
void spawn_kill(pid_t pid, int pidfd, bool group, int sig);
