/* SPDX-License-Identifier: Apache-2.0
 *
 * command - the command that a component is activated with
 *
 * One of the settings' list, started by the host without a shell and ended by it when its time is
 * over.  It learns what it is about from its environment, and the end of what it writes goes into
 * the message when it fails. */
#define _GNU_SOURCE 1 /* pipe2, asprintf */
#include "plugins/files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/files/scope.h"

enum { TAIL_BYTES = 200 };

struct command {
        const struct change *change;
        const struct program *program;
        struct ub_source *child;
        struct ub_source *output;
        int output_fd;
        char tail[TAIL_BYTES + 1]; /* of what it wrote */
        size_t n_tail;
};

static void drop(struct files *files)
{
        struct command *command = files->step.run;

        if (!command)
                return;
        ub_source_drop(files->host, &command->child);
        ub_source_drop(files->host, &command->output);
        scope_close(&command->output_fd);
        free(command);
        files->step.run = NULL;
}

void command_stop(struct files *files)
{
        drop(files);
}

/* --------------------------------------------------------------------------------------- output */

static void keep_tail(struct command *command, const char *data, size_t n)
{
        size_t old = command->n_tail;

        if (n > TAIL_BYTES) {
                data += n - TAIL_BYTES;
                n = TAIL_BYTES;
        }
        if (old + n > TAIL_BYTES) {
                size_t gone = old + n - TAIL_BYTES;

                memmove(command->tail, command->tail + gone, old - gone);
                old -= gone;
        }
        memcpy(command->tail + old, data, n);
        command->n_tail = old + n;
}

/* Bounded, so that a command that writes for ever does not hold the loop. */
static void on_output(void *data, int fd, uint32_t events)
{
        struct files *files = data;
        struct command *command = files->step.run;
        char buf[4096];
        ssize_t n = read(fd, buf, sizeof(buf));

        (void)events;
        if (n > 0)
                keep_tail(command, buf, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                ub_source_drop(files->host, &command->output);
}

/* The last line of it that says something. */
static const char *last_line(struct command *command)
{
        const char *line;
        size_t n = command->n_tail;
        size_t i;

        for (i = 0; i < n; i++)
                if (command->tail[i] == '\0')
                        command->tail[i] = ' ';
        while (n > 0 && (command->tail[n - 1] == '\n' || command->tail[n - 1] == '\r'))
                n--;
        command->tail[n] = '\0';
        line = strrchr(command->tail, '\n');
        return line ? line + 1 : command->tail;
}

/* ------------------------------------------------------------------------------------ the child */

static void note_failure(struct files *files, const char *what)
{
        struct command *command = files->step.run;
        const char *line = last_line(command);
        char text[UB_ERROR_MAX];

        (void)snprintf(text, sizeof(text), "%s: command %s %s%s%s", command->change->id,
                       command->program->name, what, *line ? ": " : "", line); /* may be cut */
        activity_note_failure(files, text);
}

static void on_child(void *data, int32_t code, int32_t status)
{
        struct files *files = data;
        struct command *command = files->step.run;
        char what[80];
        char buf[4096];
        ssize_t n;

        command->child = NULL; /* one-shot: it is gone */
        while ((n = read(command->output_fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
                if (n > 0)
                        keep_tail(command, buf, (size_t)n);
        if (code == CLD_EXITED && status != 0) {
                (void)snprintf(what, sizeof(what), "failed with status %d", status);
                note_failure(files, what);
        } else if (code != CLD_EXITED) {
                bool late = status == SIGTERM || status == SIGKILL;

                (void)snprintf(what, sizeof(what), "was ended by signal %d%s", status,
                               late ? " (its time was over)" : "");
                note_failure(files, what);
        }
        drop(files);
        files->step.at++;
        command_run_all(files);
}

static bool is_way_back(const struct files *files)
{
        return files->step.undoing || files->step.command == UB_CMD_ROLLBACK;
}

static void free_environment(char **environment)
{
        size_t i;

        for (i = 0; environment[i]; i++)
                free(environment[i]);
}

static int make_environment(const struct files *files, const struct change *change,
                            char *environment[7])
{
        bool back = is_way_back(files);
        const char *version = back ? change->from : change->version;
        const char *id = change->id;
        size_t n = 0;

        if (asprintf(&environment[n], "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                      "/sbin:/bin") < 0)
                return -ENOMEM;
        if (asprintf(&environment[++n], "LANG=C.UTF-8") < 0 ||
            asprintf(&environment[++n], "UB_COMPONENT=%s", id) < 0 ||
            asprintf(&environment[++n], "UB_VERSION=%s", version) < 0 ||
            asprintf(&environment[++n], "UB_PATH=%s/active/%s", files->store.path, id) < 0 ||
            asprintf(&environment[++n], "UB_STEP=%s", back ? "ROLLBACK" : "ACTIVATE") < 0) {
                environment[n] = NULL; /* asprintf leaves it undefined */
                return -ENOMEM;
        }
        return 0;
}

static int spawn(struct files *files, struct command *command, int out_fd)
{
        char *environment[7] = { NULL };
        const struct ub_spawn request = {
                .size = sizeof(request),
                .timeout_usec = command->program->timeout_usec,
                .argv = (const char *const *)command->program->argv,
                .envp = (const char *const *)environment,
                .in_fd = -1,
                .out_fd = out_fd,
                .err_fd = out_fd,
        };
        int r;

        r = make_environment(files, command->change, environment);
        if (r == 0)
                r = ub_spawn(files->host, &request, on_child, files, &command->child);
        free_environment(environment);
        return r;
}

static int start(struct files *files, const struct change *change, const struct program *program)
{
        struct command *command = calloc(1, sizeof(*command));
        CLEANUP_CLOSE int out_fd = -1;
        int fds[2];
        int r;

        if (!command)
                return -ENOMEM;
        command->change = change;
        command->program = program;
        command->output_fd = -1;
        files->step.run = command;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        command->output_fd = fds[0];
        out_fd = fds[1];
        if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = ub_io(files->host, fds[0], UB_IO_IN, on_output, files, &command->output);
        return r < 0 ? r : spawn(files, command, out_fd);
}

static int run_one(struct files *files, const struct change *change)
{
        const struct program *program = settings_program(&files->settings, change->program);
        char text[UB_ERROR_MAX];
        int r;

        if (!program) { /* the settings have changed since it was installed */
                (void)snprintf(text, sizeof(text),
                               "%s: there is no command %s in the agent's settings", change->id,
                               change->program); /* may be cut */
                activity_note_failure(files, text);
                return -ENOENT;
        }
        ub_info(files->host, "%s: running command %s", change->id, program->name);
        r = start(files, change, program);
        if (r < 0) {
                (void)snprintf(text, sizeof(text), "cannot be run: %s%s", strerror(-r),
                               r == -EPERM ? " (\"services\" has no \"spawn\")" : "");
                note_failure(files, text);
                drop(files);
        }
        return r;
}

/* ACTIVATE ends with the first that fails.  The way back goes on: each that works is one more. */
void command_run_all(struct files *files)
{
        const struct plan *plan = &files->record.plan;
        size_t *at = &files->step.at;

        for (; *at < plan->n; ++*at) {
                const struct change *change = &plan->list[*at];

                if (files->step.failure && !is_way_back(files))
                        break;
                if (change->in_scope && change->program && run_one(files, change) == 0)
                        return; /* on_child() goes on */
        }
        activity_end_step(files, 0, NULL);
}
