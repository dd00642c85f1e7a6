/* SPDX-License-Identifier: Apache-2.0
 *
 * reboot and inhibitor, with a logind of the test's own on a bus of its own.  reboot(2) and sync(2)
 * are replaced when this is linked (--wrap), and the capability for the former is given up besides:
 * no fault of a test boots the machine that it runs on. */
#define _GNU_SOURCE 1
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "host/broker/inhibitor.h"
#include "host/broker/reboot.h"
#include "host/log/log.h"
#include "host/util/worker.h"
#include "tests/fake/fake-logind.h"
#include "tests/unit/bus.h"
#include "tests/unit/unit.h"

#define LONG_USEC (60 * USEC_PER_MINUTE)
#define SOON_USEC USEC_PER_MSEC

static struct {
        struct folder folder;
        pid_t bus;
        sd_event *event;
        struct worker *worker;
        struct log *log;
        struct fake_logind logind;
        struct reboot *reboot;
        struct inhibitor *inhibitor;
        char said[4096];
        char failure[1024];
} t;

/* ----------------------------------------------------------------------------------- the kernel */

static struct {
        unsigned syncs;
        unsigned reboots; /* after a sync each */
        int errors;
} kernel; /* written on the worker's thread, read when that is done */

void __wrap_sync(void);
int __wrap_reboot(int command);

void __wrap_sync(void)
{
        kernel.syncs++;
}

int __wrap_reboot(int command)
{
        if (command != (int)LINUX_REBOOT_CMD_RESTART || kernel.syncs != kernel.reboots + 1)
                errno = EINVAL;
        else
                errno = kernel.errors;
        if (errno)
                return -1;
        __atomic_add_fetch(&kernel.reboots, 1, __ATOMIC_SEQ_CST);
        return 0;
}

static void give_up_reboot(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];

        ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
        data[0].effective &= ~(1u << CAP_SYS_BOOT);
        data[0].permitted &= ~(1u << CAP_SYS_BOOT);
        ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

/* ------------------------------------------------------------------------------------- the frame */

static void on_log(void *data, const char *text)
{
        size_t used = strlen(t.said);

        (void)data;
        (void)snprintf(t.said + used, sizeof(t.said) - used, "%s\n", text);
}

static void on_failed(void *data, const char *text)
{
        (void)data;
        ck_assert_str_eq(t.failure, "");
        (void)snprintf(t.failure, sizeof(t.failure), "%s", text);
}

static const struct reboot_events events = { .log = on_log, .failed = on_failed };

/* Without a dbus-daemon there is still the kernel. */
static void begin(bool logind, struct reboot_config config)
{
        const struct log_options options = { .level = LOG_LEVEL_ERROR };

        give_up_reboot();
        t.folder = folder_new();
        t.bus = bus_begin(&t.folder);
        ck_assert_int_ge(sd_event_new(&t.event), 0);
        ck_assert_int_eq(worker_new(t.event, 8, &t.worker), 0);
        ck_assert_int_ge(log_new(&options, NULL, &t.log), 0);
        if (logind && t.bus)
                ck_assert_int_eq(fake_logind_begin(&t.logind, t.event), 0);
        config.event = t.event;
        config.worker = t.worker;
        ck_assert_int_eq(reboot_new(&config, &events, NULL, &t.reboot), 0);
        ck_assert_int_eq(inhibitor_new(t.event, t.log, &t.inhibitor), 0);
}

static void end(void)
{
        t.reboot = reboot_free(t.reboot);
        t.inhibitor = inhibitor_free(t.inhibitor);
        fake_logind_end(&t.logind);
        t.worker = worker_free(t.worker);
        t.log = log_free(t.log);
        t.event = sd_event_unref(t.event);
        if (t.bus)
                bus_end(t.bus);
        folder_done(&t.folder);
}

/* For the tests that are about logind. */
#define NEED_BUS()                                                                 \
        do {                                                                       \
                if (!t.bus) {                                                      \
                        (void)printf("# NOT TESTED: there is no dbus-daemon\n");   \
                        end();                                                     \
                        return;                                                    \
                }                                                                  \
        } while (0)

#define WAIT(condition)                                                            \
        while (!(condition))                                                       \
        ck_assert_int_ge(sd_event_run(t.event, UINT64_MAX), 0)

static const struct reboot_config patient = { .retry_usec = LONG_USEC,
                                              .patience_usec = LONG_USEC,
                                              .grace_usec = LONG_USEC };

/* -------------------------------------------------------------------------------------- logind */

START_TEST(logind_is_asked_once)
{
        struct reboot_config config = patient;

        config.grace_usec = SOON_USEC;
        begin(true, config);
        NEED_BUS();
        reboot_begin(t.reboot, NULL);
        reboot_begin(t.reboot, NULL);
        WAIT(*t.logind.notes);
        ck_assert_int_ge(fake_logind_lock(&t.logind, NULL, NULL), 0);
        WAIT(*t.failure); /* this device does not go down */
        ck_assert_str_eq(t.failure, "the reboot was accepted, but the device goes on");
        ck_assert_str_eq(t.logind.notes, "reboot\n");
        ck_assert_str_eq(t.said, "");
        end();
}
END_TEST

START_TEST(who_inhibits_is_named_and_waited_for)
{
        begin(true, patient);
        NEED_BUS();
        ck_assert_int_ge(fake_logind_lock(&t.logind, "PackageKit", "updating packages"), 0);
        reboot_begin(t.reboot, NULL);
        WAIT(*t.said);
        ck_assert_str_eq(t.said, "the reboot waits for who inhibits it: PackageKit (pid 13): updating "
                                 "packages\n");
        ck_assert_str_eq(t.logind.notes, "");
        ck_assert_int_ge(fake_logind_lock(&t.logind, "backup", "/home"), 0);
        WAIT(strstr(t.said, "backup (pid 13): /home\n"));
        ck_assert_int_ge(fake_logind_lock(&t.logind, NULL, NULL), 0);
        WAIT(*t.logind.notes);
        ck_assert_str_eq(t.logind.notes, "reboot\n");
        ck_assert_str_eq(t.failure, "");
        end();
}
END_TEST

START_TEST(it_is_asked_again_after_a_while_and_complains_once)
{
        struct reboot_config config = patient;
        unsigned rounds = 0;

        config.retry_usec = SOON_USEC;
        begin(true, config);
        NEED_BUS();
        t.logind.hides = true;
        t.logind.refuse = "org.freedesktop.login1.BlockedByInhibitorLock";
        reboot_begin(t.reboot, NULL);
        WAIT(*t.said && rounds++ > 20);
        ck_assert_str_eq(t.said, "the reboot waits for who inhibits it: not at this time\n");
        t.logind.refuse = NULL;
        WAIT(*t.logind.notes);
        ck_assert_str_eq(t.logind.notes, "reboot\n");
        end();
}
END_TEST

START_TEST(patience_has_an_end)
{
        struct reboot_config config = patient;

        config.retry_usec = SOON_USEC;
        config.patience_usec = 20 * USEC_PER_MSEC;
        begin(true, config);
        NEED_BUS();
        ck_assert_int_ge(fake_logind_lock(&t.logind, "PackageKit", "updating packages"), 0);
        reboot_begin(t.reboot, NULL);
        WAIT(*t.failure);
        ck_assert_str_eq(t.failure, "the reboot was inhibited for too long: PackageKit (pid 13): updating "
                                    "packages");
        ck_assert_str_eq(t.logind.notes, "");

        /* The next one begins afresh. */
        ck_assert_int_ge(fake_logind_lock(&t.logind, NULL, NULL), 0);
        reboot_begin(t.reboot, NULL);
        WAIT(*t.logind.notes);
        end();
}
END_TEST

START_TEST(an_old_logind_does_as_well)
{
        begin(true, patient);
        NEED_BUS();
        t.logind.old = true;
        reboot_begin(t.reboot, NULL);
        WAIT(*t.logind.notes);
        ck_assert_str_eq(t.logind.notes, "reboot\n");
        ck_assert_uint_eq(kernel.reboots, 0);
        end();
}
END_TEST

/* ---------------------------------------------------------------------------------- our own lock */

START_TEST(a_device_that_is_being_changed_is_not_shut_down)
{
        begin(true, patient);
        NEED_BUS();
        inhibitor_hold(t.inhibitor, "activity A1");
        inhibitor_hold(t.inhibitor, "activity A1");
        WAIT(*t.logind.notes);
        ck_assert_str_eq(t.logind.notes, "inhibit shutdown:sleep update-broker activity A1 block\n");
        inhibitor_release(t.inhibitor);
        inhibitor_release(t.inhibitor);
        WAIT(strstr(t.logind.notes, "released\n"));
        end();
}
END_TEST

START_TEST(ones_own_lock_is_not_waited_for)
{
        begin(true, patient);
        NEED_BUS();
        inhibitor_hold(t.inhibitor, "activity A1");
        WAIT(*t.logind.notes);
        reboot_begin(t.reboot, NULL);
        WAIT(strstr(t.logind.notes, "reboot\n"));
        ck_assert_str_eq(t.said, "");
        end();
}
END_TEST

START_TEST(a_system_without_logind_has_no_lock)
{
        begin(false, patient);
        inhibitor_hold(t.inhibitor, "activity A1");
        inhibitor_release(t.inhibitor);
        inhibitor_hold(t.inhibitor, "activity A1");
        end();
}
END_TEST

/* ------------------------------------------------------------------------------- without logind */

START_TEST(a_bus_without_logind_leaves_it_to_the_kernel)
{
        begin(false, patient);
        NEED_BUS();
        reboot_begin(t.reboot, NULL);
        WAIT(__atomic_load_n(&kernel.reboots, __ATOMIC_SEQ_CST));
        ck_assert(strstr(t.said, "logind does not boot the device: ") == t.said);
        ck_assert(strstr(t.said, "org.freedesktop.login1"));
        ck_assert_str_eq(t.failure, "");
        end();
        ck_assert_uint_eq(kernel.reboots, 1);
}
END_TEST

START_TEST(without_a_bus_the_kernel_is_asked)
{
        begin(false, patient);
        if (t.bus)
                bus_end(t.bus);
        t.bus = 0;
        reboot_begin(t.reboot, NULL);
        ck_assert(strstr(t.said, "logind does not boot the device: ") == t.said);
        worker_drain(t.worker);
        ck_assert_uint_eq(kernel.reboots, 1);
        end();
}
END_TEST

START_TEST(a_bus_that_dies_while_somebody_inhibits_leaves_it_to_the_kernel)
{
        struct reboot_config config = patient;

        config.retry_usec = SOON_USEC;
        begin(true, config);
        NEED_BUS();
        ck_assert_int_ge(fake_logind_lock(&t.logind, "PackageKit", "updating packages"), 0);
        reboot_begin(t.reboot, NULL);
        WAIT(*t.said);
        bus_end(t.bus);
        t.bus = 0;
        WAIT(__atomic_load_n(&kernel.reboots, __ATOMIC_SEQ_CST));
        ck_assert_str_eq(t.failure, "");
        end();
}
END_TEST

START_TEST(a_kernel_that_refuses_is_a_failure)
{
        kernel.errors = EPERM;
        begin(false, patient);
        reboot_begin(t.reboot, NULL);
        WAIT(*t.failure);
        ck_assert_str_eq(t.failure, "reboot(2): Operation not permitted");
        ck_assert_uint_eq(kernel.syncs, 1);
        end();
}
END_TEST

/* ------------------------------------------------------------------------------------ a command */

static void expect_of_command(const char *line, const char *failure)
{
        char shell[] = "/bin/sh";
        char option[] = "-c";
        char *copy = strdup(line);
        char *command[] = { shell, option, copy, NULL };

        *t.failure = '\0';
        reboot_begin(t.reboot, command);
        WAIT(*t.failure);
        ck_assert_str_eq(t.failure, failure);
        free(copy);
}

START_TEST(a_command_takes_the_place_of_all_that)
{
        struct reboot_config config = patient;
        char nowhere[] = "/nonexistent";
        char *command[] = { nowhere, NULL };

        config.grace_usec = SOON_USEC;
        begin(true, config);
        expect_of_command("exit 0", "the reboot was accepted, but the device goes on");
        expect_of_command("exit 3", "the reboot command ended with status 3");
        expect_of_command("kill -9 $$", "the reboot command ended with signal 9");
        *t.failure = '\0';
        reboot_begin(t.reboot, command);
        WAIT(*t.failure);
        ck_assert_str_eq(t.failure, "/nonexistent: No such file or directory");
        ck_assert_str_eq(t.logind.notes, "");
        ck_assert_uint_eq(kernel.reboots, 0);
        end();
}
END_TEST

UNIT_MAIN("reboot", logind_is_asked_once, who_inhibits_is_named_and_waited_for,
          it_is_asked_again_after_a_while_and_complains_once, patience_has_an_end,
          an_old_logind_does_as_well, a_device_that_is_being_changed_is_not_shut_down,
          ones_own_lock_is_not_waited_for, a_system_without_logind_has_no_lock,
          a_bus_without_logind_leaves_it_to_the_kernel, without_a_bus_the_kernel_is_asked,
          a_bus_that_dies_while_somebody_inhibits_leaves_it_to_the_kernel,
          a_kernel_that_refuses_is_a_failure, a_command_takes_the_place_of_all_that)
