/* SPDX-License-Identifier: Apache-2.0
 *
 * A child serves a fake broker, the test is its client, with calls that wait for their answers.
 * The names of activities and agents make the fake do things: see on_applied(). */
#include "config.h"

#include <dirent.h>
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
static int on_applied(void *data, const char *activity, struct desired_state *take_desired,
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

static void serve(const struct server *server, const char *group, bool system_bus, int ready_fd)
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

static void start(struct server *server, const char *group, bool system_bus)
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

static void stop(struct server *server)
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

static sd_bus *client(const struct server *server)
{
        char address[PATH_MAX + 16];
        sd_bus *bus = NULL;

        (void)snprintf(address, sizeof(address), "unix:path=%s", server->socket);
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_address(bus, address), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
        return bus;
}

static void bus_done(sd_bus **bus)
{
        (void)sd_bus_close_unref(*bus);
}
#define CLEANUP_BUS CLEANUP(bus_done)

/* Calls a method with strings, and returns what it answers: its text, or "ERROR NAME: TEXT". */
static char *call(sd_bus *bus, const char *method, const char *types, const char *a)
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

static char *apply(sd_bus *bus, const char *text, const char *activity)
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

static void order(sd_bus *bus, const char *activity)
{
        CLEANUP_FREE char *said = apply(bus, "{}", activity);

        ck_assert_str_eq(said, activity);
}

static int note_signal(sd_bus_message *m, void *data, sd_bus_error *error)
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

static void wait_for_text(sd_bus *bus, const char *seen, const char *wanted)
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
static int raw_client(const struct server *server)
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
static void wait_for_end(int fd)
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
static void as_user(const struct server *server, uid_t uid, gid_t group,
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

static bool is_root(const char *what)
{
        if (geteuid() == 0)
                return true;
        (void)printf("# NOT TESTED: %s (needs root)\n", what);
        (void)fflush(stdout); /* before a child takes a copy of it along */
        return false;
}

/* ------------------------------------------------------------------------------------- the tests */

START_TEST(documents_come_as_they_are)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_FREE char *inventory = NULL;

        start(&server, "", false);
        bus = client(&server);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        EXPECT(bus, "Agents", "", NULL, "{}");
        EXPECT(bus, "History", "", NULL, "{}");
        inventory = call(bus, "Inventory", "", NULL);
        ck_assert_uint_eq(strlen(inventory), 2999999);
}
END_TEST

START_TEST(an_activity_is_named_by_the_option_then_by_the_envelope_then_by_the_broker)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_FREE char *by_option = NULL;
        CLEANUP_FREE char *made_up = NULL;
        CLEANUP_FREE char *another = NULL;
        const char *envelope = "{\"activityId\":\"E1\",\"payload\":{\"domains\":[{\"id\":\"a\"}]}}";

        start(&server, "", false);
        bus = client(&server);
        EXPECT(bus, "Apply", "sa{sv}", envelope, "E1");
        EXPECT(bus, "Apply", "sa{sv}", "{\"activityId\":\"E2\",\"Payload\":null}", "E2");
        EXPECT(bus, "Apply", "sa{sv}", "{\"activity_id\":\"E3\",\"domains\":[]}", "E3");
        by_option = apply(bus, envelope, "O1");
        ck_assert_str_eq(by_option, "O1");
        made_up = call(bus, "Apply", "sa{sv}", "{\"domains\":[{\"id\":\"a\"}]}");
        another = call(bus, "Apply", "sa{sv}", "{\"payload\":{}}");
        ck_assert_uint_eq(strlen(made_up), 32);
        ck_assert_uint_eq(strlen(another), 32);
        ck_assert_str_ne(made_up, another);
}
END_TEST

START_TEST(what_cannot_be_applied_is_refused_with_its_place)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_FREE char *long_id = NULL;
        CLEANUP_FREE char *full = NULL;
        char id[PLACE_ID_MAX + 2];

        start(&server, "", false);
        bus = client(&server);
        EXPECT(bus, "Apply", "sa{sv}", "{\"domains\":7}", "ERROR " CONTROL_ERROR_INVALID
               ": domains: expected an array, not a number");
        EXPECT_BEGIN(bus, "Apply", "sa{sv}", "{\n \"domains\" 7}", "ERROR " CONTROL_ERROR_INVALID
                     ": line 2, column 12: ");
        EXPECT(bus, "Apply", "sa{sv}", " ", "ERROR " CONTROL_ERROR_INVALID ": the message is empty");
        EXPECT_BEGIN(bus, "Apply", "sa{sv}", "[]", "ERROR " CONTROL_ERROR_INVALID ": line 1, column 1: ");
        EXPECT_BEGIN(bus, "Apply", "sa{sv}", "{\"payload\":{\"domains\":[{}]}}",
                     "ERROR " CONTROL_ERROR_INVALID ": ");
        memset(id, 'i', sizeof(id) - 1);
        id[sizeof(id) - 1] = '\0';
        long_id = apply(bus, "{}", id);
        ck_assert_str_eq(long_id, "ERROR " SD_BUS_ERROR_INVALID_ARGS ": option activityId: 1 to 64 bytes");
        full = apply(bus, "{}", "full");
        ck_assert_str_eq(full, "ERROR " CONTROL_ERROR_FAILED ": the journal cannot be written");
}
END_TEST

START_TEST(an_unknown_option_is_refused_by_name)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;

        start(&server, "", false);
        bus = client(&server);
        ck_assert_int_lt(sd_bus_call_method(bus, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE, "Apply",
                                            &error, NULL, "sa{sv}", "{}", 1, "force", "b", 1), 0);
        ck_assert_str_eq(error.message, "option force: there is only activityId");
        sd_bus_error_free(&error);
        ck_assert_int_lt(sd_bus_call_method(bus, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE, "Apply",
                                            &error, NULL, "sa{sv}", "{}", 1, "activityId", "u", 1), 0);
        ck_assert_str_eq(error.message, "option activityId: expected a string");
        sd_bus_error_free(&error);
}
END_TEST

START_TEST(failures_of_the_broker_have_names)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;

        start(&server, "", false);
        bus = client(&server);
        EXPECT(bus, "Cancel", "s", "", "ERROR " CONTROL_ERROR_NOT_FOUND ": no activity runs");
        order(bus, "A7");
        EXPECT(bus, "Cancel", "s", "", "A7");
        EXPECT(bus, "Cancel", "s", "late", "ERROR " CONTROL_ERROR_BUSY
               ": activity late is cleaning up: it is too late to cancel it");
        EXPECT(bus, "Enable", "s", "containers", "");
        EXPECT(bus, "Disable", "s", "busy", "ERROR " CONTROL_ERROR_BUSY
               ": agent busy takes part in activity A1");
        EXPECT(bus, "Disable", "s", "x", "ERROR " CONTROL_ERROR_NOT_FOUND ": there is no agent x");
}
END_TEST

START_TEST(calls_that_are_malformed_are_refused_one_by_one)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;

        start(&server, "", false);
        bus = client(&server);
        EXPECT_BEGIN(bus, "Status", "s", "superfluous", "ERROR " SD_BUS_ERROR_INVALID_ARGS ": ");
        EXPECT_BEGIN(bus, "Apply", "s", "{}", "ERROR " SD_BUS_ERROR_INVALID_ARGS ": ");
        EXPECT_BEGIN(bus, "Applyy", "", NULL, "ERROR " SD_BUS_ERROR_UNKNOWN_METHOD ": ");
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
}
END_TEST

START_TEST(bytes_that_are_not_dbus_end_that_connection_only)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        int fd;

        start(&server, "", false);
        bus = client(&server);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        fd = raw_client(&server);
        ck_assert_int_eq(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
        wait_for_end(fd);
        (void)close(fd);
        (void)close(raw_client(&server)); /* hangs up before it has said a word */
        fd = raw_client(&server);
        ck_assert_int_eq(write(fd, "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\nx", 31), 31);
        ck_assert_int_eq(write(fd, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 32), 32);
        wait_for_end(fd);
        (void)close(fd);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
}
END_TEST

START_TEST(a_mebibyte_is_taken_and_more_is_refused)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_FREE char *text = NULL;
        CLEANUP_FREE char *said = NULL;
        size_t length = (size_t)PLACE_JSON_MAX;

        start(&server, "", false);
        bus = client(&server);
        text = calloc(1, 2 * length);
        ck_assert_ptr_nonnull(text);
        memset(text, ' ', length);
        memcpy(text, "{}", 2);
        said = apply(bus, text, "big");
        ck_assert_str_eq(said, "big");

        memset(text + 2, ' ', (size_t)CONTROL_TEXT_MAX);
        EXPECT_BEGIN(bus, "Apply", "sa{sv}", text,
                     "ERROR " SD_BUS_ERROR_LIMITS_EXCEEDED ": a desired state of 1052674 bytes: at most ");
}
END_TEST

START_TEST(signals_go_to_those_who_subscribed)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS sd_bus *other = NULL;
        char seen[SEEN_MAX] = "";
        char nothing[SEEN_MAX] = "";
        const char *all = "Feedback(A1,{\"status\":\"RUNNING\"})CurrentState(,{\"softwareNodes\":[]})"
                          "AgentChanged(containers,{\"state\":\"running\"})";

        start(&server, "", false);
        bus = client(&server);
        other = client(&server);
        ck_assert_int_ge(sd_bus_match_signal(bus, NULL, NULL, CONTROL_PATH, CONTROL_INTERFACE, NULL,
                                             note_signal, seen), 0);
        ck_assert_int_ge(sd_bus_match_signal(other, NULL, NULL, CONTROL_PATH, CONTROL_INTERFACE, NULL,
                                             note_signal, nothing), 0);
        EXPECT(bus, "Subscribe", "", NULL, "");
        order(other, "tell");
        wait_for_text(bus, seen, all);
        EXPECT(bus, "Unsubscribe", "", NULL, "");
        order(other, "tell");
        /* Whatever was sent is here before the answer to a later call. */
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        EXPECT(other, "Status", "", NULL, "{\"version\":\"1\"}");
        while (sd_bus_process(bus, NULL) > 0 || sd_bus_process(other, NULL) > 0)
                ;
        ck_assert_str_eq(seen, all);
        ck_assert_str_eq(nothing, "");
}
END_TEST

START_TEST(a_client_that_does_not_read_is_cut_off_and_others_go_on)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS sd_bus *sleeper = NULL;
        int r;

        start(&server, "", false);
        sleeper = client(&server);
        EXPECT(sleeper, "Subscribe", "", NULL, "");
        bus = client(&server);
        order(bus, "flood"); /* 100 MB */
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        /* It finds what fitted into its socket, and then the end. */
        do {
                r = sd_bus_process(sleeper, NULL);
                if (r == 0)
                        r = sd_bus_wait(sleeper, PATIENCE_USEC);
                ck_assert_int_ne(r, 0);
        } while (r > 0);
}
END_TEST

static int count_answer(sd_bus_message *m, void *data, sd_bus_error *error)
{
        int *n = data;

        (void)error;
        if (sd_bus_message_is_method_error(m, NULL))
                n[1]++;
        else
                n[0]++;
        return 0;
}

START_TEST(a_client_that_asks_and_does_not_read_is_cut_off)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS sd_bus *sleeper = NULL;
        struct pollfd hang_up = { .events = POLLRDHUP };
        int n[2] = { 0, 0 };
        int i;

        start(&server, "", false);
        sleeper = client(&server);
        EXPECT(sleeper, "Status", "", NULL, "{\"version\":\"1\"}");
        for (i = 0; i < 100; i++) {
                if (sd_bus_call_method_async(sleeper, NULL, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE,
                                             "Inventory", count_answer, n, NULL) < 0)
                        break;
        }
        (void)sd_bus_flush(sleeper); /* cut off in the middle, perhaps */
        bus = client(&server);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        hang_up.fd = sd_bus_get_fd(sleeper);
        ck_assert_int_eq(poll(&hang_up, 1, PATIENCE_USEC / 1000), 1);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
}
END_TEST

START_TEST(long_calls_are_answered_when_they_are_done_and_counted)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS sd_bus *leaver = NULL;
        CLEANUP_BUS sd_bus *other = NULL;
        int n[2] = { 0, 0 };
        int i;

        start(&server, "", false);
        bus = client(&server);
        EXPECT(bus, "CheckConfig", "", NULL, "{\"problems\":[]}");
        EXPECT(bus, "Reload", "", NULL, "");
        order(bus, "hold");
        leaver = client(&server); /* asks and leaves */
        ck_assert_int_ge(sd_bus_call_method_async(leaver, NULL, CONTROL_NAME, CONTROL_PATH,
                                                  CONTROL_INTERFACE, "Reload", NULL, NULL, NULL), 0);
        ck_assert_int_ge(sd_bus_flush(leaver), 0);
        EXPECT(leaver, "Status", "", NULL, "{\"version\":\"1\"}");
        leaver = sd_bus_close_unref(leaver);
        for (i = 0; i < CONTROL_CALLS_MAX; i++)
                ck_assert_int_ge(sd_bus_call_method_async(bus, NULL, CONTROL_NAME, CONTROL_PATH,
                                                          CONTROL_INTERFACE, i % 2 ? "Reload" : "CheckConfig",
                                                          count_answer, n, NULL), 0);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        while (n[1] < 1)
                if (sd_bus_process(bus, NULL) == 0)
                        ck_assert_int_gt(sd_bus_wait(bus, PATIENCE_USEC), 0);
        ck_assert_int_eq(n[0], 0);
        other = client(&server);
        order(other, "release");
        while (n[0] < CONTROL_CALLS_MAX - 1)
                if (sd_bus_process(bus, NULL) == 0)
                        ck_assert_int_gt(sd_bus_wait(bus, PATIENCE_USEC), 0);
        ck_assert_int_eq(n[1], 1);
        order(bus, "hold"); /* the server ends while calls are open */
        ck_assert_int_ge(sd_bus_call_method_async(bus, NULL, CONTROL_NAME, CONTROL_PATH,
                                                  CONTROL_INTERFACE, "Reload", NULL, NULL, NULL), 0);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
}
END_TEST

START_TEST(clients_are_counted)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        int fds[CONTROL_CLIENTS_MAX];
        int i;

        start(&server, "", false);
        for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
                fds[i] = raw_client(&server);
        wait_for_end(raw_client(&server));
        for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
                (void)close(fds[i]);
        /* Whether the server has noticed yet that they left is a race; that it does is not. */
        for (;;) {
                CLEANUP_FREE char *said = NULL;

                bus = client(&server);
                said = call(bus, "Status", "", NULL);
                if (strcmp(said, "{\"version\":\"1\"}") == 0)
                        break;
                bus = sd_bus_close_unref(bus);
        }
}
END_TEST

/* Strangers are heard once. */
static void be_a_stranger(const struct server *server)
{
        CLEANUP_BUS sd_bus *bus = client(server);
        CLEANUP_BUS sd_bus *other = client(server);

        EXPECT_BEGIN(bus, "Status", "", NULL, "ERROR " SD_BUS_ERROR_ACCESS_DENIED
                     ": only root and the user of update-brokerd may look; ");
        EXPECT_BEGIN(bus, "Status", "", NULL, "ERROR ");
        ck_assert_int_le(sd_bus_is_open(bus), 0);
        EXPECT(other, "Apply", "sa{sv}", "{}", "ERROR " SD_BUS_ERROR_ACCESS_DENIED
               ": only root and the user of update-brokerd may do this");
}

static void be_many_strangers(const struct server *server)
{
        int fds[CONTROL_STRANGERS_MAX + 1];
        size_t i;

        for (i = 0; i < ARRAY_SIZE(fds); i++)
                fds[i] = raw_client(server);
        wait_for_end(fds[CONTROL_STRANGERS_MAX]);
}

/* Announces 100,000,000 bytes, and sends as many of them as somebody takes. */
static void be_a_loud_stranger(const struct server *server)
{
        static const char header[] = "l\1\0\1\0\341\365\5\1\0\0\0\20\0\0";
        static const char greeting[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
        char zeros[65536] = { 0 };
        char answer[256];
        size_t total = 0;
        ssize_t n;
        int fd = raw_client(server);

        ck_assert_int_gt(send(fd, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL), 0);
        ck_assert_int_gt(read(fd, answer, sizeof(answer)), 0);
        ck_assert_int_eq(send(fd, header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
        while ((n = send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL)) > 0)
                total += (size_t)n;
        ck_assert(errno == EPIPE || errno == ECONNRESET);
        ck_assert_uint_lt(total, 1000000);
        (void)close(fd);
}

START_TEST(strangers_are_refused_with_a_sentence)
{
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;

        if (!is_root("strangers")) {
                start(&server, "", false);
                return;
        }
        start(&server, "", false);
        bus = client(&server);
        as_user(&server, STRANGER, 0, be_a_stranger);
        as_user(&server, STRANGER, 0, be_many_strangers);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        as_user(&server, STRANGER, 0, be_a_loud_stranger);
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
}
END_TEST

static void be_a_member(const struct server *server)
{
        CLEANUP_BUS sd_bus *bus = client(server);

        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        EXPECT(bus, "Subscribe", "", NULL, "");
        EXPECT(bus, "CheckConfig", "", NULL, "{\"problems\":[]}");
        EXPECT_BEGIN(bus, "Cancel", "s", "", "ERROR " SD_BUS_ERROR_ACCESS_DENIED ": ");
        EXPECT_BEGIN(bus, "Reload", "", NULL, "ERROR " SD_BUS_ERROR_ACCESS_DENIED ": ");
}

static void be_no_member(const struct server *server)
{
        CLEANUP_BUS sd_bus *bus = client(server);

        EXPECT(bus, "Agents", "", NULL, "ERROR " SD_BUS_ERROR_ACCESS_DENIED
               ": only root, the user of update-brokerd and members of group 4242 may look");
}

START_TEST(members_of_the_group_may_look_and_nothing_more)
{
        CLEANUP_SERVER struct server server;

        start(&server, "4242", false);
        if (!is_root("members of the group"))
                return;
        as_user(&server, STRANGER, 4242, be_a_member);
        as_user(&server, STRANGER, 4243, be_no_member);
}
END_TEST

START_TEST(a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        struct control_config config = { .group = "" };
        struct fake_broker fake = { .control = NULL };
        struct control *second = NULL;
        struct diag diag = DIAG_INIT;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char path[PATH_MAX];
        char wanted[PATH_MAX + 64];
        struct stat st;
        sd_event *event = NULL;
        int fd;

        folder_path(&folder, "control", path);
        config.socket_path = path;
        ck_assert_int_ge(sd_event_new(&event), 0);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memcpy(address.sun_path, path, strlen(path) + 1);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)close(fd);

        ck_assert_int_eq(control_new(event, NULL, &config, &fake_broker_ops, &fake, NULL, &fake.control), 0);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 0777, 0666);
        ck_assert_int_eq(control_new(event, NULL, &config, &fake_broker_ops, &fake, &diag, &second),
                         -EADDRINUSE);
        (void)snprintf(wanted, sizeof(wanted), "%s: another update-brokerd listens there", path);
        ck_assert_str_eq(diag.text, wanted);
        ck_assert_ptr_null(second);
        ck_assert_int_eq(access(path, F_OK), 0);
        fake_broker_done(&fake);
        ck_assert_int_ne(access(path, F_OK), 0);
        (void)sd_event_unref(event);
}
END_TEST

/* --------------------------------------------------------------------------------- a system bus */

static pid_t start_bus(const struct folder *folder, char address[static PATH_MAX])
{
        char config[PATH_MAX];
        char option[PATH_MAX + 16];
        char text[2 * PATH_MAX];
        int ready[2];
        ssize_t n;
        pid_t pid;

        ck_assert_int_lt(snprintf(text, sizeof(text),
                                  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
                                  "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
                                  "<busconfig><listen>unix:path=%s/bus</listen><policy context='default'>"
                                  "<allow user='*'/><allow own='*'/><allow send_destination='*'/>"
                                  "<allow receive_sender='*'/></policy></busconfig>", folder->path),
                         (int)sizeof(text));
        folder_write(folder, "bus.conf", text);
        folder_path(folder, "bus.conf", config);
        (void)snprintf(option, sizeof(option), "--config-file=%s", config);
        ck_assert_int_eq(pipe(ready), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)dup2(ready[1], STDOUT_FILENO);
                (void)execlp("dbus-daemon", "dbus-daemon", option, "--nofork", "--nopidfile",
                             "--nosyslog", "--print-address=1", (char *)NULL);
                _exit(127);
        }
        (void)close(ready[1]);
        n = read(ready[0], address, PATH_MAX - 1); /* until then it does not listen; 0: no such program */
        (void)close(ready[0]);
        if (n <= 0) {
                (void)waitpid(pid, NULL, 0);
                return 0;
        }
        address[strcspn(address, "\n")] = '\0';
        return pid;
}

static sd_bus *bus_client(void)
{
        sd_bus *bus = NULL;

        ck_assert_int_ge(sd_bus_open_system(&bus), 0);
        return bus;
}

static void be_a_stranger_on_the_bus(const struct server *server)
{
        CLEANUP_BUS sd_bus *bus = bus_client();

        (void)server;
        EXPECT_BEGIN(bus, "Status", "", NULL, "ERROR " SD_BUS_ERROR_ACCESS_DENIED ": only root");
}

START_TEST(the_system_bus_has_the_same_object_and_the_same_rules)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS sd_bus *silent = NULL;
        CLEANUP_BUS sd_bus *direct = NULL;
        char address[PATH_MAX] = "";
        char seen[SEEN_MAX] = "";
        char nothing[SEEN_MAX] = "";
        const char *all = "Feedback(A1,{\"status\":\"RUNNING\"})CurrentState(,{\"softwareNodes\":[]})"
                          "AgentChanged(containers,{\"state\":\"running\"})";
        int owned = 0;
        pid_t pid;

        ck_assert_int_eq(fchmod(folder.fd, 0711), 0);
        pid = start_bus(&folder, address);
        ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", pid ? address : "unix:path=/nonexistent", 1), 0);
        start(&server, "", true); /* without a bus, too, it starts */
        direct = client(&server);
        EXPECT(direct, "Status", "", NULL, "{\"version\":\"1\"}");
        if (!pid) {
                (void)printf("# NOT TESTED: the system bus (there is no dbus-daemon)\n");
                return;
        }
        bus = bus_client();
        silent = bus_client();
        while (!owned) {
                sd_bus_message *reply = NULL;

                ck_assert_int_ge(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                    "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                                                    CONTROL_NAME), 0);
                ck_assert_int_ge(sd_bus_message_read(reply, "b", &owned), 0);
                (void)sd_bus_message_unref(reply);
        }
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        ck_assert_int_ge(sd_bus_match_signal(bus, NULL, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE, NULL,
                                             note_signal, seen), 0);
        ck_assert_int_ge(sd_bus_match_signal(silent, NULL, CONTROL_NAME, CONTROL_PATH, CONTROL_INTERFACE,
                                             NULL, note_signal, nothing), 0);
        EXPECT(bus, "Subscribe", "", NULL, "");
        EXPECT(bus, "Subscribe", "", NULL, "");
        order(direct, "tell");
        wait_for_text(bus, seen, all);
        EXPECT(silent, "Status", "", NULL, "{\"version\":\"1\"}");
        while (sd_bus_process(silent, NULL) > 0)
                ;
        ck_assert_str_eq(nothing, "");
        if (is_root("a stranger on the system bus"))
                as_user(&server, STRANGER, 0, be_a_stranger_on_the_bus);

        /* The bus dies, the daemon does not. */
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        order(direct, "tell");
        EXPECT(direct, "Status", "", NULL, "{\"version\":\"1\"}");
}
END_TEST

UNIT_MAIN_TIMEOUT("control", 60, documents_come_as_they_are,
                  an_activity_is_named_by_the_option_then_by_the_envelope_then_by_the_broker,
                  what_cannot_be_applied_is_refused_with_its_place,
                  an_unknown_option_is_refused_by_name,
                  failures_of_the_broker_have_names,
                  calls_that_are_malformed_are_refused_one_by_one,
                  bytes_that_are_not_dbus_end_that_connection_only,
                  a_mebibyte_is_taken_and_more_is_refused,
                  signals_go_to_those_who_subscribed,
                  a_client_that_does_not_read_is_cut_off_and_others_go_on,
                  a_client_that_asks_and_does_not_read_is_cut_off,
                  long_calls_are_answered_when_they_are_done_and_counted,
                  clients_are_counted,
                  strangers_are_refused_with_a_sentence,
                  members_of_the_group_may_look_and_nothing_more,
                  a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not,
                  the_system_bus_has_the_same_object_and_the_same_rules)
