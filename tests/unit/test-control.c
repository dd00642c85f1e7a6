/* SPDX-License-Identifier: Apache-2.0
 *
 * The control interface on its socket, with the test as its client. */
#define _GNU_SOURCE 1

#include <dirent.h>

#include "tests/unit/control-rig.h"

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
                  a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not)
