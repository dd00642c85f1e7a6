/* SPDX-License-Identifier: Apache-2.0
 *
 * an agent and connector that does one bad thing in one place; for isolated instances
 *
 * Settings: {"slot": where, "way": what}.  Slots are the functions of the tables, and "callback",
 * which is that of a timer set by start.  Everything else it does as it should, and each call of
 * the tables is logged by its name at debug level.  "probe" is no sabotage: it tries what a sandbox
 * forbids and logs what came of it. */
#define UB_ABI_MINOR_WANTED 0
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <update-broker/plugin.h>

struct saboteur {
        const struct ub_host *host;
        char slot[32];
        char way[32];
};

enum { CHANNEL_FD = 3 };

static void say(const struct saboteur *s, int level, const char *text)
{
        const struct ub_log record = { .size = sizeof(record), .level = level, .text = text };

        s->host->log(s->host->ctx, &record);
}

/* ------------------------------------------------------------------------------------- the ways */

static void do_segv(struct saboteur *s)
{
        const struct sigaction action = { .sa_handler = SIG_DFL };
        volatile uintptr_t nowhere = 8;

        (void)s;
        (void)sigaction(SIGSEGV, &action, NULL); /* a sanitizer makes an exit of it */
        *(volatile int *)nowhere = 1;
}

static void do_abort(struct saboteur *s)
{
        (void)s;
        (void)fprintf(stderr, "saboteur: assertion failed\n");
        abort();
}

static void do_exit(struct saboteur *s)
{
        (void)s;
        exit(3);
}

static void do_hang(struct saboteur *s)
{
        (void)s;
        for (;;)
                pause();
}

static void do_flood_log(struct saboteur *s)
{
        char text[1000];
        int i;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (i = 0; i < 20000; i++)
                say(s, UB_LOG_INFO, text);
}

static void do_flood_state(struct saboteur *s)
{
        static const char value[UB_MAX_STATE_VALUE];
        int i;

        for (i = 0; i < 1000; i++)
                (void)s->host->state_put(s->host->ctx, "key", value, sizeof(value));
}

static void do_flood_stderr(struct saboteur *s)
{
        int i;

        (void)s;
        for (i = 0; i < 1000; i++)
                (void)fprintf(stderr, "line %d\n", i);
}

static void do_leak_fds(struct saboteur *s)
{
        (void)s;
        while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
                ;
        /* A plugin that cannot open its files ends like this. */
        (void)fprintf(stderr, "saboteur: %s\n", strerror(errno));
        abort();
}

static void do_eat_memory(struct saboteur *s)
{
        (void)s;
        for (;;) {
                char *p = malloc(1 << 20);

                if (!p) {
                        (void)fprintf(stderr, "saboteur: %s\n", strerror(errno));
                        abort();
                }
                memset(p, 1, 1 << 20);
        }
}

static void do_close_channel(struct saboteur *s)
{
        (void)s;
        (void)close(CHANNEL_FD);
        for (;;)
                pause();
}

static void write_channel(const char *bytes, size_t length)
{
        /* Should this fail the test waits in vain, and says so. */
        (void)!write(CHANNEL_FD, bytes, length);
        for (;;)
                pause();
}

static void do_write_garbage(struct saboteur *s)
{
        (void)s;
        write_channel("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

/* A frame of the other direction: stop. */
static void do_write_request(struct saboteur *s)
{
        static const char stop[] = "\0\0\0\0\x0d\0\0\0";

        (void)s;
        write_channel(stop, sizeof(stop) - 1);
}

/* A feedback as ub-agent-host would never pass it on. */
static void do_write_bad_json(struct saboteur *s)
{
        static const char feedback[] = "\x07\0\0\0\x16\0\0\0a1\0{\"x\0";

        (void)s;
        write_channel(feedback, sizeof(feedback) - 1);
}

static void do_double_stopped(struct saboteur *s)
{
        s->host->stopped(s->host->ctx);
        s->host->stopped(s->host->ctx);
}

static void report(struct saboteur *s, const char *what, int r)
{
        char text[100];

        (void)snprintf(text, sizeof(text), "probe: %s: %s", what,
                       r < 0 ? strerrorname_np(-r) : "works");
        say(s, UB_LOG_INFO, text);
}

static void do_probe(struct saboteur *s)
{
        char *const argv[] = { (char *)"/bin/true", NULL };
        char text[100];
        int status = 0;
        pid_t pid;

        (void)snprintf(text, sizeof(text), "probe: uid %u gid %u", getuid(), getgid());
        say(s, UB_LOG_INFO, text);
        report(s, "mount", mount("none", "/nonexistent", "tmpfs", 0, NULL) < 0 ? -errno : 0);
        /* Plugins do not fork; this one does, to see what becomes of execve. */
        pid = fork();
        if (pid == 0) {
                (void)execve(argv[0], argv, NULL);
                _exit(errno);
        }
        (void)waitpid(pid, &status, 0);
        report(s, "execve", -WEXITSTATUS(status));
}

static const struct {
        const char *name;
        void (*fn)(struct saboteur *s);
} ways[] = {
        { "segv", do_segv },
        { "abort", do_abort },
        { "exit", do_exit },
        { "hang", do_hang },
        { "flood-log", do_flood_log },
        { "flood-state", do_flood_state },
        { "flood-stderr", do_flood_stderr },
        { "leak-fds", do_leak_fds },
        { "eat-memory", do_eat_memory },
        { "close-channel", do_close_channel },
        { "write-garbage", do_write_garbage },
        { "write-request", do_write_request },
        { "write-bad-json", do_write_bad_json },
        { "double-stopped", do_double_stopped },
        { "probe", do_probe },
};

/* Every function passes here. */
static void pass(struct saboteur *s, const char *slot)
{
        size_t i;

        say(s, UB_LOG_DEBUG, slot);
        if (strcmp(slot, s->slot) != 0)
                return;
        for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
                if (strcmp(ways[i].name, s->way) == 0)
                        ways[i].fn(s);
}

/* ----------------------------------------------------------------------------------- the tables */

static int create(const struct ub_host *host, const char *settings, void **ret_self)
{
        struct saboteur *s = calloc(1, sizeof(*s));

        (void)settings;

        if (!s)
                return -ENOMEM;
        s->host = host;
        (void)host->setting(host->ctx, "/slot", s->slot, sizeof(s->slot)); /* none: "" */
        (void)host->setting(host->ctx, "/way", s->way, sizeof(s->way));
        pass(s, "create");
        if (strcmp(s->way, "fail-create") == 0) {
                say(s, UB_LOG_ERR, "cannot be made");
                free(s);
                return -ENODEV;
        }
        *ret_self = s;
        return 0;
}

static void on_timer(void *data)
{
        pass(data, "callback");
}

static int start(void *self, uint32_t flags)
{
        struct saboteur *s = self;

        (void)flags;

        pass(s, "start");
        s->host->wake(s->host->ctx);
        return s->host->timer(s->host->ctx, 1000, on_timer, s, NULL);
}

static void stop(void *self)
{
        struct saboteur *s = self;

        pass(s, "stop");
        s->host->stopped(s->host->ctx);
}

static void destroy(void *self)
{
        pass(self, "destroy");
        free(self);
}

static void woken(void *self)
{
        pass(self, "woken");
}

static int reload(void *self, const char *settings)
{
        (void)settings;

        pass(self, "reload");
        return 0;
}

static int current_state_get(void *self, const char *activity)
{
        struct saboteur *s = self;

        pass(s, "current_state_get");
        return s->host->current_state(s->host->ctx, activity, "{\"softwareNodes\":[]}");
}

static int desired_state(void *self, const char *activity, const char *json)
{
        struct saboteur *s = self;

        (void)json;

        pass(s, "desired_state");
        return s->host->feedback(s->host->ctx, activity, "{\"status\":\"COMPLETED\"}");
}

static int command(void *self, const char *activity, const char *baseline, int32_t number)
{
        (void)activity;
        (void)baseline;

        pass(self, "command");
        return number == 99 ? -ENOTSUP : 0;
}

static int cancel(void *self, const char *activity)
{
        (void)activity;

        pass(self, "cancel");
        return 0;
}

static int feedback_get(void *self, const char *activity)
{
        (void)activity;

        pass(self, "feedback_get");
        return -ENOENT;
}

static int connector_feedback(void *self, const char *activity, const char *json)
{
        (void)activity;
        (void)json;

        pass(self, "feedback");
        return 0;
}

static int connector_current_state(void *self, const char *activity, const char *json)
{
        (void)activity;
        (void)json;

        pass(self, "current_state");
        return 0;
}

static const struct ub_life life = {
        .size = sizeof(life),
        .create = create,
        .start = start,
        .stop = stop,
        .destroy = destroy,
        .woken = woken,
        .reload = reload,
};

static const struct ub_agent agent = {
        .size = sizeof(agent),
        .current_state_get = current_state_get,
        .desired_state = desired_state,
        .command = command,
        .cancel = cancel,
        .feedback_get = feedback_get,
};

static const struct ub_connector connector = {
        .size = sizeof(connector),
        .feedback = connector_feedback,
        .current_state = connector_current_state,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "saboteur",
        .version = "1.0",
        .description = "does one bad thing in one place",
        .life = &life,
        .agent = &agent,
        .connector = &connector,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
