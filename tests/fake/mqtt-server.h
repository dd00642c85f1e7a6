/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt-server - a real mosquitto of one's own
 *
 *     CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
 *     mqtt_server_start(&server);
 *     ... server.url ... server.unix_url ...
 *     mqtt_server_stop(&server, SIGKILL);
 *     mqtt_server_start(&server);          on the same port
 *
 * It listens on a port of 127.0.0.1 that was free a moment ago and on a socket in its folder.
 * mqtt_server_start() returns when it listens; if somebody else has taken the port meanwhile and
 * nobody has seen the url yet, it takes another.  It dies with the test.  What it logs goes to a pipe that
 * stays open, since mosquitto 2.1 dies of one that is closed; it logs so little that the pipe never fills.
 *
 * Where mosquitto is not installed, mqtt_server_is_missing() says so: let main() skip aloud. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/util/cleanup.h"
#include "host/util/file.h"
#include "host/util/spawn.h"
#include "tests/unit/folder.h"

struct mqtt_server {
        struct folder folder;
        int port;
        char url[64];       /* tcp://127.0.0.1:PORT */
        char unix_url[PATH_MAX]; /* unix://FOLDER/socket */
        char *config;       /* further lines of mosquitto.conf */
        bool fixed_port;    /* it has run on this port */
        pid_t pid;          /* 0: not running */
        int pidfd;
        int log_fd;         /* the end of the pipe that is read */
};

static inline const char *mqtt_server_program(void)
{
        static const char *const paths[] = { "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto",
                                             "/usr/bin/mosquitto" };

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                if (access(paths[i], X_OK) == 0)
                        return paths[i];
        return NULL;
}

static inline bool mqtt_server_is_missing(void)
{
        return !mqtt_server_program();
}

static inline void mqtt_server_take_port(struct mqtt_server *server)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        server->port = ntohs(address.sin_port);
        (void)snprintf(server->url, sizeof(server->url), "tcp://127.0.0.1:%d", server->port);
}

/* config: further lines of mosquitto.conf, for both listeners. */
static inline struct mqtt_server mqtt_server_new(const char *config)
{
        struct mqtt_server server = { .folder = folder_new(), .pidfd = -1, .log_fd = -1 };

        server.config = strdup(config);
        ck_assert_ptr_nonnull(server.config);
        (void)snprintf(server.unix_url, sizeof(server.unix_url), "unix://%s/socket",
                       server.folder.path);
        mqtt_server_take_port(&server);
        return server;
}

/* Each listener gets the lines, because TLS belongs to a listener. */
static inline void mqtt_server_write_config(const struct mqtt_server *server)
{
        CLEANUP_FREE char *text = NULL;

        ck_assert_int_gt(
                asprintf(&text,
                         "per_listener_settings true\n%spersistence false\nlog_dest stderr\n"
                         "log_type error\nlog_type warning\nlog_type information\n"
                         "listener %d 127.0.0.1\n%s%s\nlistener 0 %s/socket\n%s%s\n",
                         geteuid() == 0 ? "user root\n" : "", server->port,
                         strstr(server->config, "allow_anonymous") ? "" : "allow_anonymous true\n",
                         server->config, server->folder.path,
                         strstr(server->config, "allow_anonymous") ? "" : "allow_anonymous true\n",
                         strstr(server->config, "cafile") ? "" : server->config),
                0);
        folder_write(&server->folder, "mosquitto.conf", text);
}

/* Its log until it runs; false: until it has ended. */
static inline bool mqtt_server_await(int fd, char *log, size_t size)
{
        size_t n = 0;

        for (;;) {
                ssize_t got = read(fd, log + n, size - 1 - n);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0 || n + (size_t)got == size - 1)
                        return false;
                n += (size_t)got;
                log[n] = '\0';
                if (strstr(log, " running\n")) /* "running mosquitto as user" comes earlier */
                        return true;
        }
}

static inline void mqtt_server_reap(struct mqtt_server *server)
{
        siginfo_t info;

        ck_assert_int_eq(waitid(P_PID, (id_t)server->pid, &info, WEXITED), 0);
        (void)close(server->pidfd);
        (void)close(server->log_fd);
        server->pidfd = server->log_fd = -1;
        server->pid = 0;
}

static inline bool mqtt_server_try(struct mqtt_server *server, char *log, size_t size)
{
        char path[PATH_MAX];
        const char *argv[] = { "mosquitto", "-c", path, NULL };
        struct spawn spawn = {
                .path = mqtt_server_program(), .argv = argv, .in_fd = -1, .out_fd = -1
        };
        int fds[2];
        bool runs;

        mqtt_server_write_config(server);
        folder_path(&server->folder, "mosquitto.conf", path);
        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
        spawn.err_fd = fds[1];
        ck_assert_int_eq(spawn_process(&spawn, &server->pid, &server->pidfd), 0);
        (void)close(fds[1]);
        server->log_fd = fds[0];
        runs = mqtt_server_await(server->log_fd, log, size);
        if (!runs)
                mqtt_server_reap(server);
        return runs;
}

static inline void mqtt_server_start(struct mqtt_server *server)
{
        char log[16384] = "";

        ck_assert_int_eq(server->pid, 0);
        for (int i = 0; !mqtt_server_try(server, log, sizeof(log)); i++) {
                ck_assert_msg(!server->fixed_port && i < 10, "mosquitto does not start: %s", log);
                mqtt_server_take_port(server);
        }
        server->fixed_port = true;
}

static inline void mqtt_server_stop(struct mqtt_server *server, int sig)
{
        spawn_kill(server->pid, server->pidfd, false, sig);
        mqtt_server_reap(server);
}

static inline void mqtt_server_free(struct mqtt_server *server)
{
        if (server->pid > 0)
                mqtt_server_stop(server, SIGKILL);
        free(server->config);
        folder_done(&server->folder);
}
