/* SPDX-License-Identifier: Apache-2.0
 *
 * hello - an agent with one component, "greeting", whose version is the text of a file
 *
 * The setting "file" names it.  UPDATE writes FILE.new, ACTIVATE keeps the old one as FILE.old and
 * puts the new one in its place, ROLLBACK puts the old one back, CLEANUP removes what is left
 * over. */
#define UB_ABI_MINOR_WANTED 0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/status.h>

#define COMPONENT "greeting"

struct hello {
        const struct ub_host *host;
        char file[240]; /* with room for a suffix in 256 bytes */
        struct ub_desired_state *desired;
        struct ub_actions *actions; /* NULL: no activity */
};

/* Renames FILE+from to FILE+to, or removes it (to NULL).  Nothing there is nothing to do. */
static int move(const struct hello *h, const char *from, const char *to)
{
        char source[256], target[256];
        int r;

        snprintf(source, sizeof(source), "%s%s", h->file, from);
        snprintf(target, sizeof(target), "%s%s", h->file, to ? to : "");
        r = to ? rename(source, target) : remove(source);
        return r < 0 && errno != ENOENT ? -errno : 0;
}

static int write_new(const struct hello *h, const char *version)
{
        char path[256];
        FILE *f;

        snprintf(path, sizeof(path), "%s.new", h->file);
        f = fopen(path, "we");
        if (!f)
                return -errno;
        fputs(version, f); /* fclose reports what fails */
        return fclose(f) < 0 ? -errno : 0;
}

static void read_version(const struct hello *h, char *version, int size)
{
        FILE *f = fopen(h->file, "re");

        if (!f || !fgets(version, size, f))
                version[0] = '\0';
        if (f)
                fclose(f);
        version[strcspn(version, "\n")] = '\0';
}

static int hello_current_state_get(void *self, const char *activity)
{
        const struct hello *h = self;
        struct ub_inventory *inventory;
        char version[64];
        int r;

        r = ub_inventory_new(ub_id(h->host), &inventory);
        if (r < 0)
                return r;
        read_version(h, version, sizeof(version));
        ub_inventory_add_agent(inventory, "1.0", "Hello");
        ub_inventory_add_component(inventory, COMPONENT, version, NULL, UB_TYPE_DATA);
        r = ub_inventory_send(inventory, h->host, activity);
        ub_inventory_free(inventory);
        return r;
}

static int hello_desired_state(void *self, const char *activity, const char *json)
{
        struct ub_error error = UB_ERROR_INIT;
        const struct ub_component *wanted;
        struct hello *h = self;
        char version[64];
        int r;

        h->actions = ub_actions_free(h->actions);
        h->desired = ub_desired_state_free(h->desired);
        r = ub_desired_state_parse(json, &error, &h->desired);
        if (r < 0)
                return ub_feedback_send_text(h->host, activity, "", UB_IDENTIFICATION_FAILED, "%s",
                                             error.text);
        r = ub_actions_new(h->host, activity, &h->actions);
        if (r < 0)
                return r;
        wanted = ub_desired_state_component(h->desired, COMPONENT);
        read_version(h, version, sizeof(version));
        if (!wanted || strcmp(wanted->version, version) == 0)
                return ub_actions_finish(h->actions, UB_COMPLETED, NULL);
        r = ub_actions_add(h->actions, UB_ACTION_UPDATE, COMPONENT, wanted->version, version);
        return r < 0 ? r : ub_actions_finish(h->actions, UB_IDENTIFIED, NULL);
}

static int do_step(const struct hello *h, int32_t command, const char *version)
{
        int r;

        switch (command) {
        case UB_CMD_DOWNLOAD: /* something real calls ub_download here */
                return 0;
        case UB_CMD_UPDATE:
                return write_new(h, version);
        case UB_CMD_ACTIVATE:
                r = move(h, "", ".old");
                return r < 0 ? r : move(h, ".new", "");
        case UB_CMD_ROLLBACK:
                return move(h, ".old", "");
        case UB_CMD_CLEANUP:
                r = move(h, ".new", NULL);
                return r < 0 ? r : move(h, ".old", NULL);
        default:
                return -ENOTSUP;
        }
}

static int hello_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        const struct ub_step_words *words = ub_step_words(command);
        struct hello *h = self;
        int r;

        (void)activity; /* the one that desired_state began; the host runs one at a time */
        if (!words || command == UB_CMD_VERIFY)
                return -ENOTSUP;
        if (!h->actions || ub_actions_count(h->actions) == 0)
                return -ENOENT;
        r = ub_actions_scope(h->actions, h->desired, baseline);
        if (r < 0)
                return r;
        r = do_step(h, command, ub_actions_get(h->actions, 0)->version);
        if (r < 0)
                return ub_actions_finish(h->actions, words->failure, strerror(-r));
        if (command < UB_CMD_ROLLBACK) /* the other steps have no words for components */
                ub_actions_set_all(h->actions, words->success, 100);
        return ub_actions_finish(h->actions, words->success, NULL);
}

static void hello_destroy(void *self)
{
        struct hello *h = self;

        ub_actions_free(h->actions);
        ub_desired_state_free(h->desired);
        free(h);
}

static int hello_create(const struct ub_host *host, const char *settings_json, void **ret_self)
{
        struct ub_error error = UB_ERROR_INIT;
        struct ub_json *settings = NULL;
        struct hello *h = calloc(1, sizeof(*h));
        const char *file = NULL;
        int r;

        if (!h)
                return -ENOMEM;
        h->host = host;
        r = ub_json_parse(settings_json, "settings", &error, &settings);
        if (r == 0)
                r = ub_json_need_string(settings, "file", &error, &file);
        if (r == 0 && snprintf(h->file, sizeof(h->file), "%s", file) >= (int)sizeof(h->file))
                r = ub_error_set(&error, -EINVAL, "settings.file: too long");
        ub_json_free(settings);
        if (r < 0) {
                ub_err(host, "%s", error.text); /* people see this line */
                hello_destroy(h);
                return r;
        }
        *ret_self = h;
        return 0;
}

static int hello_start(void *self, uint32_t flags)
{
        const struct hello *h = self;

        ub_info(h->host, "hello, %s%s", h->file, flags & UB_START_RECOVERED ? " again" : "");
        return 0;
}

static void hello_stop(void *self)
{
        ub_stopped(((struct hello *)self)->host); /* nothing runs that would have to end first */
}

static const struct ub_life life = {
        .size = sizeof(life),
        .create = hello_create,
        .start = hello_start,
        .stop = hello_stop,
        .destroy = hello_destroy,
};

static const struct ub_agent agent = {
        .size = sizeof(agent),
        .current_state_get = hello_current_state_get,
        .desired_state = hello_desired_state,
        .command = hello_command,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "hello",
        .version = "1.0",
        .description = "An agent with one component, the text of a file",
        .settings_schema = "{\"type\":\"object\",\"additionalProperties\":false,"
                           "\"required\":[\"file\"],"
                           "\"properties\":{\"file\":{\"type\":\"string\",\"minLength\":1}}}",
        .life = &life,
        .agent = &agent,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
