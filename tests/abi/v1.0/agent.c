/* SPDX-License-Identifier: Apache-2.0
 *
 * agent - a plugin as it was written for ABI 1.0; frozen with the header beside it
 *
 * Built with that header only and run by the host of the day: what this plugin does has to work for
 * as long as major 1 lives.  It calls every service of `struct ub_host` of 1.0 that needs no grant,
 * relies on each promise that the header makes of it, and reports by failing that one does not
 * hold.
 *
 * Its domain has one component, "app".  The version that is installed lies in the durable state. */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 512
#define VERSION_MAX 32

struct agent {
        const struct ub_host *host;
        struct ub_source *timer;
        struct ub_source *watch;
        int pipe[2];
        int stopping;
        char activity[UB_MAX_ID + 1];
        char installed[VERSION_MAX];
        char wanted[VERSION_MAX];
        const char *word; /* of the step that runs */
        char last[TEXT_MAX]; /* the last feedback, for feedback_get */
};

static void note(const struct agent *agent, const char *text)
{
        const struct ub_log record = {
                .size = sizeof(record),
                .level = UB_LOG_INFO,
                .line = __LINE__,
                .file = "agent.c",
                .func = __func__,
                .text = text,
        };

        agent->host->log(agent->host->ctx, &record);
}

static int report(struct agent *agent, const char *word)
{
        (void)snprintf(agent->last, sizeof(agent->last),
                       "{\"status\":\"%s\",\"actions\":[{\"component\":{\"id\":\"%s:app\","
                       "\"version\":\"%s\"},\"status\":\"%s\",\"progress\":100}]}",
                       word, agent->host->id, agent->wanted, word);
        return agent->host->feedback(agent->host->ctx, agent->activity, agent->last);
}

/* ------------------------------------------------------------------------------------ callbacks */

static void on_pipe(void *data, int fd, uint32_t events)
{
        struct agent *agent = data;
        char byte;

        if (!(events & UB_IO_IN) || read(fd, &byte, 1) != 1)
                return;
        (void)report(agent, agent->word);
}

/* A step ends by way of a timer, a pipe and, where something changed, the disk. */
static void on_timer(void *data)
{
        struct agent *agent = data;

        agent->timer = NULL;
        if (write(agent->pipe[1], "", 1) != 1)
                (void)report(agent, "INCOMPLETE");
}

static int step(struct agent *agent, const char *word)
{
        agent->word = word;
        return agent->host->timer(agent->host->ctx, 1000, on_timer, agent, &agent->timer);
}

static void on_synced(void *data, int result)
{
        struct agent *agent = data;

        if (result < 0 || step(agent, "UPDATE_SUCCESS") < 0)
                (void)report(agent, "UPDATE_FAILURE");
}

static void on_identify(void *data)
{
        struct agent *agent = data;

        (void)report(agent, "IDENTIFYING");
        (void)report(agent, "IDENTIFIED");
}

/* ----------------------------------------------------------------------------------------- life */

static int agent_create(const struct ub_host *host, const char *settings, void **ret_self)
{
        struct agent *agent;
        int n;

        if (host->size < sizeof(*host) || host->abi_major != 1 || !host->id || settings[0] != '{')
                return -EINVAL;
        agent = calloc(1, sizeof(*agent));
        if (!agent)
                return -ENOMEM;
        agent->host = host;
        agent->pipe[0] = agent->pipe[1] = -1;

        n = host->setting(host->ctx, "/version", agent->installed, sizeof(agent->installed));
        if (n == -ENOENT)
                strncpy(agent->installed, "1", sizeof(agent->installed) - 1);
        else if (n < 0 || (size_t)n >= sizeof(agent->installed)) {
                note(agent, "settings: version: expected a short string");
                free(agent);
                return -EINVAL;
        }
        n = host->state_get(host->ctx, "installed", agent->installed, sizeof(agent->installed) - 1);
        if (n != -ENOENT && (n < 0 || (size_t)n >= sizeof(agent->installed) - 1)) {
                free(agent);
                return -EINVAL;
        }
        note(agent, "created");
        *ret_self = agent;
        return 0;
}

static int agent_start(void *self, uint32_t flags)
{
        struct agent *agent = self;

        (void)flags; /* other flags may come with later minors, and are none of our business */
        if (pipe(agent->pipe) < 0)
                return -errno;
        return agent->host->io(agent->host->ctx, agent->pipe[0], 0, on_pipe, agent, &agent->watch) <
                               0
                       ? -EIO
                       : agent->host->io_events(agent->host->ctx, agent->watch, UB_IO_IN);
}

static void agent_stop(void *self)
{
        struct agent *agent = self;

        agent->stopping = 1;
        agent->host->wake(agent->host->ctx);
}

static void agent_woken(void *self)
{
        struct agent *agent = self;

        if (!agent->stopping)
                return;
        agent->host->source_drop(agent->host->ctx, agent->timer);
        agent->host->source_drop(agent->host->ctx, agent->watch);
        agent->host->source_drop(agent->host->ctx, NULL);
        agent->timer = agent->watch = NULL;
        agent->host->stopped(agent->host->ctx);
}

static void agent_destroy(void *self)
{
        struct agent *agent = self;

        note(agent, "destroyed");
        if (agent->pipe[0] >= 0) {
                (void)close(agent->pipe[0]);
                (void)close(agent->pipe[1]);
        }
        free(agent);
}

/* ---------------------------------------------------------------------------------------- agent */

static int agent_current_state_get(void *self, const char *activity)
{
        struct agent *agent = self;
        char text[TEXT_MAX];

        (void)snprintf(text, sizeof(text),
                       "{\"softwareNodes\":[{\"id\":\"%s:app\",\"version\":\"%s\","
                       "\"type\":\"APPLICATION\"}],\"associations\":[]}",
                       agent->host->id, agent->installed);
        return agent->host->current_state(agent->host->ctx, activity, text);
}

static int agent_desired_state(void *self, const char *activity, const char *json)
{
        struct agent *agent = self;
        const char *version = strstr(json, "\"version\"");
        size_t length;

        if (!version || strlen(activity) > UB_MAX_ID)
                return -EBADMSG;
        version += strlen("\"version\"");
        version += strspn(version, " \t:\"");
        length = strcspn(version, "\"");
        if (length >= sizeof(agent->wanted))
                return -E2BIG;
        memcpy(agent->wanted, version, length);
        agent->wanted[length] = '\0';
        memcpy(agent->activity, activity, strlen(activity) + 1);
        return agent->host->defer(agent->host->ctx, on_identify, agent, NULL);
}

static int agent_update(struct agent *agent)
{
        int r = agent->host->state_put(agent->host->ctx, "installed", agent->wanted,
                                       strlen(agent->wanted));

        if (r < 0)
                return r;
        memcpy(agent->installed, agent->wanted, sizeof(agent->installed));
        return agent->host->state_sync(agent->host->ctx, on_synced, agent);
}

static int agent_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        struct agent *agent = self;

        (void)baseline;
        if (strcmp(activity, agent->activity) != 0)
                return -ENOENT;
        switch (command) {
        case UB_CMD_DOWNLOAD:
                return step(agent, "DOWNLOAD_SUCCESS");
        case UB_CMD_UPDATE:
                return agent_update(agent);
        case UB_CMD_ACTIVATE:
                return step(agent, "ACTIVATION_SUCCESS");
        case UB_CMD_ROLLBACK:
                return step(agent, "ROLLBACK_SUCCESS");
        case UB_CMD_CLEANUP:
                return step(agent, "CLEANUP_SUCCESS");
        default:
                return -ENOTSUP;
        }
}

static int agent_feedback_get(void *self, const char *activity)
{
        struct agent *agent = self;

        if (strcmp(activity, agent->activity) != 0)
                return -ENOENT;
        return agent->host->feedback(agent->host->ctx, activity, agent->last);
}

/* `cancel` and `reload` are NULL: the host has to live without them. */
static const struct ub_life life = {
        .size = sizeof(life),
        .create = agent_create,
        .start = agent_start,
        .stop = agent_stop,
        .destroy = agent_destroy,
        .woken = agent_woken,
};

static const struct ub_agent agent_slots = {
        .size = sizeof(agent_slots),
        .current_state_get = agent_current_state_get,
        .desired_state = agent_desired_state,
        .command = agent_command,
        .feedback_get = agent_feedback_get,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .abi_minor_needed = 0,
        .name = "frozen",
        .version = "1.0",
        .description = "an agent as it was written for ABI 1.0",
        .life = &life,
        .agent = &agent_slots,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
