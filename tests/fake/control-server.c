/* SPDX-License-Identifier: Apache-2.0
 *
 * control-server - the control socket of a broker that does what its stdin says
 *
 *     control-server SOCKET
 *
 * Prints "ready", and then each call of a client in a line.  Lines that it takes:
 *
 *     status JSON, agents JSON, inventory JSON, history JSON    what the document is from here on
 *     feedback ACTIVITY JSON                                    sends that signal
 *
 * The end of stdin is its end. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/log/log.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/fake/fake-broker.h"

struct server {
        sd_event *event;
        struct fake_broker fake;
        char *input;
        size_t length;
};

static bool set_document(struct fake_broker *fake, const char *word, const char *json)
{
        static const char *const words[] = {
                [CONTROL_DOCUMENT_STATUS] = "status",
                [CONTROL_DOCUMENT_AGENTS] = "agents",
                [CONTROL_DOCUMENT_INVENTORY] = "inventory",
                [CONTROL_DOCUMENT_HISTORY] = "history",
        };
        size_t i;

        for (i = CONTROL_DOCUMENT_STATUS; i < ARRAY_SIZE(words); i++) {
                if (strcmp(words[i], word) != 0)
                        continue;
                free(fake->documents[i]);
                fake->documents[i] = strdup(json);
                (void)printf("set %s\n", word); /* it holds for calls that come after this */
                (void)fflush(stdout);
                return true;
        }
        return false;
}

/* One line, which may be changed. */
static void obey(struct server *server, char *line)
{
        char *rest = line + strcspn(line, " ");
        char *json;

        if (*rest)
                *rest++ = '\0';
        if (set_document(&server->fake, line, rest))
                return;
        json = rest + strcspn(rest, " ");
        if (*json)
                *json++ = '\0';
        if (strcmp(line, "feedback") == 0)
                control_feedback(server->fake.control, rest, json);
        else
                (void)fprintf(stderr, "control-server: no such order: %s\n", line);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct server *server = data;
        char *grown = realloc(server->input, server->length + 65536);
        ssize_t n = grown ? read(fd, grown + server->length, 65536) : 0;
        char *newline;

        (void)source;
        (void)events;
        if (grown)
                server->input = grown;
        if (n <= 0)
                return sd_event_exit(server->event, 0);
        server->length += (size_t)n;
        while ((newline = memchr(server->input, '\n', server->length))) {
                size_t used = (size_t)(newline + 1 - server->input);

                *newline = '\0';
                obey(server, server->input);
                server->length -= used;
                memmove(server->input, server->input + used, server->length);
        }
        return 0;
}

static int serve(struct server *server, struct log *log, const char *path)
{
        const struct control_config config = { .socket_path = path, .group = "" };
        struct diag diag = DIAG_INIT;
        int r;

        server->fake.tell = true;
        r = sd_event_new(&server->event);
        if (r >= 0)
                r = sd_event_add_io(server->event, NULL, STDIN_FILENO, EPOLLIN, on_input, server);
        if (r >= 0)
                r = control_new(server->event, log, &config, &fake_broker_ops, &server->fake, &diag,
                                &server->fake.control);
        if (r >= 0) {
                (void)puts("ready");
                (void)fflush(stdout);
                r = sd_event_loop(server->event);
        }
        if (r < 0)
                (void)fprintf(stderr, "control-server: %s\n",
                              *diag.text ? diag.text : strerror(-r));
        fake_broker_done(&server->fake);
        (void)sd_event_unref(server->event);
        free(server->input);
        return r;
}

int main(int argc, char **argv)
{
        const struct log_options options = { .level = LOG_LEVEL_WARN };
        CLEANUP(log_freep) struct log *log = NULL;
        struct server server = { .event = NULL };

        if (argc != 2 || log_new(&options, NULL, &log) < 0)
                return EXIT_FAILURE;
        return serve(&server, log, argv[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
