/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-preflight - self-update.so has RAUC look at a remote bundle before it fetches it
 *
 * A web server, in a process of its own, hands out the files that paths name, and writes down what
 * was asked of it: RAUC's look is the fake's (fake-rauc.h), the download is a real one.  What is in
 * "FILE.served" goes out in place of FILE: a server that has changed its mind. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/self-update-rig.h"

#define NOT_LOOKED "log 6 the bundle is not looked at before it is fetched: "
#define MISMATCH "Bundle version does not match version in desired state request."
#define OTHER "This is not the bundle that was looked at before it was fetched."

struct web {
        pid_t pid;
        int port;
};

/* --------------------------------------------------------------------------------- the web server */

static size_t read_file(const char *path, char *buf, size_t size)
{
        FILE *f = fopen(path, "re");
        size_t n = f ? fread(buf, 1, size, f) : 0;

        if (f)
                (void)fclose(f);
        return n;
}

static void answer(int client, const char *folder)
{
        char request[2048];
        char body[4096];
        char log[PATH_MAX];
        char path[PATH_MAX];
        ssize_t n = recv(client, request, sizeof(request) - 1, 0);
        size_t length;
        FILE *f;

        if (n <= 0)
                return;
        request[n] = '\0';
        (void)snprintf(log, sizeof(log), "%s/requests", folder);
        f = fopen(log, "ae");
        if (f) {
                (void)fputs(request, f);
                (void)fclose(f);
        }
        request[4 + strcspn(request + 4, " ")] = '\0';
        (void)snprintf(path, sizeof(path), "%s.served", request + 4);
        length = read_file(path, body, sizeof(body));
        if (length == 0)
                length = read_file(request + 4, body, sizeof(body));
        (void)dprintf(client, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", length,
                      (int)length, body);
}

static struct web web_start(const struct rig *rig)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        struct web web;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        web.port = ntohs(address.sin_port);
        web.pid = fork();
        ck_assert_int_ge(web.pid, 0);
        while (web.pid == 0) {
                int client;

                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                client = accept(fd, NULL, NULL);
                answer(client, rig->folder.path);
                (void)close(client);
        }
        (void)close(fd);
        return web;
}

static void web_stop(const struct web *web)
{
        (void)kill(web->pid, SIGKILL);
        (void)waitpid(web->pid, NULL, 0);
}

/* Was the server asked for anything, and did all of it have this in it? */
static bool was_asked(const struct rig *rig, const char *part)
{
        char path[PATH_MAX];
        char buf[8192];
        size_t n;

        (void)snprintf(path, sizeof(path), "%s/requests", rig->folder.path);
        n = read_file(path, buf, sizeof(buf) - 1);
        buf[n] = '\0';
        return n > 0 && strstr(buf, part);
}

/* ----------------------------------------------------------------------------------------- steps */

static void order_download(struct rig *rig, const struct web *web, const char *bundle)
{
        char json[2 * PATH_MAX];

        (void)snprintf(json, sizeof(json),
                       "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                       "\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                       "\"http://127.0.0.1:%d%s/%s\"}]}]}]}",
                       web->port, rig->folder.path, bundle);
        ck_assert_int_eq(rig->plugin->agent->desired_state(rig->self, "a1", json), 0);
        (void)await(rig, "IDENTIFIED");
        order(rig, "a1", UB_CMD_DOWNLOAD);
}

/* DOWNLOAD goes through, with or without a look before. */
static void check_download(struct rig *rig, const struct web *web, const char *bundle,
                           unsigned n_looks)
{
        order_download(rig, web, bundle);
        (void)await(rig, "DOWNLOAD_SUCCESS");
        ck_assert(was_asked(rig, "GET "));
        ck_assert_uint_eq(fake_host_count(rig->fake, "rauc looks from afar"), n_looks);
        ck_assert_uint_eq(fake_host_count(rig->fake, "rauc fetches the whole bundle"), 0);
}

/* ----------------------------------------------------------------------------------------- tests */

START_TEST(a_good_bundle_is_looked_at_then_fetched_and_has_to_be_the_same)
{
        struct rig rig;
        struct web web;

        rig_init(&rig, "");
        web = web_start(&rig);
        put_file(&rig, "b", "compatible=Rig Board\nversion=v2.0\nresult=ok\nhash=1234\n");
        check_download(&rig, &web, "b", 1);
        ck_assert_uint_eq(fake_host_count(rig.fake, NOT_LOOKED), 0);
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_uint_eq(fake_host_count(rig.fake,
                                          "rauc InstallBundle with transaction hash 1234"), 1);
        rig_done(&rig);
        web_stop(&web);
}
END_TEST

START_TEST(a_wrong_bundle_is_refused_before_its_first_byte)
{
        static const struct {
                const char *bundle;
                const char *reason;
        } wrong[] = {
                { "compatible=Rig Board\nversion=v1.5\n", "Download failed: " MISMATCH },
                { "compatible=Toaster\nversion=v2.0\n",
                  "Download failed: Compatible mismatch: Expected 'Rig Board' but bundle manifest "
                  "has 'Toaster'" },
                { "compatible=Rig Board\nversion=v2.0\nsignature=Verify error: self-signed\n",
                  "Download failed: signature verification failed: Verify error: self-signed" },
                { "compatible=Rig Board\nversion=v2.0\n"
                  "remote=No signature CN matching allowed-signer-cns found\n",
                  "Download failed: No signature CN matching" },
        };
        struct rig rig;
        struct web web;
        size_t i;

        for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                rig_init(&rig, "");
                web = web_start(&rig);
                put_file(&rig, "b", "%s", wrong[i].bundle);
                order_download(&rig, &web, "b");
                (void)await(&rig, "DOWNLOADING");
                expect_in(await(&rig, "DOWNLOAD_FAILURE"), wrong[i].reason);
                ck_assert(!was_asked(&rig, ""));
                order(&rig, "a1", UB_CMD_CLEANUP);
                expect_in(await(&rig, "INCOMPLETE"), wrong[i].reason);
                rig_done(&rig);
                web_stop(&web);
        }
}
END_TEST

START_TEST(what_says_nothing_about_the_bundle_does_not_stop_the_download)
{
        static const char *const errors[] = {
                "format=plain\n",
                ("remote=Failed to stream bundle: failed to configure streaming: range requests not "
                 "supported by server\n"),
                "remote=Failed to stream bundle: server not responding\n",
                "remote=already processing a different method\n",
        };
        struct rig rig;
        struct web web;
        size_t i;

        for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                rig_init(&rig, "");
                web = web_start(&rig);
                put_file(&rig, "b", "compatible=Rig Board\nversion=v2.0\nresult=ok\n%s", errors[i]);
                check_download(&rig, &web, "b", 1);
                ck_assert_uint_eq(fake_host_count(rig.fake, NOT_LOOKED), 1);
                order(&rig, "a1", UB_CMD_UPDATE);
                (void)await(&rig, "UPDATE_SUCCESS");
                rig_done(&rig);
                web_stop(&web);
        }
}
END_TEST

START_TEST(a_rauc_that_cannot_look_costs_one_sentence)
{
        static const char *const why[] = {
                NOT_LOOKED "this RAUC cannot look at a remote bundle; streaming takes RAUC 1.9",
                NOT_LOOKED "this RAUC is built without streaming, and would fetch a remote bundle",
                NOT_LOOKED "RAUC does not run",
        };
        struct rig rig;
        struct web web;
        size_t i;

        for (i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
                rig_init(&rig, "");
                web = web_start(&rig);
                rig.rauc->has_inspect = i != 0;
                rig.rauc->has_streaming = i != 1;
                order_download(&rig, &web, "v2.raucb");
                if (i == 2)
                        fake_rauc_down(rig.rauc);
                (void)await(&rig, "DOWNLOAD_SUCCESS");
                if (i < 2)
                        ck_assert_uint_eq(fake_host_count(rig.fake, why[i]), 1);
                ck_assert_uint_eq(fake_host_count(rig.fake, NOT_LOOKED), 1);
                ck_assert_uint_eq(fake_host_count(rig.fake, "rauc looks from afar"), 0);
                ck_assert_uint_eq(fake_host_count(rig.fake, "rauc fetches the whole bundle"), 0);
                rig_done(&rig);
                web_stop(&web);
        }
}
END_TEST

START_TEST(streaming_is_not_tried_with_a_rauc_that_would_fetch_all_of_it)
{
        struct rig rig;
        struct web web;

        rig_init(&rig, ",'mode':'stream'");
        web = web_start(&rig);
        rig.rauc->has_streaming = false;
        order_download(&rig, &web, "v2.raucb");
        expect_in(await(&rig, "DOWNLOAD_FAILURE"), "this RAUC is built without streaming");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc fetches the whole bundle"), 0);
        rig_done(&rig);
        web_stop(&web);
}
END_TEST

START_TEST(another_bundle_than_the_one_that_was_seen_is_refused)
{
        struct rig rig;
        struct web web;
        int early;

        for (early = 0; early < 2; early++) {
                rig_init(&rig, early ? ",'verify':'download'" : "");
                web = web_start(&rig);
                put_file(&rig, "b", "compatible=Rig Board\nversion=v2.0\nhash=1234\n");
                put_file(&rig, "b.served",
                         "compatible=Rig Board\nversion=v2.0\nhash=9876\nresult=ok\n");
                order_download(&rig, &web, "b");
                if (!early) {
                        (void)await(&rig, "DOWNLOAD_SUCCESS");
                        order(&rig, "a1", UB_CMD_UPDATE);
                }
                expect_in(await(&rig, early ? "DOWNLOAD_FAILURE" : "UPDATE_FAILURE"), OTHER);
                ck_assert_uint_eq(rig.rauc->n_installs, 0);
                rig_done(&rig);
                web_stop(&web);
        }
}
END_TEST

START_TEST(credentials_go_the_way_of_the_download_or_stay_here)
{
        char more[PATH_MAX * 2];
        struct folder folder = folder_new();
        struct rig rig;
        struct web web;
        int on;

        folder_write(&folder, "headers", "# of the fleet\nX-Token: geheim\nX-Two: 2\n");
        for (on = 0; on < 2; on++) {
                (void)snprintf(more, sizeof(more),
                               ",'preflight':'%s','download':{'headersFile':'%s/headers',"
                               "'caFile':'/ca','certFile':'/cert','keyFile':'/key'}",
                               on ? "on" : "auto", folder.path);
                rig_init(&rig, more);
                web = web_start(&rig);
                check_download(&rig, &web, "v2.raucb", (unsigned)on);
                ck_assert(was_asked(&rig, "X-Token: geheim"));
                ck_assert_uint_eq(fake_host_count(rig.fake, "rauc looks from afar tls-cert=/cert "
                                                            "tls-key=/key tls-ca=/ca "
                                                            "[X-Token: geheim] [X-Two: 2]"),
                                  (unsigned)on);
                ck_assert_uint_eq(fake_host_count(rig.fake, NOT_LOOKED "RAUC would write the lines"),
                                  (unsigned)!on);
                rig_done(&rig);
                web_stop(&web);
        }
        folder_done(&folder);
}
END_TEST

START_TEST(a_streamed_bundle_is_asked_for_with_the_same_headers)
{
        char more[PATH_MAX * 2];
        struct folder folder = folder_new();
        struct rig rig;
        struct web web;

        folder_write(&folder, "headers", "X-Token: geheim\n");
        (void)snprintf(more, sizeof(more),
                       ",'mode':'stream','download':{'headersFile':'%s/headers'}", folder.path);
        rig_init(&rig, more);
        web = web_start(&rig);
        order_download(&rig, &web, "v2.raucb");
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc looks from afar [X-Token: geheim]"), 1);
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc InstallBundle with transaction hash abcd "
                                                    "[X-Token: geheim]"), 1);
        rig_done(&rig);
        web_stop(&web);
        folder_done(&folder);
}
END_TEST

START_TEST(a_proxy_of_the_download_s_own_keeps_rauc_at_home)
{
        struct rig rig;
        struct web web;

        rig_init(&rig, ",'download':{'proxy':'http://127.0.0.1:9','attempts':1}");
        web = web_start(&rig);
        order_download(&rig, &web, "v2.raucb");
        (void)fake_host_next(rig.fake, NOT_LOOKED "RAUC cannot be told of download.proxy");
        (void)await(&rig, "DOWNLOAD_FAILURE");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc looks from afar"), 0);
        rig_done(&rig);
        web_stop(&web);
}
END_TEST

START_TEST(nobody_looks_when_it_is_off_or_the_clock_is_not_set)
{
        struct rig rig;
        struct web web;

        rig_init(&rig, ",'preflight':'off'");
        web = web_start(&rig);
        check_download(&rig, &web, "v2.raucb", 0);
        ck_assert_uint_eq(fake_host_count(rig.fake, NOT_LOOKED), 0);
        rig_done(&rig);
        web_stop(&web);

        rig_init(&rig, ",'clock':{'notBefore':'2100-01-01'}");
        web = web_start(&rig);
        check_download(&rig, &web, "v2.raucb", 0);
        ck_assert_uint_eq(fake_host_count(rig.fake, NOT_LOOKED "The clock is not set"), 1);
        rig_done(&rig);
        web_stop(&web);
}
END_TEST

START_TEST(a_rollback_does_not_wait_for_a_look_that_hangs)
{
        struct rig rig;
        struct web web;

        rig_init(&rig, "");
        web = web_start(&rig);
        put_file(&rig, "b", "compatible=Rig Board\nversion=v2.0\nremote=hang\n");
        order_download(&rig, &web, "b");
        (void)fake_host_next(rig.fake, "rauc looks from afar");
        order(&rig, "a1", UB_CMD_ROLLBACK);
        (void)await(&rig, "ROLLBACK_SUCCESS");
        ck_assert(!was_asked(&rig, ""));
        rig_done(&rig);
        web_stop(&web);
}
END_TEST

START_TEST(a_look_that_a_death_cut_off_is_taken_again)
{
        struct rig rig;
        struct web web;

        rig_init(&rig, "");
        web = web_start(&rig);
        put_file(&rig, "b", "compatible=Rig Board\nversion=v2.0\nremote=hang\n");
        order_download(&rig, &web, "b");
        (void)fake_host_next(rig.fake, "rauc looks from afar");
        put_file(&rig, "b", "compatible=Rig Board\nversion=v1.5\n");
        rig_crash(&rig, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        expect_in(await(&rig, "DOWNLOAD_FAILURE"), MISMATCH);
        ck_assert(!was_asked(&rig, ""));
        rig_done(&rig);
        web_stop(&web);
}
END_TEST

UNIT_MAIN("self-update-preflight",
          a_good_bundle_is_looked_at_then_fetched_and_has_to_be_the_same,
          a_wrong_bundle_is_refused_before_its_first_byte,
          what_says_nothing_about_the_bundle_does_not_stop_the_download,
          a_rauc_that_cannot_look_costs_one_sentence,
          streaming_is_not_tried_with_a_rauc_that_would_fetch_all_of_it,
          another_bundle_than_the_one_that_was_seen_is_refused,
          credentials_go_the_way_of_the_download_or_stay_here,
          a_streamed_bundle_is_asked_for_with_the_same_headers,
          a_proxy_of_the_download_s_own_keeps_rauc_at_home,
          nobody_looks_when_it_is_off_or_the_clock_is_not_set,
          a_rollback_does_not_wait_for_a_look_that_hangs,
          a_look_that_a_death_cut_off_is_taken_again)
