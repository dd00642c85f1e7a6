/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sdk-example - the SDK's example at work: its files are what it says they are */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/util/cleanup.h"
#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

static const char DESIRED[] = "{\"domains\":[{\"id\":\"fake\",\"components\":[{\"id\":\"greeting\","
                              "\"version\":\"hi\"}]}]}";

struct fixture {
        char folder[64];
        char file[80];
        struct fake_host *fake;
        const struct ub_plugin *plugin;
        void *self;
};

static void write_file(const char *path, const char *text)
{
        CLEANUP_FCLOSE FILE *f = fopen(path, "we");

        ck_assert(f && fputs(text, f) >= 0);
}

static void assert_file(const struct fixture *f, const char *suffix, const char *text)
{
        char path[96];
        char found[32] = "";

        (void)snprintf(path, sizeof(path), "%s%s", f->file, suffix);
        CLEANUP_FCLOSE FILE *file = fopen(path, "re");
        if (file)
                ck_assert_ptr_nonnull(fgets(found, sizeof(found), file));
        ck_assert_msg(!file == !text && strcmp(found, text ? text : "") == 0, "%s: \"%s\"", path,
                      found);
}

static void fixture_init(struct fixture *f)
{
        char settings[128];

        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/test-sdk-example-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(f->folder));
        (void)snprintf(f->file, sizeof(f->file), "%s/greeting", f->folder);
        write_file(f->file, "hello\n");
        f->fake = fake_host_new();
        f->plugin = ub_plugin_v1();
        ck_assert_int_eq(f->plugin->life->create(&f->fake->host, "{}", &f->self), -EBADMSG);
        ck_assert_str_eq(fake_host_next(f->fake, "log"), "log 3 settings: \"file\" is missing");
        (void)snprintf(settings, sizeof(settings), "{\"file\":\"%s\"}", f->file);
        ck_assert_int_eq(f->plugin->life->create(&f->fake->host, settings, &f->self), 0);
        ck_assert_int_eq(f->plugin->life->start(f->self, 0), 0);
}

static void fixture_done(struct fixture *f)
{
        f->plugin->life->stop(f->self);
        ck_assert(f->fake->is_stopped);
        f->plugin->life->destroy(f->self);
        ck_assert_uint_eq(f->fake->n_sources, 0);
        fake_host_free(f->fake);
        ck_assert_int_eq(unlink(f->file), 0);
        ck_assert_int_eq(rmdir(f->folder), 0); /* nothing is left over */
}

static void desired_state(struct fixture *f, const char *status)
{
        ck_assert_int_eq(f->plugin->agent->desired_state(f->self, "A1", DESIRED), 0);
        ck_assert_ptr_nonnull(strstr(fake_host_next(f->fake, "feedback A1"), status));
}

static void command(struct fixture *f, int32_t number, const char *status)
{
        ck_assert_int_eq(f->plugin->agent->command(f->self, "A1", "", number), 0);
        ck_assert_ptr_nonnull(strstr(fake_host_next(f->fake, "feedback A1"), status));
}

START_TEST(a_greeting_is_updated)
{
        struct fixture f;

        fixture_init(&f);
        desired_state(&f, "\"IDENTIFIED\"");
        command(&f, UB_CMD_DOWNLOAD, "\"DOWNLOAD_SUCCESS\"");
        command(&f, UB_CMD_UPDATE, "\"UPDATE_SUCCESS\"");
        assert_file(&f, "", "hello\n");
        assert_file(&f, ".new", "hi");
        command(&f, UB_CMD_ACTIVATE, "\"ACTIVATION_SUCCESS\"");
        assert_file(&f, "", "hi");
        assert_file(&f, ".old", "hello\n");
        command(&f, UB_CMD_CLEANUP, "\"CLEANUP_SUCCESS\"");
        assert_file(&f, ".old", NULL);
        desired_state(&f, "\"COMPLETED\"");
        ck_assert_int_eq(f.plugin->agent->current_state_get(f.self, "Q"), 0);
        ck_assert_ptr_nonnull(
                strstr(fake_host_next(f.fake, "current_state Q"),
                       "{\"id\":\"fake:greeting\",\"version\":\"hi\",\"type\":\"DATA\"}"));
        fixture_done(&f);
}
END_TEST

START_TEST(a_greeting_is_rolled_back)
{
        struct fixture f;

        fixture_init(&f);
        ck_assert_int_eq(f.plugin->agent->command(f.self, "A1", "", UB_CMD_UPDATE), -ENOENT);
        desired_state(&f, "\"IDENTIFIED\"");
        ck_assert_int_eq(f.plugin->agent->command(f.self, "A1", "", UB_CMD_VERIFY), -ENOTSUP);
        command(&f, UB_CMD_UPDATE, "\"UPDATE_SUCCESS\"");
        command(&f, UB_CMD_ACTIVATE, "\"ACTIVATION_SUCCESS\"");
        command(&f, UB_CMD_ROLLBACK, "\"ROLLBACK_SUCCESS\"");
        assert_file(&f, "", "hello\n");
        command(&f, UB_CMD_CLEANUP, "\"CLEANUP_SUCCESS\"");
        fixture_done(&f);
}
END_TEST

UNIT_MAIN("sdk-example", a_greeting_is_updated, a_greeting_is_rolled_back)
