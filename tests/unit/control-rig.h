/* SPDX-License-Identifier: Apache-2.0
 *
 * control-rig - a child serves a fake broker, the test is its client, with calls that wait for their
 * answers
 *
 * The names of activities and agents make the fake do things: see on_applied().  The including file
 * defines _GNU_SOURCE. */
#pragma once

#include "config.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "host/broker/control-internal.h"
#include "host/log/log.h"
#include "host/util/diag.h"
#include "tests/fake/fake-broker.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

enum { PATIENCE_USEC = 10000000, STRANGER = 65534, SEEN_MAX = 1024 };

struct server {
        struct folder folder;
        char socket[PATH_MAX];
        pid_t pid;
};

/* ----------------------------------------------------------------------------------- the server */

static struct control_ops server_ops;

/* flood: a thousand big feedbacks.  tell: one of each signal.  hold, release: of held calls. */
static inline int on_applied(void *data, const char *activity, struct desired_state *take_desired,
                             struct diag *diag)
{
        struct fake_broker *fake = data;
        CLEANUP_FREE char *big = NULL;
        int i;
        int r;

        r = fake_broker_ops.apply(data, activity, take_desired, diag);
        if (r < 0)
                return r;
        if (strcmp(activity, "tell") == 0) {
                control_feedback(fake->control, "A1", "{\"status\":\"RUNNING\"}");
                control_current_state(fake->control, "", "{\"softwareNodes\":[]}");
                control_agent_changed(fake->control, "containers", "{\"state\":\"running\"}");
        } else if (strcmp(activity, "flood") == 0) {
                big = calloc(1, 100000);
                ck_assert_ptr_nonnull(big);
                memset(big, 'x', 99999);
                for (i = 0; i < 1000; i++)
                        control_feedback(fake->control, "A1", big);
        } else if (strcmp(activity, "hold") == 0) {
                fake->hold = true;
        } else if (strcmp(activity, "release") == 0) {
                fake_broker_release(fake);
        }
        return 0;
}

static inline void serve(const struct server *server, const char *group, bool system_bus, int ready_fd)
{
        const struct control_config config = {
                .socket_path = server->socket,
                .group = group,
                .system_bus = system_bus,
        };
        struct fake_broker fake = { .control = NULL };
        struct log_options options = { .level = LOG_LEVEL_DEBUG };
        struct log *log = NULL;
        sd_event *event = NULL;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        server_ops = fake_broker_ops;
        server_ops.apply = on_applied;
        fake.documents[CONTROL_DOCUMENT_STATUS] = strdup("{\"version\":\"1\"}");
        fake.documents[CONTROL_DOCUMENT_INVENTORY] = calloc(1, 3000000);
        ck_assert_ptr_nonnull(fake.documents[CONTROL_DOCUMENT_INVENTORY]);
        memset(fake.documents[CONTROL_DOCUMENT_INVENTORY], ' ', 2999999);
        fake.report = strdup("{\"problems\":[]}");
        ck_assert_int_ge(log_new(&options, NULL, &log), 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_ge(control_new(event, log, &config, &server_ops, &fake, NULL, &fake.control), 0);
        /* SIGTERM ends the loop, so that leaks of the server are seen. */
        ck_assert_int_ge(sd_event_add_signal(event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, NULL, NULL),
                         0);
        ck_assert_int_eq(write(ready_fd, "", 1), 1);
        ck_assert_int_ge(sd_event_loop(event), 0);
        fake_broker_done(&fake);
        (void)log_free(log);
        (void)sd_event_unref(event);
}

static inline void start(struct server *server, const char *group, bool system_bus)
{
        int ready[2];
        char c;

        server->folder = folder_new();
        ck_assert_int_eq(fchmod(server->folder.fd, 0711), 0);
        folder_path(&server->folder, "control", server->socket);
        ck_assert_int_eq(pipe(ready), 0);
        server->pid = fork();
        ck_assert_int_ge(server->pid, 0);
        if (server->pid == 0) {
                serve(server, group, system_bus, ready[1]);
                exit(EXIT_SUCCESS);
        }
        (void)close(ready[1]);
        ck_assert_int_eq(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
}

static inline void stop(struct server *server)
{
        int status;

        ck_assert_int_eq(kill(server->pid, SIGTERM), 0);
        ck_assert_int_eq(waitpid(server->pid, &status, 0), server->pid);
        ck_assert_int_eq(status, 0);
        ck_assert_int_ne(access(server->socket, F_OK), 0); /* it takes its socket away */
        folder_done(&server->folder);
}
#define CLEANUP_SERVER CLEANUP(stop)

/* ----------------------------------------------------------------------------------- the client */

static inline sd_bus *client(const struct server *server)
{
        char address[PATH_MAX + 16];
        sd_bus *bus = NULL;

        (void)snprintf(address, sizeof(address), "unix:path=%s", server->socket);
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_address(bus, address), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        return bus;
}

static inline void bus_done(sd_bus **bus)
{
        (void)sd_bus_close_unref(*bus);
}
#define CLEANUP_BUS CLEANUP(bus_done)

/* Calls a method with strings, and returns what it answers: its text, or "ERROR NAME: TEXT". */
static inline char *call(sd_bus *bus, const char *method, const char *types, const char *a)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *text = "";
        char *result;
        int r;

        if (*types)
                r = sd_bus_call_method(bus, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE, method, &error,
                                       &reply, types, a, 0, NULL);
        else
                r = sd_bus_call_method(bus, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE, method, &error,
                                       &reply, NULL);
        if (r < 0) {
                ck_assert_int_ge(asprintf(&result, "ERROR %s: %s", error.name ? error.name : strerror(-r),
                                          error.message ? error.message : ""), 0);
        } else {
                if (!sd_bus_message_is_empty(reply))
                        ck_assert_int_ge(sd_bus_message_read(reply, "s", &text), 0);
                result = strdup(text);
        }
        sd_bus_error_free(&error);
        (void)sd_bus_message_unref(reply);
        return result;
}

#define EXPECT(bus, method, types, a, wanted)                            \
        do {                                                             \
                CLEANUP_FREE char *_said = call(bus, method, types, a); \
                ck_assert_str_eq(_said, wanted);                         \
        } while (0)

#define EXPECT_BEGIN(bus, method, types, a, wanted)                      \
        do {                                                             \
                CLEANUP_FREE char *_said = call(bus, method, types, a); \
                ck_assert_msg(strncmp(_said, wanted, strlen(wanted)) == 0, "%.300s", _said); \
        } while (0)

static inline char *apply(sd_bus *bus, const char *text, const char *activity)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *id = "";
        char *result;
        int r;

        r = sd_bus_call_method(bus, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE, "Apply", &error, &reply,
                               "sa{sv}", text, 1, "activityId", "s", activity);
        if (r >= 0)
                ck_assert_int_ge(sd_bus_message_read(reply, "s", &id), 0);
        result = r < 0 ? NULL : strdup(id);
        if (r < 0)
                ck_assert_int_ge(asprintf(&result, "ERROR %s: %s", error.name ? error.name : strerror(-r),
                                          error.message ? error.message : ""), 0);
        sd_bus_error_free(&error);
        (void)sd_bus_message_unref(reply);
        return result;
}

static inline void order(sd_bus *bus, const char *activity)
{
        CLEANUP_FREE char *said = apply(bus, "{}", activity);

        ck_assert_str_eq(said, activity);
}

static inline int note_signal(sd_bus_message *m, void *data, sd_bus_error *error)
{
        char *seen = data;
        const char *first;
        const char *json;
        size_t length = strlen(seen);

        (void)error;
        ck_assert_int_ge(sd_bus_message_read(m, "ss", &first, &json), 0);
        ck_assert_int_lt(snprintf(seen + length, SEEN_MAX - length, "%s(%s,%s)",
                                  sd_bus_message_get_member(m), first, json), (int)(SEEN_MAX - length));
        return 0;
}

static inline void wait_for_text(sd_bus *bus, const char *seen, const char *wanted)
{
        int r;

        while (strcmp(seen, wanted) != 0) {
                ck_assert_msg(strncmp(seen, wanted, strlen(seen)) == 0, "%s", seen);
                r = sd_bus_process(bus, NULL);
                ck_assert_int_ge(r, 0);
                if (r == 0)
                        ck_assert_int_gt(sd_bus_wait(bus, PATIENCE_USEC), 0);
        }
}

/* A connection of bytes. */
static inline int raw_client(const struct server *server)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        ck_assert_uint_lt(strlen(server->socket), sizeof(address.sun_path));
        memcpy(address.sun_path, server->socket, strlen(server->socket) + 1);
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* Waits until the server has closed the connection, whatever it says before. */
static inline void wait_for_end(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        char buf[4096];
        ssize_t n;

        do {
                ck_assert_int_eq(poll(&poll_fd, 1, PATIENCE_USEC / 1000), 1);
                n = read(fd, buf, sizeof(buf));
        } while (n > 0);
        ck_assert(n == 0 || errno == ECONNRESET);
}

/* Runs fn as another user, in a child; what fn asserts counts here. */
static inline void as_user(const struct server *server, uid_t uid, gid_t group,
                           void (*fn)(const struct server *server))
{
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                ck_assert_int_eq(setgroups(group ? 1 : 0, &group), 0);
                ck_assert_int_eq(setgid(uid), 0);
                ck_assert_int_eq(setuid(uid), 0);
                fn(server);
                exit(EXIT_SUCCESS);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}

static inline bool is_root(const char *what)
{
        if (geteuid() == 0)
                return true;
        (void)printf("# NOT TESTED: %s (needs root)\n", what);
        (void)fflush(stdout); /* before a child takes a copy of it along */
        return false;
}
