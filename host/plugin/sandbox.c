/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include "host/plugin/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/plugin/instance.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

/* By name: what this kernel's headers or this libseccomp do not know is passed over. */
static const char *const refused[] = {
        /* other processes */
        "kcmp", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace",
        /* file systems */
        "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
        "open_by_handle_at", "open_tree", "pivot_root", "quotactl", "quotactl_fd", "umount",
        "umount2",
        /* namespaces */
        "setns", "unshare",
        /* the kernel itself; a reboot is asked for with ub_host.reboot_request */
        "acct", "bpf", "delete_module", "finit_module", "init_module", "io_uring_enter",
        "io_uring_register", "io_uring_setup", "kexec_file_load", "kexec_load", "lookup_dcookie",
        "perf_event_open", "reboot", "swapoff", "swapon", "syslog", "userfaultfd", "vhangup",
        /* keys of others */
        "add_key", "keyctl", "request_key",
        /* the clock, the name */
        "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64",
        "setdomainname", "sethostname", "settimeofday", "stime",
        /* hardware */
        "ioperm", "iopl", "pciconfig_iobase", "pciconfig_read", "pciconfig_write",
};

static const char *const refused_without_spawn[] = { "execve", "execveat" };

enum {
        NAMESPACES = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
                     CLONE_NEWUSER | CLONE_NEWUTS,
};

static void release_filter(scmp_filter_ctx *filter)
{
        if (*filter)
                seccomp_release(*filter);
}

static int refuse(scmp_filter_ctx filter, const char *const *names, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                int number = seccomp_syscall_resolve_name(names[i]);
                int r;

                if (number == __NR_SCMP_ERROR)
                        continue;
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
                /* A number below zero stands for a call that this architecture does not have. */
                if (r < 0 && number >= 0)
                        return r;
        }
        return 0;
}

/* Any of the bits alone is enough, so each has a rule of its own. */
static int refuse_namespaces(scmp_filter_ctx filter)
{
        unsigned bit;
        int r;

        for (bit = 1; bit <= NAMESPACES && bit != 0; bit <<= 1) {
                if (!(bit & NAMESPACES))
                        continue;
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
                if (r < 0)
                        return r;
        }
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int write_filter(scmp_filter_ctx filter, int *ret_fd)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        fd = memfd_create("ub-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = seccomp_export_bpf(filter, fd);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int sandbox_make_filter(unsigned grants, int *ret_fd)
{
        CLEANUP(release_filter) scmp_filter_ctx filter = NULL;
        int r;

        assert(ret_fd);

        filter = seccomp_init(SCMP_ACT_ALLOW);
        if (!filter)
                return -ENOMEM;
        r = refuse(filter, refused, ARRAY_SIZE(refused));
        if (r == 0 && !(grants & INSTANCE_GRANT_SPAWN))
                r = refuse(filter, refused_without_spawn, ARRAY_SIZE(refused_without_spawn));
        if (r == 0)
                r = refuse_namespaces(filter);
        return r < 0 ? r : write_filter(filter, ret_fd);
}

int sandbox_set_user(struct spawn_limits *limits, const char *user, struct diag *diag)
{
        CLEANUP_FREE char *buf = NULL;
        size_t size = 64 * 1024; /* more than any entry that a person can read */
        struct passwd entry;
        struct passwd *found;
        int r;

        assert(limits && user);

        buf = malloc(size);
        if (!buf)
                return -ENOMEM;
        r = -getpwnam_r(user, &entry, buf, size, &found);
        if (r < 0)
                return diag_set_errno(diag, r, "user %s", user);
        if (!found)
                return diag_set(diag, -ENOENT, "there is no user %s", user);
        limits->change_user = true;
        limits->uid = entry.pw_uid;
        limits->gid = entry.pw_gid;
        return 0;
}
