/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may use the control interface, on its socket and on a system bus of the test's own. */
#define _GNU_SOURCE 1

#include "tests/unit/bus.h"
#include "tests/unit/control-rig.h"

/* ----------------------------------------------------------------------------------- the socket */

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

/* --------------------------------------------------------------------------------- a system bus */

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

/* Waits until the daemon has the name, and returns a connection. */
static sd_bus *wait_for_name(void)
{
        sd_bus *bus = bus_client();
        int owned = 0;

        while (!owned) {
                sd_bus_message *reply = NULL;

                ck_assert_int_ge(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                    "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                                                    CONTROL_NAME), 0);
                ck_assert_int_ge(sd_bus_message_read(reply, "b", &owned), 0);
                (void)sd_bus_message_unref(reply);
        }
        return bus;
}

/* False: there is none to be had. */
static bool have_bus(const struct folder *folder, pid_t *ret)
{
        ck_assert_int_eq(fchmod(folder->fd, 0711), 0);
        *ret = bus_begin(folder);
        if (!*ret)
                (void)printf("# NOT TESTED: the system bus (there is no dbus-daemon)\n");
        return *ret;
}

START_TEST(the_system_bus_has_the_same_object_and_the_same_rules)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *bus = NULL;
        CLEANUP_BUS sd_bus *silent = NULL;
        CLEANUP_BUS sd_bus *direct = NULL;
        char seen[SEEN_MAX] = "";
        char nothing[SEEN_MAX] = "";
        const char *all = "Feedback(A1,{\"status\":\"RUNNING\"})CurrentState(,{\"softwareNodes\":[]})"
                          "AgentChanged(containers,{\"state\":\"running\"})";
        pid_t pid;
        bool have = have_bus(&folder, &pid);

        start(&server, "", true); /* without a bus, too, it starts */
        direct = client(&server);
        EXPECT(direct, "Status", "", NULL, "{\"version\":\"1\"}");
        if (!have)
                return;
        bus = wait_for_name();
        silent = bus_client();
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
        bus_end(pid);
}
END_TEST

START_TEST(a_bus_that_comes_later_or_comes_back_is_noticed)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *direct = NULL;
        unsigned round;
        pid_t pid;

        if (!have_bus(&folder, &pid))
                return;
        bus_end(pid);
        start(&server, "", true);
        direct = client(&server);
        for (round = 0; round < 3; round++) {
                CLEANUP_BUS sd_bus *bus = NULL;

                EXPECT(direct, "Status", "", NULL, "{\"version\":\"1\"}");
                ck_assert(have_bus(&folder, &pid));
                bus = wait_for_name();
                EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
                EXPECT(bus, "Subscribe", "", NULL, "");
                bus_end(pid);
                order(direct, "tell");
        }
}
END_TEST

START_TEST(a_name_that_is_taken_is_ours_when_it_is_free)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_SERVER struct server server;
        CLEANUP_BUS sd_bus *owner = NULL;
        CLEANUP_BUS sd_bus *bus = NULL;
        pid_t pid;

        if (!have_bus(&folder, &pid))
                return;
        owner = bus_client();
        ck_assert_int_ge(sd_bus_request_name(owner, CONTROL_NAME, 0), 0);
        start(&server, "", true);
        ck_assert_int_ge(sd_bus_release_name(owner, CONTROL_NAME), 0);
        bus = wait_for_name();
        EXPECT(bus, "Status", "", NULL, "{\"version\":\"1\"}");
        bus_end(pid);
}
END_TEST

UNIT_MAIN_TIMEOUT("control-access", 60, strangers_are_refused_with_a_sentence,
                  members_of_the_group_may_look_and_nothing_more,
                  the_system_bus_has_the_same_object_and_the_same_rules,
                  a_bus_that_comes_later_or_comes_back_is_noticed,
                  a_name_that_is_taken_is_ours_when_it_is_free)
