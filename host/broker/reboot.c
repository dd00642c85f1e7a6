/* SPDX-License-Identifier: Apache-2.0 */
#include "host/broker/reboot.h"

#include <errno.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "host/broker/logind.h"
#include "host/util/diag.h"
#include "host/util/spawn.h"
#include "host/util/worker.h"

/* SD_LOGIND_ROOT_CHECK_INHIBITORS: also root waits for those who inhibit. */
enum { CHECK_INHIBITORS = 1 };

/* sync(2) and reboot(2) take their time, and outlive the object. */
struct reboot_job {
        struct reboot *reboot; /* NULL: gone */
};

struct reboot {
        struct reboot_config config;
        const struct reboot_events *events; /* borrowed, like data */
        void *data;
        bool under_way;
        bool waits;              /* for inhibitors */
        uint64_t give_up_usec;   /* when that ends */
        sd_bus *bus;
        sd_event_source *again;  /* timer: the next question, or a failure to tell */
        sd_event_source *child;  /* the command, by its pidfd */
        int child_fd;
        pid_t child_pid;
        struct reboot_job *job;
        struct diag obstacle;    /* the last one that was told */
        struct diag failure;     /* to be told by `again` */
};

static void ask_logind(struct reboot *reboot);

static void disconnect(struct reboot *reboot)
{
        reboot->bus = sd_bus_close_unref(reboot->bus);
}

static void drop_child(struct reboot *reboot)
{
        reboot->child = sd_event_source_disable_unref(reboot->child);
        cleanup_close(&reboot->child_fd);
        reboot->child_fd = -1;
}

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
        struct reboot *reboot = data;

        (void)source;
        (void)usec;
        reboot->again = sd_event_source_unref(reboot->again);
        if (!*reboot->failure.text) {
                ask_logind(reboot);
                return 0;
        }
        disconnect(reboot);
        reboot->under_way = false;
        reboot->events->failed(reboot->data, reboot->failure.text);
        return 0;
}

static void come_back(struct reboot *reboot, uint64_t usec)
{
        reboot->again = sd_event_source_disable_unref(reboot->again);
        if (sd_event_add_time_relative(reboot->config.event, &reboot->again, CLOCK_BOOTTIME, usec,
                                       0, on_again, reboot) < 0)
                reboot->under_way =
                        false; /* out of memory: nobody is told, but the next one may try */
}

static void fail(struct reboot *reboot, int r, const char *what)
{
        (void)diag_set_errno(&reboot->failure, r, "%s", what);
        come_back(reboot, 0);
}

/* It has been accepted; what remains is to see the device go down. */
static void expect_the_end(struct reboot *reboot)
{
        (void)diag_set(&reboot->failure, 0, "the reboot was accepted, but the device goes on");
        come_back(reboot, reboot->config.grace_usec);
}

/* ---------------------------------------------------------------------------------- the kernel */

static int boot_now(void *data) /* worker's thread */
{
        (void)data;
        sync();
        return reboot(LINUX_REBOOT_CMD_RESTART) < 0 ? -errno : 0;
}

static void on_boot_now(void *data, int r)
{
        struct reboot_job *job = data;
        struct reboot *reboot = job->reboot;

        free(job);
        if (!reboot)
                return;
        reboot->job = NULL;
        if (r < 0)
                fail(reboot, r, "reboot(2)");
}

static void ask_kernel(struct reboot *reboot)
{
        int r = -ENOMEM;

        disconnect(reboot);
        reboot->job = calloc(1, sizeof(*reboot->job));
        if (reboot->job) {
                reboot->job->reboot = reboot;
                r = worker_submit(reboot->config.worker, boot_now, on_boot_now, reboot->job);
        }
        if (r == 0)
                return;
        free(reboot->job);
        reboot->job = NULL;
        fail(reboot, r, "reboot(2)");
}

/* -------------------------------------------------------------------------------------- logind */

static void tell(struct reboot *reboot, const struct diag *text)
{
        if (strcmp(text->text, reboot->obstacle.text) == 0)
                return;
        reboot->obstacle = *text;
        reboot->events->log(reboot->data, text->text);
}

/* Somebody has to finish first. */
static void wait_for_inhibitors(struct reboot *reboot, const char *who)
{
        struct diag text;

        (void)diag_set(&text, 0, "the reboot waits for who inhibits it: %s", who);
        if (time_now_usec() < reboot->give_up_usec) {
                tell(reboot, &text);
                reboot->waits = true;
                come_back(reboot, reboot->config.retry_usec);
                return;
        }
        (void)diag_set(&reboot->failure, 0, "the reboot was inhibited for too long: %s", who);
        come_back(reboot, 0);
}

static void do_without_logind(struct reboot *reboot, const char *why)
{
        struct diag text;

        (void)diag_set(&text, 0, "logind does not boot the device: %s", why);
        tell(reboot, &text);
        ask_kernel(reboot);
}

static const char *text_of(const sd_bus_error *error)
{
        return error->message ? error->message : error->name;
}

/* Before systemd 257 there is no error of its own for it. */
static bool is_inhibited(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, LOGIND_NAME ".BlockedByInhibitorLock") ||
               sd_bus_error_has_name(error, LOGIND_NAME ".OperationInProgress") ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
}

static int on_reboot(sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        struct reboot *reboot = data;

        (void)ret_error;
        if (!error)
                expect_the_end(reboot);
        else if (is_inhibited(error))
                wait_for_inhibitors(reboot, text_of(error));
        else
                do_without_logind(reboot, text_of(error));
        return 0;
}

static int on_reboot_with_flags(sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
        struct reboot *reboot = data;
        int r;

        /* Before systemd 246.  Reboot() lets root pass all locks, but those have been asked for. */
        if (!sd_bus_error_has_name(sd_bus_message_get_error(reply), SD_BUS_ERROR_UNKNOWN_METHOD))
                return on_reboot(reply, data, ret_error);
        r = logind_call(reboot->bus, "Reboot", on_reboot, reboot, "b", 0);
        if (r < 0)
                do_without_logind(reboot, strerror(-r));
        return 0;
}

static int on_inhibitors(sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        struct reboot *reboot = data;
        struct diag who;
        int r;

        (void)ret_error;
        if (error && logind_is_absent(error)) {
                do_without_logind(reboot, text_of(error));
                return 0;
        }
        /* A logind that does not tell may still do. */
        r = error ? 0 : logind_read_blockers(reply, &who);
        if (r > 0) {
                wait_for_inhibitors(reboot, who.text);
                return 0;
        }
        r = logind_call(reboot->bus, "RebootWithFlags", on_reboot_with_flags, reboot, "t",
                        (uint64_t)CHECK_INHIBITORS);
        if (r < 0)
                do_without_logind(reboot, strerror(-r));
        return 0;
}

/* A property of the manager, such as BlockInhibited. */
static int on_changed(sd_bus_message *m, void *data, sd_bus_error *ret_error)
{
        struct reboot *reboot = data;

        (void)m;
        (void)ret_error;
        if (reboot->waits)
                ask_logind(reboot);
        return 0;
}

static int connect_to_logind(struct reboot *reboot)
{
        int r;

        if (reboot->bus && sd_bus_is_open(reboot->bus) > 0)
                return 0;
        disconnect(reboot);
        r = logind_open(reboot->config.event, &reboot->bus);
        if (r < 0)
                return r;
        return sd_bus_match_signal_async(reboot->bus, NULL, LOGIND_NAME, LOGIND_PATH,
                                         "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                         on_changed, NULL, reboot);
}

static void ask_logind(struct reboot *reboot)
{
        int r;

        reboot->waits = false;
        reboot->again = sd_event_source_disable_unref(reboot->again);
        r = connect_to_logind(reboot);
        if (r >= 0)
                r = logind_call(reboot->bus, "ListInhibitors", on_inhibitors, reboot, "");
        if (r < 0)
                do_without_logind(reboot, strerror(-r));
}

/* ---------------------------------------------------------------------------- a command instead */

static int on_child(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct reboot *reboot = data;
        siginfo_t info = { .si_pid = 0 };
        char what[64];

        (void)source;
        (void)events;
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                return 0;
        drop_child(reboot);
        if (info.si_code == CLD_EXITED && info.si_status == 0) {
                expect_the_end(reboot);
                return 0;
        }
        (void)snprintf(what, sizeof(what), "the reboot command ended with %s %d",
                       info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
        (void)diag_set(&reboot->failure, 0, "%s", what);
        come_back(reboot, 0);
        return 0;
}

static void run_command(struct reboot *reboot, char *const *command)
{
        const struct spawn spawn = {
                .path = command[0],
                .argv = (const char *const *)command,
                .in_fd = -1,
                .out_fd = -1,
                .err_fd = -1,
        };
        int r;

        r = spawn_process(&spawn, &reboot->child_pid, &reboot->child_fd);
        if (r >= 0)
                r = sd_event_add_io(reboot->config.event, &reboot->child, reboot->child_fd, EPOLLIN,
                                    on_child, reboot);
        if (r < 0)
                fail(reboot, r, command[0]);
}

/* ----------------------------------------------------------------------------------- the object */

void reboot_begin(struct reboot *reboot, char *const *command)
{
        if (reboot->under_way)
                return;
        reboot->under_way = true;
        reboot->give_up_usec = time_now_usec() + reboot->config.patience_usec;
        reboot->obstacle = (struct diag)DIAG_INIT;
        reboot->failure = (struct diag)DIAG_INIT;
        if (command && command[0])
                run_command(reboot, command);
        else
                ask_logind(reboot);
}

int reboot_new(const struct reboot_config *config, const struct reboot_events *events, void *data,
               struct reboot **ret)
{
        struct reboot *reboot = calloc(1, sizeof(*reboot));

        if (!reboot)
                return -ENOMEM;
        reboot->config = *config;
        reboot->events = events;
        reboot->data = data;
        reboot->child_fd = -1;
        *ret = reboot;
        return 0;
}

struct reboot *reboot_free(struct reboot *reboot)
{
        if (!reboot)
                return NULL;
        if (reboot->job)
                reboot->job->reboot = NULL;
        disconnect(reboot);
        drop_child(reboot);
        (void)sd_event_source_disable_unref(reboot->again);
        free(reboot);
        return NULL;
}
