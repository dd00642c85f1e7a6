/* SPDX-License-Identifier: Apache-2.0
 *
 * self-update - the agent of the operating system image, which RAUC installs
 *
 * It speaks like Leda's self-update agent and goes on where that stops: everything is kept across
 * crashes, a boot is followed by a verdict, and RAUC is not believed without a look.  How it
 * decides stands in machine.h; here are the tables of the plugin, and what is read once when it
 * starts. */
#include "plugins/self-update/self-update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/policy.h"
#include "plugins/self-update/signers.h"


enum { FILE_MAX = 8192 };

/* ---------------------------------------------------------------------------------- small files */

/* The beginning of a file, as a text; "" when it cannot be read. */
static void read_text(const char *path, char buf[FILE_MAX])
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, buf, FILE_MAX - 1);

        if (fd >= 0)
                (void)close(fd);
        buf[length > 0 ? length : 0] = '\0';
}

/* The value of KEY= in an os-release, without its quotes. */
static bool find_value(const char *text, const char *key, char *buf, size_t size)
{
        size_t length = strlen(key);
        const char *line = text;
        size_t n;

        for (; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, length) != 0 || line[length] != '=')
                        continue;
                line += length + 1;
                n = strcspn(line, "\n");
                if (n >= 2 && (*line == '"' || *line == '\'') && line[n - 1] == *line) {
                        line++;
                        n -= 2;
                }
                (void)snprintf(buf, size, "%.*s", (int)n, line);
                return n > 0;
        }
        return false;
}

/* What the machine has to know of the running system, which stays the same for this life. */
static void read_system(struct self_update *self, char boot[RECORD_BOOT_MAX])
{
        struct machine *m = &self->machine;
        struct stat st = { .st_mtim = { .tv_sec = 0 } };
        char text[FILE_MAX];

        read_text(self->settings.os_release, text);
        if (!find_value(text, "EDITION_ID", m->os_version, sizeof(m->os_version)))
                (void)find_value(text, "VERSION_ID", m->os_version, sizeof(m->os_version));
        if (stat(self->settings.os_release, &st) < 0)
                st.st_mtim.tv_sec = 0;
        if (policy_not_before(self->settings.clock.not_before, st.st_mtim.tv_sec,
                              &m->built_sec) < 0)
                m->built_sec = 0; /* cannot be: create has checked the setting */
        read_text(self->settings.boot_id_file, text);
        text[strcspn(text, "\n")] = '\0';
        record_copy(boot, RECORD_BOOT_MAX, text);
        if (!*boot)
                ub_warning(self->host, "%s: no boot id; each start is taken for a boot",
                           self->settings.boot_id_file);
}

/* ----------------------------------------------------------------------------------------- life */

static void self_update_destroy(void *data)
{
        struct self_update *self = data;

        carry_stop(self);
        machine_done(&self->machine);
        (void)signers_free(self->signers);
        free(self);
}

/* One that cannot be read is lost, and said to be: an agent that stays down would keep away the
 * update that repairs it. */
static int load_record(struct self_update *self)
{
        struct ub_error error = UB_ERROR_INIT;
        char *text;
        int r;

        r = ub_state_read(self->host, RECORD_KEY, &text, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        r = record_read(text, &error, &self->machine.record);
        free(text);
        if (r == -EBADMSG) {
                ub_err(self->host, "what was kept cannot be read, starting without: %s",
                       error.text);
                return 0;
        }
        return r;
}

static int self_update_create(const struct ub_host *host, const char *settings_json,
                              void **ret_self)
{
        struct ub_error error = UB_ERROR_INIT;
        struct self_update *self;
        int64_t built;
        int r;

        self = calloc(1, sizeof(*self));
        if (!self)
                return -ENOMEM;
        self->host = host;
        r = settings_parse(settings_json, &error, &self->settings);
        if (r >= 0 && policy_not_before(self->settings.clock.not_before, 0, &built) < 0)
                r = ub_error_set(&error, -EBADMSG,
                                 "settings.clock.notBefore: expected a date like 2024-05-01, or "
                                 "\"off\"");
        if (r >= 0) {
                machine_init(&self->machine, &self->settings, ub_id(host));
                r = load_record(self);
                if (r < 0)
                        (void)ub_error_set(&error, r, "durable state: %s", strerror(-r));
        }
        if (r < 0) {
                ub_err(host, "%s", error.text);
                free(self);
                return r;
        }
        *ret_self = self;
        return 0;
}

/* A fault in a key keeps the agent from starting: to go on without it would shut out somebody who
 * may ask, or, without any key, let everybody in. */
static int load_signers(struct self_update *self)
{
        const struct settings_list *keys = &self->settings.request.keys;
        struct ub_error error = UB_ERROR_INIT;
        int r;

        if (keys->n == 0)
                return 0;
        r = signers_load(keys, &error, &self->signers);
        if (r < 0) {
                ub_err(self->host, "settings.request.keys: %s", error.text);
                return r;
        }
        ub_info(self->host, "requests have to be signed by one of %zu keys",
                signers_count(self->signers));
        self->machine.signers = self->signers;
        return 0;
}

static int self_update_start(void *data, uint32_t flags)
{
        struct self_update *self = data;
        char boot[RECORD_BOOT_MAX];
        int r;

        r = load_signers(self);
        if (r < 0)
                return r;
        read_system(self, boot);
        r = carry_start(self);
        if (r < 0) {
                ub_err(self->host, "cannot start: %s", strerror(-r));
                return r;
        }
        carry_give(self, &(struct event){ .kind = EVENT_START, .flags = flags, .text = boot });
        return 0;
}

static void self_update_stop(void *data)
{
        struct self_update *self = data;

        carry_stop(self);
        (void)ub_stopped(self->host);
}

/* ---------------------------------------------------------------------------------------- agent */

static int self_update_get(void *data, const char *activity)
{
        return carry_request(data, &(struct event){ .kind = EVENT_GET, .activity = activity });
}

static int self_update_desired_state(void *data, const char *activity, const char *json)
{
        return carry_request(data, &(struct event){ .kind = EVENT_DESIRED,
                                                    .activity = activity,
                                                    .json = json });
}

/* There is one component, so a baseline is either about it or not sent here. */
static int self_update_command(void *data, const char *activity, const char *baseline,
                               int32_t command)
{
        (void)baseline;
        if (!ub_step_words(command))
                return -ENOTSUP;
        return carry_request(data, &(struct event){ .kind = EVENT_COMMAND,
                                                    .activity = activity,
                                                    .command = command });
}

static int self_update_cancel(void *data, const char *activity)
{
        struct self_update *self = data;

        if (strcmp(self->machine.record.activity.id, activity) != 0)
                return -ENOENT;
        return carry_request(self, &(struct event){ .kind = EVENT_CANCEL, .activity = activity });
}

/* The host asks where the activity stands, as after its restart; it may not know either that a boot
 * was asked for. */
static int self_update_feedback_get(void *data, const char *activity)
{
        struct self_update *self = data;
        const struct activity *a = &self->machine.record.activity;

        if (strcmp(a->id, activity) != 0 || !a->last || a->state == STATE_IDLE)
                return -ENOENT;
        if (a->state == STATE_ACTIVATED &&
            self->machine.record.pending.trial == TRIAL_OUTSTANDING)
                (void)ub_reboot_request(self->host, activity, MACHINE_BOOT_REASON);
        return carry_request(self,
                             &(struct event){ .kind = EVENT_FEEDBACK_GET, .activity = activity });
}

/* --------------------------------------------------------------------------------------- tables */

static const struct ub_life life = {
        .size = sizeof(life),
        .create = self_update_create,
        .start = self_update_start,
        .stop = self_update_stop,
        .destroy = self_update_destroy,
};

static const struct ub_agent agent = {
        .size = sizeof(agent),
        .current_state_get = self_update_get,
        .desired_state = self_update_desired_state,
        .command = self_update_command,
        .cancel = self_update_cancel,
        .feedback_get = self_update_feedback_get,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "self-update",
        .version = SELF_UPDATE_VERSION,
        .description = "Operating system images through RAUC, with a verdict after the boot",
        .settings_schema = settings_schema,
        .life = &life,
        .agent = &agent,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
