/* SPDX-License-Identifier: Apache-2.0
 *
 * Both variants share the life of a child: begin() starts it, pull() takes what it has written,
 * reap() learns how it ended, conclude() makes a result of the two.  The end of the probe is the
 * end of the child, not of its output: a constructor may have left a process behind that holds
 * the pipe open. */
#define _GNU_SOURCE 1 /* pipe2, P_PIDFD, sigabbrev_np */

#include "host/plugin/probe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "host/plugin/abi.h"
#include "host/plugin/inspect.h"
#include "host/plugin/loader.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/spawn.h"
#include "host/util/time.h"
#include "host/util/utf8.h"

/* The schema and, generously, everything else. */
enum { ANSWER_MAX = UB_MAX_JSON + 16 * 1024, ANSWER_STEP = 16 * 1024 };

struct probe {
        char *plugin;
        char *agent_host;
        uint64_t timeout_usec;

        pid_t pid;
        int pidfd; /* -1: not started, or handed on */
        int pipe_fd;
        bool reaped;
        bool timed_out;
        bool too_long;
        siginfo_t end; /* how it ended, once reaped */

        char *answer; /* always one NUL byte more than length */
        size_t length;
        size_t room;

        /* with an event loop only */
        sd_event *event; /* borrowed */
        sd_event_source *on_pipe;
        sd_event_source *on_end;
        sd_event_source *on_time;
        probe_done_fn fn;
        void *data;
};

DEFINE_FREEP(struct probe, probe);
DEFINE_FREEP(struct probe_info, probe_info);

struct probe_info *probe_info_free(struct probe_info *info)
{
        if (!info)
                return NULL;
        free(info->name);
        free(info->version);
        free(info->description);
        free(info->settings_schema);
        free(info);
        return NULL;
}

/* ----------------------------------------------------------------------------------- the answer */

/* The value of the last record with this key, or NULL.  Whatever follows the last NUL of the
 * child's is a record that it did not finish. */
static const char *find_record(const struct probe *probe, const char *key)
{
        const char *p = probe->answer;
        const char *end = p + probe->length;
        const char *found = NULL;
        size_t n = strlen(key);

        while (p < end) {
                size_t length = strnlen(p, (size_t)(end - p));

                if (p + length == end)
                        break;
                if (strncmp(p, key, n) == 0 && p[n] == '=')
                        found = p + n + 1;
                p += length + 1;
        }
        return found;
}

static int parse_number(const struct probe *probe, const char *key, unsigned max, unsigned *ret)
{
        const char *text = find_record(probe, key);
        unsigned value = 0;

        if (!text || !*text)
                return -EBADMSG;
        for (; *text; text++) {
                if (*text < '0' || *text > '9' || value > max / 10)
                        return -EBADMSG;
                value = value * 10 + (unsigned)(*text - '0');
        }
        if (value > max)
                return -EBADMSG;
        *ret = value;
        return 0;
}

static int parse_text(const struct probe *probe, const char *key, size_t max, bool one_line,
                      char **ret)
{
        const char *text = find_record(probe, key);
        size_t length;

        if (!text)
                return -EBADMSG;
        length = strlen(text);
        if (length > max || !(one_line ? utf8_is_line(text, length) : utf8_is_valid(text, length)))
                return -EBADMSG;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int parse_info(const struct probe *probe, struct probe_info **ret)
{
        CLEANUP(probe_info_freep) struct probe_info *info = NULL;
        int r;

        info = calloc(1, sizeof(*info));
        if (!info)
                return -ENOMEM;
        r = parse_number(probe, "abi", UINT16_MAX, &info->abi_major);
        if (r == 0)
                r = parse_number(probe, "wanted", UINT16_MAX, &info->abi_minor_wanted);
        if (r == 0)
                r = parse_number(probe, "needed", UINT16_MAX, &info->abi_minor_needed);
        if (r == 0)
                r = parse_number(probe, "roles", PLUGIN_ROLE_AGENT | PLUGIN_ROLE_CONNECTOR,
                                 &info->roles);
        if (r == 0)
                r = parse_text(probe, "name", UB_MAX_NAME, true, &info->name);
        if (r == 0)
                r = parse_text(probe, "version", UB_MAX_VERSION, true, &info->version);
        if (r == 0)
                r = parse_text(probe, "description", UB_MAX_DESCRIPTION, true, &info->description);
        if (r == 0 && find_record(probe, "schema"))
                r = parse_text(probe, "schema", UB_MAX_JSON, false, &info->settings_schema);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(info);
        return 0;
}

/* ----------------------------------------------------------------------------------- the result */

/* The loader refused the plugin and said why. */
static int report_refusal(const struct probe *probe, const char *text, struct diag *diag)
{
        const char *result = find_record(probe, "result");
        int r = -EINVAL;

        if (result && sscanf(result, "%6d", &r) == 1 && (r > -1 || r < -4095))
                r = -EINVAL;
        if (!utf8_is_line(text, strlen(text)))
                return diag_set(diag, r, "%s: refused, for a reason that is not text",
                                probe->plugin);
        return diag_set(diag, r, "%s", text); /* begins with the path */
}

/* No whole answer came: say in whose code the child ended, and how. */
static int report_end(const struct probe *probe, struct diag *diag)
{
        const char *doing = find_record(probe, "doing");
        const char *who = "its constructor";
        const char *name;

        if (doing && strcmp(doing, "entry") == 0)
                who = UB_PLUGIN_ENTRY "()";
        else if (!doing) /* it is not the plugin's fault */
                who = probe->agent_host;

        if (probe->timed_out)
                return diag_set(diag, -ETIMEDOUT, "%s: %s did not return within %" PRIu64 " ms",
                                probe->plugin, who, probe->timeout_usec / USEC_PER_MSEC);
        if (probe->too_long)
                return diag_set(diag, -EBADMSG, "%s: %s wrote more than %d bytes into the answer",
                                probe->plugin, who, ANSWER_MAX);
        if (probe->end.si_code == CLD_EXITED)
                return diag_set(diag, -ENOEXEC, "%s: %s ended the process with status %d",
                                probe->plugin, who, probe->end.si_status);
        name = sigabbrev_np(probe->end.si_status);
        return diag_set(diag, -ENOEXEC, "%s: %s crashed: killed by SIG%s", probe->plugin, who,
                        name ? name : "?");
}

static int conclude(const struct probe *probe, struct diag *diag, struct probe_info **ret)
{
        const char *error = find_record(probe, "error");
        int r;

        if (error)
                return report_refusal(probe, error, diag);
        if (!find_record(probe, "end"))
                return report_end(probe, diag);
        r = parse_info(probe, ret);
        if (r == -EBADMSG)
                return diag_set(diag, r, "%s: its description is garbled", probe->plugin);
        return r < 0 ? diag_set_errno(diag, r, "%s", probe->plugin) : 0;
}

/* ------------------------------------------------------------------------------------ the child */

static void kill_child(const struct probe *probe)
{
        spawn_kill(probe->pid, probe->pidfd, true, SIGKILL);
}

static int grow(struct probe *probe)
{
        char *more;

        if (probe->room - probe->length > 1)
                return 0;
        if (probe->room >= ANSWER_MAX)
                return -E2BIG;
        more = realloc(probe->answer, probe->room + ANSWER_STEP);
        if (!more)
                return -ENOMEM;
        probe->answer = more;
        probe->room += ANSWER_STEP;
        return 0;
}

/* Takes what the pipe holds.  1: there may be more later.  0: the end.  Too much, or no memory
 * for it, ends the child. */
static int pull(struct probe *probe)
{
        for (;;) {
                ssize_t n;

                if (grow(probe) < 0) {
                        probe->too_long = true;
                        kill_child(probe);
                        return 0;
                }
                n = read(probe->pipe_fd, probe->answer + probe->length,
                         probe->room - probe->length - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 1 : 0;
                if (n == 0)
                        return 0;
                probe->length += (size_t)n;
                probe->answer[probe->length] = '\0';
        }
}

/* Learns how the child ended, if it has.  What it left in its group ends with it: the signal
 * goes out while the number of the group is still taken by the dead child. */
static bool reap(struct probe *probe, bool wait)
{
        siginfo_t info = { .si_pid = 0 };
        int r;

        do
                r = waitid(P_PIDFD, (id_t)probe->pidfd, &info,
                           WEXITED | WNOWAIT | (wait ? 0 : WNOHANG));
        while (r < 0 && errno == EINTR);
        if (r == 0 && info.si_pid == 0)
                return false;
        probe->reaped = true;
        probe->end = info;
        if (r == 0) {
                kill_child(probe);
                (void)waitid(P_PIDFD, (id_t)probe->pidfd, &info, WEXITED); /* WNOWAIT found it */
        }
        return true;
}

static int begin(struct probe *probe, const struct probe_config *config, struct diag *diag)
{
        static const struct spawn_limits cautious = { .no_new_privileges = true, .no_core = true };
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   "LANG=C.UTF-8", NULL };
        const char *const argv[] = { config->agent_host, "--inspect", config->plugin, NULL };
        CLEANUP_CLOSE int write_fd = -1;
        int fds[2];
        int r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return diag_set_errno(diag, -errno, "%s: no pipe for its probe", config->plugin);
        probe->pipe_fd = fds[0];
        write_fd = fds[1];
        if (fcntl(probe->pipe_fd, F_SETFL, O_NONBLOCK) < 0)
                return diag_set_errno(diag, -errno, "%s: no pipe for its probe", config->plugin);

        _Static_assert(INSPECT_FD == 3, "the first of pass_fds");
        r = spawn_process(&(struct spawn){
                                  .path = config->agent_host,
                                  .argv = argv,
                                  .envp = environment,
                                  .in_fd = -1,
                                  .out_fd = -1,
                                  .err_fd = -1,
                                  .pass_fds = { write_fd },
                                  .n_pass = 1,
                                  .new_group = true,
                                  .limits = config->limits ? *config->limits : cautious,
                          },
                          &probe->pid, &probe->pidfd);
        if (r < 0)
                return diag_set_errno(diag, r, "%s: cannot run %s for its probe", config->plugin,
                                      config->agent_host);
        return 0;
}

static int probe_new(const struct probe_config *config, struct probe **ret)
{
        CLEANUP(probe_freep) struct probe *probe = NULL;

        assert(config->agent_host && config->plugin && config->timeout_usec > 0);

        probe = calloc(1, sizeof(*probe));
        if (!probe)
                return -ENOMEM;
        probe->pidfd = -1;
        probe->pipe_fd = -1;
        probe->timeout_usec = config->timeout_usec;
        probe->plugin = strdup(config->plugin);
        probe->agent_host = strdup(config->agent_host);
        probe->answer = calloc(1, ANSWER_STEP);
        probe->room = ANSWER_STEP;
        if (!probe->plugin || !probe->agent_host || !probe->answer)
                return -ENOMEM;
        *ret = TAKE_PTR(probe);
        return 0;
}

/* ------------------------------------------------------------------------------- without a loop */

/* Until the child has ended, on its own or at the time limit. */
static void wait_for_end(struct probe *probe)
{
        uint64_t end = time_now_usec() + probe->timeout_usec;
        struct pollfd fds[] = { { .fd = probe->pidfd, .events = POLLIN },
                                { .fd = probe->pipe_fd, .events = POLLIN } };

        for (;;) {
                uint64_t now = time_now_usec();
                uint64_t left_ms = now < end ? (end - now) / USEC_PER_MSEC + 1 : 0;
                int n = poll(fds, ARRAY_SIZE(fds), (int)(left_ms < 60000 ? left_ms : 60000));

                if (n > 0 && fds[1].revents && pull(probe) == 0)
                        fds[1].fd = -1; /* closed, or enough of it */
                if (n > 0 && fds[0].revents)
                        return;
                if (left_ms == 0 && n <= 0) {
                        probe->timed_out = true;
                        kill_child(probe);
                        return;
                }
        }
}

int probe_run(const struct probe_config *config, struct diag *diag, struct probe_info **ret)
{
        CLEANUP(probe_freep) struct probe *probe = NULL;
        int r;

        assert(config && ret);

        r = probe_new(config, &probe);
        if (r < 0)
                return r;
        r = begin(probe, config, diag);
        if (r < 0)
                return r;
        wait_for_end(probe);
        (void)reap(probe, true);
        (void)pull(probe); /* what it wrote last */
        return conclude(probe, diag, ret);
}

/* ---------------------------------------------------------------------------------- with a loop */

static int on_pipe(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct probe *probe = data;

        (void)fd;
        (void)events;
        if (pull(probe) == 0)
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF); /* on_end concludes */
        return 0;
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *data)
{
        CLEANUP(probe_info_freep) struct probe_info *info = NULL;
        struct diag diag = DIAG_INIT;
        struct probe *probe = data;
        int r;

        (void)fd;
        (void)events;
        if (!reap(probe, false))
                return 0;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(probe->on_pipe, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(probe->on_time, SD_EVENT_OFF);
        (void)pull(probe);
        r = conclude(probe, &diag, &info);
        probe->fn(probe->data, r, diag.text, TAKE_PTR(info)); /* may free the probe */
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
        struct probe *probe = data;

        (void)source;
        (void)usec;
        probe->timed_out = true;
        kill_child(probe); /* on_end concludes */
        return 0;
}

static int watch(struct probe *probe)
{
        int r;

        r = sd_event_add_io(probe->event, &probe->on_pipe, probe->pipe_fd, EPOLLIN, on_pipe, probe);
        if (r >= 0)
                r = sd_event_add_io(probe->event, &probe->on_end, probe->pidfd, EPOLLIN, on_end,
                                    probe);
        if (r >= 0)
                r = sd_event_add_time_relative(probe->event, &probe->on_time, CLOCK_BOOTTIME,
                                               probe->timeout_usec, 0, on_time, probe);
        return r < 0 ? r : 0;
}

int probe_start(const struct probe_config *config, sd_event *event, probe_done_fn fn, void *data,
                struct diag *diag, struct probe **ret)
{
        CLEANUP(probe_freep) struct probe *probe = NULL;
        int r;

        assert(config && event && fn && ret);

        r = probe_new(config, &probe);
        if (r < 0)
                return r;
        probe->event = event;
        probe->fn = fn;
        probe->data = data;
        r = begin(probe, config, diag);
        if (r < 0)
                return r;
        r = watch(probe);
        if (r < 0)
                return diag_set_errno(diag, r, "%s: cannot watch its probe", config->plugin);
        *ret = TAKE_PTR(probe);
        return 0;
}

/* A child that has just been killed takes a moment to end; nobody waits for it but the loop. */
static int on_leftover(sd_event_source *source, int fd, uint32_t events, void *data)
{
        siginfo_t info;

        (void)events;
        (void)data;
        (void)waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG); /* how it ended is no news */
        (void)sd_event_source_set_floating(source, false); /* the last reference */
        return 0;
}

static void leave_to_loop(struct probe *probe)
{
        sd_event_source *source = NULL;

        if (probe->event &&
            sd_event_add_io(probe->event, &source, probe->pidfd, EPOLLIN, on_leftover, NULL) >= 0 &&
            sd_event_source_set_io_fd_own(source, true) >= 0 &&
            sd_event_source_set_floating(source, true) >= 0) {
                probe->pidfd = -1;
                sd_event_source_unref(source);
                return;
        }
        sd_event_source_disable_unref(source);
        (void)reap(probe, true); /* no loop, or no memory: it was killed, so this is short */
}

struct probe *probe_free(struct probe *probe)
{
        if (!probe)
                return NULL;
        sd_event_source_disable_unref(probe->on_pipe);
        sd_event_source_disable_unref(probe->on_end);
        sd_event_source_disable_unref(probe->on_time);
        if (probe->pidfd >= 0 && !probe->reaped) {
                kill_child(probe);
                leave_to_loop(probe);
        }
        cleanup_close(&probe->pidfd);
        cleanup_close(&probe->pipe_fd);
        free(probe->plugin);
        free(probe->agent_host);
        free(probe->answer);
        free(probe);
        return NULL;
}
