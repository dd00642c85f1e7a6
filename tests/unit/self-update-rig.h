/* SPDX-License-Identifier: Apache-2.0
 *
 * self-update-rig - self-update.so behind the real ABI, with RAUC, logind and the host played
 *
 * The device is a folder with a boot id, an os-release and bundles; `boot` writes another id, has
 * the fake RAUC boot a slot, and starts the agent anew with what it has kept. */
#pragma once

#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <update-broker/sdk/status.h>

#include "tests/fake/fake-host.h"
#include "tests/fake/fake-rauc.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

struct rig {
        struct fake_host *fake;
        struct fake_rauc *rauc;
        const struct ub_plugin *plugin;
        void *self;
        struct folder folder;
        char settings[PATH_MAX * 2];
        int boots;
};

/* One program at a time, to its end; what became of it is told from the loop. */
static struct {
        ub_child_fn fn;
        void *data;
        siginfo_t info;
} child;

static inline void tell_child(void *data)
{
        (void)data;
        child.fn(child.data, child.info.si_code, child.info.si_status);
}

static inline int run_program(void *ctx, const struct ub_spawn *command, ub_child_fn fn, void *data,
                              struct ub_source **ret)
{
        struct fake_host *fake = ctx;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void)execve(command->argv[0], (char *const *)command->argv,
                             (char *const *)command->envp);
                _exit(127);
        }
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &child.info, WEXITED), 0);
        child.fn = fn;
        child.data = data;
        return fake->host.defer(ctx, tell_child, NULL, ret);
}

static const struct ub_plugin *load(void)
{
        const struct ub_plugin *(*entry)(void);
        const char *top = getenv("top_builddir");
        char path[512];
        void *handle;

        (void)snprintf(path, sizeof(path), "%s/plugins/self-update/.libs/self-update.so",
                       top ? top : ".");
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        ck_assert_msg(handle != NULL, "%s", dlerror());
        *(void **)&entry = dlsym(handle, UB_PLUGIN_ENTRY);
        ck_assert_ptr_nonnull(entry);
        return entry();
}

__attribute__((format(printf, 3, 4))) static void put_file(const struct rig *rig, const char *name,
                                                           const char *format, ...)
{
        char path[PATH_MAX];
        va_list args;
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/%s", rig->folder.path, name);
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        va_start(args, format);
        (void)vfprintf(f, format, args);
        va_end(args);
        (void)fclose(f);
}

/* A bundle NAME.raucb; result as fake-rauc.h has it. */
static inline void put_bundle(const struct rig *rig, const char *name, const char *version,
                              const char *result)
{
        char file[128];

        (void)snprintf(file, sizeof(file), "%s.raucb", name);
        put_file(rig, file, "compatible=Rig Board\nversion=%s\nresult=%s\n", version, result);
}

static inline void rig_start(struct rig *rig, uint32_t flags)
{
        ck_assert_int_eq(rig->plugin->life->create(&rig->fake->host, rig->settings, &rig->self), 0);
        ck_assert_int_eq(rig->plugin->life->start(rig->self, flags), 0);
        (void)fake_host_next(rig->fake, "current_state  ");
}

/* more: further settings, "" or beginning with a comma, single quotes stand for double ones. */
static inline void rig_prepare(struct rig *rig, const char *more)
{
        char *p;

        *rig = (struct rig){ .fake = fake_host_new(), .plugin = load() };
        rig->fake->host.id = "self-update";
        rig->fake->host.spawn = run_program;
        rig->rauc = fake_rauc_new(rig->fake);
        rig->folder = folder_new();
        put_file(rig, "boot_id", "boot-0\n");
        put_file(rig, "os-release", "NAME=Rig\nVERSION_ID=\"v0.9\"\n");
        (void)snprintf(rig->settings, sizeof(rig->settings),
                       "{'folder':'%s/downloads','bootIdFile':'%s/boot_id',"
                       "'osRelease':'%s/os-release','rebootAfter':0,"
                       "'rauc':{'bus':'%s','autostart':false}%s}",
                       rig->folder.path, rig->folder.path, rig->folder.path, rig->rauc->address,
                       more);
        for (p = rig->settings; *p; p++)
                if (*p == '\'')
                        *p = '"';
        put_bundle(rig, "v2", "v2.0", "ok");
}

static inline void rig_init(struct rig *rig, const char *more)
{
        rig_prepare(rig, more);
        rig_start(rig, 0);
        (void)fake_host_next(rig->fake, "rauc Mark good rootfs.0");
}

static inline void rig_stop(struct rig *rig)
{
        rig->plugin->life->stop(rig->self);
        fake_host_run_until(rig->fake, &rig->fake->is_stopped);
        rig->plugin->life->destroy(rig->self);
        ck_assert_uint_eq(rig->fake->n_sources, 0);
        fake_host_reuse(rig->fake);
}

static inline void rig_done(struct rig *rig)
{
        rig_stop(rig);
        fake_rauc_free(rig->rauc);
        fake_host_free(rig->fake);
        folder_done(&rig->folder);
}

/* What kill -9 and a power failure leave: the state of the last sync. */
static inline void rig_crash(struct rig *rig, uint32_t flags)
{
        rig->plugin->life->destroy(rig->self);
        fake_host_lose_power(rig->fake);
        rig_start(rig, flags);
}

static inline void rig_boot(struct rig *rig, int slot, uint32_t flags)
{
        rig_stop(rig);
        put_file(rig, "boot_id", "boot-%d\n", ++rig->boots);
        fake_rauc_boot(rig->rauc, slot);
        rig_start(rig, flags);
}

/* --------------------------------------------------------------------------------- what is said */

static inline void desire(struct rig *rig, const char *id, const char *version, const char *bundle)
{
        char json[PATH_MAX];

        (void)snprintf(json, sizeof(json),
                       "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                       "\"version\":\"%s\",\"config\":[{\"key\":\"image\",\"value\":"
                       "\"file://%s/%s.raucb\"}]}]}]}",
                       version, rig->folder.path, bundle);
        ck_assert_int_eq(rig->plugin->agent->desired_state(rig->self, id, json), 0);
}

static inline void order(struct rig *rig, const char *id, int32_t command)
{
        ck_assert_int_eq(rig->plugin->agent->command(rig->self, id, "", command), 0);
}

/* The next feedback is F0(status, message). */
static inline void expect_f0(struct rig *rig, const char *id, const char *status,
                             const char *message)
{
        char wanted[1024];

        (void)snprintf(wanted, sizeof(wanted),
                       "feedback %s {\"status\":\"%s\",\"message\":\"%s\",\"actions\":[]}", id,
                       status, message);
        ck_assert_str_eq(fake_host_next(rig->fake, "feedback "), wanted);
}

struct f1 {
        const char *status;
        const char *message;
        const char *word;
        int progress;
        const char *text;
};

/* The next feedback is F1; progress -1 stands for any. */
static inline void expect_f1(struct rig *rig, const char *id, const char *version,
                             const struct f1 *f1)
{
        const char *line = fake_host_next(rig->fake, "feedback ");
        const char *at = strstr(line, "\"progress\":");
        char wanted[2048];

        (void)snprintf(wanted, sizeof(wanted),
                       "feedback %s {\"status\":\"%s\",\"message\":\"%s\",\"actions\":[{"
                       "\"component\":{\"id\":\"self-update:os-image\",\"version\":\"%s\"},"
                       "\"status\":\"%s\",\"progress\":%d,\"message\":\"%s\"}]}",
                       id, f1->status, f1->message, version, f1->word,
                       f1->progress >= 0 || !at ? f1->progress : (int)strtol(at + 11, NULL, 10),
                       f1->text);
        ck_assert_str_eq(line, wanted);
}

/* Runs until a feedback with this status comes, and returns the line. */
static inline const char *await(struct rig *rig, const char *status)
{
        char wanted[80];
        const char *line;

        (void)snprintf(wanted, sizeof(wanted), "{\"status\":\"%s\"", status);
        do
                line = fake_host_next(rig->fake, "feedback ");
        while (!strstr(line, wanted));
        return line;
}

static inline void expect_in(const char *line, const char *part)
{
        ck_assert_msg(strstr(line, part) != NULL, "expected %s in %s", part, line);
}

/* To the end of a step, and further. */
static inline void do_update(struct rig *rig, const char *id, const char *version,
                             const char *bundle)
{
        desire(rig, id, version, bundle);
        (void)await(rig, "IDENTIFIED");
        order(rig, id, UB_CMD_DOWNLOAD);
        (void)await(rig, "DOWNLOAD_SUCCESS");
        order(rig, id, UB_CMD_UPDATE);
        (void)await(rig, "UPDATE_SUCCESS");
}

static inline void do_activate(struct rig *rig, const char *id)
{
        order(rig, id, UB_CMD_ACTIVATE);
        (void)await(rig, "ACTIVATION_SUCCESS");
}

static inline void do_clean_up(struct rig *rig, const char *id)
{
        order(rig, id, UB_CMD_CLEANUP);
        (void)await(rig, "CLEANUP_SUCCESS");
}

/* Is there nothing in the folder for downloads? */
static inline bool is_clean(const struct rig *rig)
{
        char path[PATH_MAX];
        DIR *dir;
        int n = 0;

        (void)snprintf(path, sizeof(path), "%s/downloads", rig->folder.path);
        dir = opendir(path);
        while (dir && readdir(dir))
                n++;
        if (dir)
                (void)closedir(dir);
        return n <= 2;
}
