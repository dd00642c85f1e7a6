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

#include "host/util/diag.h"
#include "host/util/spawn.h"
#include "host/util/time.h"
#include "host/util/worker.h"

#define LOGIND "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"

/* SD_LOGIND_ROOT_CHECK_INHIBITORS: also root waits for those who inhibit. */
enum { CHECK_INHIBITORS = 1 };

/* sync(2) and reboot(2) take their time, and outlive the object. */
struct reboot_job {
        struct reboot *reboot; /* NULL: gone */
};

struct reboot {
        sd_event *event;       /* borrowed, like the worker */
        struct worker *worker;
        const struct reboot_events *events;
        void *data;
        bool under_way;
        unsigned retries;
        sd_bus *bus;
        sd_event_source *again;  /* timer: the next question, or a failure to tell */
        sd_event_source *child;  /* the command, by its pidfd */
        int child_fd;
        pid_t child_pid;
        struct reboot_job *job;
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
        reboot->under_way = false;
        reboot->events->failed(reboot->data, reboot->failure.text);
        return 0;
}

static void come_back(struct reboot *reboot, uint64_t usec)
{
        reboot->again = sd_event_source_disable_unref(reboot->again);
        if (sd_event_add_time_relative(reboot->event, &reboot->again, CLOCK_BOOTTIME, usec, 0,
                                       on_again, reboot) < 0)
                reboot->under_way =
                        false; /* out of memory: nobody is told, but the next one may try */
}

static void fail(struct reboot *reboot, int r, const char *what)
{
        (void)diag_set_errno(&reboot->failure, r, "%s", what);
        come_back(reboot, 0);
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
                r = worker_submit(reboot->worker, boot_now, on_boot_now, reboot->job);
        }
        if (r == 0)
                return;
        free(reboot->job);
        reboot->job = NULL;
        fail(reboot, r, "reboot(2)");
}

/* -------------------------------------------------------------------------------------- logind */

static bool is_inhibited(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, LOGIND ".BlockedByInhibitorLock") ||
               sd_bus_error_has_name(error, LOGIND ".OperationInProgress") ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
}

static int on_logind(sd_bus_message *message, void *data, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(message);
        struct reboot *reboot = data;
        struct diag text;

        (void)ret_error;
        if (!error)
                return 0; /* the device goes down */
        (void)diag_set(&text, 0, "logind does not boot the device: %s",
                       error->message ? error->message : error->name);
        reboot->events->log(reboot->data, text.text);
        if (!is_inhibited(error)) {
                ask_kernel(reboot);
        } else if (reboot->retries++ < REBOOT_RETRIES) {
                come_back(reboot, REBOOT_RETRY_USEC);
        } else {
                reboot->failure = text;
                come_back(reboot, 0);
        }
        return 0;
}

static int call_logind(struct reboot *reboot)
{
        int r = 0;

        if (!reboot->bus) {
                r = sd_bus_open_system(&reboot->bus);
                if (r >= 0)
                        r = sd_bus_attach_event(reboot->bus, reboot->event,
                                                SD_EVENT_PRIORITY_NORMAL);
        }
        if (r >= 0)
                r = sd_bus_call_method_async(reboot->bus, NULL, LOGIND, LOGIND_PATH, LOGIND_MANAGER,
                                             "RebootWithFlags", on_logind, reboot, "t",
                                             (uint64_t)CHECK_INHIBITORS);
        return r;
}

static void ask_logind(struct reboot *reboot)
{
        struct diag text;
        int r = call_logind(reboot);

        if (r >= 0)
                return;
        (void)diag_set_errno(&text, r, "logind cannot be asked to boot the device");
        reboot->events->log(reboot->data, text.text);
        ask_kernel(reboot);
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
        if (info.si_code == CLD_EXITED && info.si_status == 0)
                return 0; /* the device goes down */
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
                r = sd_event_add_io(reboot->event, &reboot->child, reboot->child_fd, EPOLLIN,
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
        reboot->retries = 0;
        reboot->failure = (struct diag)DIAG_INIT;
        if (command && command[0])
                run_command(reboot, command);
        else
                ask_logind(reboot);
}

int reboot_new(sd_event *event, struct worker *worker, const struct reboot_events *events,
               void *data, struct reboot **ret)
{
        struct reboot *reboot = calloc(1, sizeof(*reboot));

        if (!reboot)
                return -ENOMEM;
        reboot->event = event;
        reboot->worker = worker;
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
