/* SPDX-License-Identifier: Apache-2.0
 *
 * test-ubctl-slots - `ubctl slots` and `ubctl slots mark`, beside a RAUC on a bus of its own */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fake/fake-host.h"
#include "tests/fake/fake-rauc.h"
#include "tests/unit/unit.h"

struct bench {
        struct fake_host *host;
        struct fake_rauc *rauc;
        char said[8192]; /* by the last ubctl, on stdout and stderr */
        size_t length;
        bool ended;
};

static void bench_init(struct bench *b)
{
        *b = (struct bench){ .host = fake_host_new() };
        b->rauc = fake_rauc_new(b->host);
        ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", b->rauc->address, 1), 0);
}

static void bench_done(struct bench *b)
{
        (void)fake_rauc_free(b->rauc);
        (void)fake_host_free(b->host);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct bench *b = data;
        ssize_t n = read(fd, b->said + b->length, sizeof(b->said) - 1 - b->length);

        (void)events;
        if (n > 0) {
                b->length += (size_t)n;
                return 0;
        }
        b->ended = true;
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* Runs `ubctl slots ...` while the fake RAUC answers; returns its exit status. */
static int slots(struct bench *b, const char *a1, const char *a2, const char *a3)
{
        const char *top = getenv("top_builddir");
        sd_event_source *source = NULL;
        char path[512];
        siginfo_t info;
        int fds[2];
        pid_t pid;

        (void)snprintf(path, sizeof(path), "%s/ubctl", top ? top : ".");
        ck_assert_int_eq(pipe(fds), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void)dup2(fds[1], STDOUT_FILENO);
                (void)dup2(fds[1], STDERR_FILENO);
                (void)close(fds[0]);
                (void)close(fds[1]);
                (void)execl(path, path, "--socket=/nonexistent", "slots", a1, a2, a3, (char *)NULL);
                _exit(127);
        }
        (void)close(fds[1]);
        memset(b->said, 0, sizeof(b->said));
        b->length = 0;
        b->ended = false;
        ck_assert_int_ge(sd_event_add_io(b->host->event, &source, fds[0], EPOLLIN, on_output, b),
                         0);
        fake_host_run_until(b->host, &b->ended);
        (void)sd_event_source_unref(source);
        (void)close(fds[0]);
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
        return info.si_status;
}

static void expect_said(const struct bench *b, const char *text)
{
        ck_assert_msg(strstr(b->said, text) != NULL, "expected %s in %s", text, b->said);
}

START_TEST(slots_are_a_table_and_what_boots_next)
{
        struct bench b;

        bench_init(&b);
        ck_assert_int_eq(slots(&b, NULL, NULL, NULL), 0);
        expect_said(&b, "SLOT");
        expect_said(&b, "rootfs.0  A         booted");
        expect_said(&b, "v1.0");
        expect_said(&b, "next boot: rootfs.0");
        ck_assert_int_eq(slots(&b, "--json", NULL, NULL), 0);
        expect_said(&b, "\"bundle.version\": \"v1.0\"");
        expect_said(&b, "\"primary\": \"rootfs.0\"");
        bench_done(&b);
}
END_TEST

START_TEST(a_slot_is_marked_by_either_name)
{
        struct bench b;

        bench_init(&b);
        b.rauc->with_rescue = true;
        ck_assert_int_eq(slots(&b, "mark", "active", "rootfs.1"), 0);
        expect_said(&b, "marked");
        ck_assert_int_eq(b.rauc->primary, 1);
        ck_assert_int_eq(slots(&b, "mark", "bad", "B"), 0);
        ck_assert(!b.rauc->slots[1].good);
        ck_assert_int_eq(slots(&b, "mark", "good", "rescue.0"), 1);
        expect_said(&b, "slot rescue.0 has no place in the boot order");
        ck_assert_int_eq(slots(&b, "mark", "good", "rootfs.7"), 1);
        expect_said(&b, "there is no slot \"rootfs.7\"");
        ck_assert_int_eq(slots(&b, "mark", "nice", "A"), 2);
        expect_said(&b, "a slot is marked good, bad or active, not \"nice\"");
        ck_assert_int_eq(slots(&b, "mark", "good", NULL), 2);
        ck_assert_uint_eq(fake_host_count(b.host, "rauc Mark"), 2);
        bench_done(&b);
}
END_TEST

START_TEST(what_rauc_refuses_is_said)
{
        struct bench b;

        bench_init(&b);
        b.rauc->primary = -1;
        ck_assert_int_eq(slots(&b, NULL, NULL, NULL), 0);
        expect_said(&b, "next boot: unknown: Failed getting primary slot");
        b.rauc->busy = true;
        ck_assert_int_eq(slots(&b, NULL, NULL, NULL), 1);
        expect_said(&b, "RAUC: its slots: an installation is under way; try again when it is over: ");
        fake_rauc_down(b.rauc);
        ck_assert_int_eq(slots(&b, NULL, NULL, NULL), 1);
        expect_said(&b, "ubctl: RAUC: its slots: it does not run: ");
        bench_done(&b);
}
END_TEST

UNIT_MAIN("ubctl-slots", slots_are_a_table_and_what_boots_next, a_slot_is_marked_by_either_name,
          what_rauc_refuses_is_said)
