/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket is open to everybody, so that those who may not use it hear so; what keeps them from
 * being a nuisance are the limits on connections, in which strangers cannot take the place of
 * others. */
#include "config.h"

#include "host/broker/control.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/broker/control-internal.h"
#include "host/log/log.h"
#include "host/util/diag.h"
#include "host/util/time.h"

enum { BACKLOG = 64, GROUP_BUFFER = 64 * 1024 };

/* ---------------------------------------------------------------------------------- connections */

/* False when there are too many of the newcomer's kind. */
static bool has_room(const struct control *control, enum control_access access)
{
        const struct control_peer *peer;
        size_t all = 0;
        size_t readers = 0;
        size_t strangers = 0;

        for (peer = control->peers; peer; peer = peer->next) {
                enum control_access other = control_access_of(control, &peer->user);

                all++;
                readers += other < CONTROL_ACCESS_WRITE;
                strangers += other < CONTROL_ACCESS_READ;
        }
        switch (access) {
        case CONTROL_ACCESS_NONE:
                return strangers < CONTROL_STRANGERS_MAX && readers < CONTROL_READERS_MAX &&
                       all < CONTROL_CLIENTS_MAX;
        case CONTROL_ACCESS_READ:
                return readers < CONTROL_READERS_MAX && all < CONTROL_CLIENTS_MAX;
        case CONTROL_ACCESS_WRITE:
                return all < CONTROL_CLIENTS_MAX;
        }
        return false;
}

/* A bus of two, of which we are the server.  Takes fd. */
static int make_bus(int take_fd, sd_bus **ret)
{
        sd_bus *bus = NULL;
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, take_fd, take_fd);
        if (r < 0) {
                (void)close(take_fd); /* nothing was written to it */
                (void)sd_bus_unref(bus);
                return r;
        }
        r = sd_bus_set_server(bus, true, id);
        if (r >= 0)
                r = sd_bus_set_sender(bus, CONTROL_NAME);
        if (r < 0) {
                (void)sd_bus_close_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

static int add_client(struct control *control, int take_fd)
{
        CLEANUP_CLOSE int fd = take_fd;
        CLEANUP(control_user_done) struct control_user user = { .uid = (uid_t)-1 };
        struct control_peer *peer = NULL;
        sd_bus *bus = NULL;
        int r;

        r = control_user_of_socket(fd, &user);
        if (r < 0)
                return r;
        if (!has_room(control, control_access_of(control, &user))) {
                log_warn(control->log, NULL,
                         "control: too many clients: one of user %u is sent away",
                         (unsigned)user.uid);
                return 0;
        }
        r = make_bus(TAKE_FD(fd), &bus);
        if (r >= 0)
                r = control_peer_new(control, bus, false, &peer);
        if (r < 0)
                return r;
        peer->user = user;
        user.groups = NULL;
        peer->next = control->peers;
        control->peers = peer;
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
        struct control *control = data;

        (void)source;
        (void)usec;
        (void)sd_event_source_set_enabled(control->listen, SD_EVENT_ON); /* our own: cannot fail */
        return 0;
}

/* Out of descriptors: the connection stays in the backlog, and would wake us up for ever. */
static void pause_listening(struct control *control, int r)
{
        log_warn(control->log, NULL, "control: cannot accept a client: %s", strerror(-r));
        (void)sd_event_source_set_enabled(control->listen, SD_EVENT_OFF);
        control->retry = sd_event_source_disable_unref(control->retry);
        if (sd_event_add_time_relative(control->event, &control->retry, CLOCK_MONOTONIC,
                                       USEC_PER_SEC, 0, on_retry, control) < 0)
                (void)sd_event_source_set_enabled(control->listen, SD_EVENT_ON);
}

static int on_connect(sd_event_source *source, int listen_fd, uint32_t events, void *data)
{
        struct control *control = data;
        int fd;
        int r;

        (void)source;
        (void)events;
        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                /* Anything else is about the one connection, which is gone. */
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        pause_listening(control, -errno);
                return 0;
        }
        r = add_client(control, fd);
        if (r < 0)
                log_warn(control->log, NULL, "control: a client is lost: %s", strerror(-r));
        return 0;
}

static int on_reap(sd_event_source *source, void *data)
{
        struct control *control = data;
        struct control_peer **link = &control->peers;

        (void)source;
        while (*link) {
                struct control_peer *peer = *link;

                if (!peer->gone) {
                        link = &peer->next;
                        continue;
                }
                *link = peer->next;
                (void)control_peer_free(peer);
        }
        if (control->system_bus && control->system_bus->gone) {
                control_bus_close(control);
                control_bus_retry(control, "the connection is lost");
        }
        return 0;
}

/* ----------------------------------------------------------------------------------- the socket */

static bool is_in_use(const struct sockaddr_un *address, socklen_t length)
{
        CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        return fd < 0 || connect(fd, (const struct sockaddr *)address, length) >= 0 ||
               errno != ECONNREFUSED;
}

static int bind_socket(int fd, const char *path, struct diag *diag)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return diag_set(diag, -ENAMETOOLONG, "%s: a socket's path has at most %zu bytes",
                                path, sizeof(address.sun_path) - 1);
        memcpy(address.sun_path, path, strlen(path) + 1);
        r = bind(fd, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
        if (r == -EADDRINUSE) {
                if (is_in_use(&address, length))
                        return diag_set(diag, r, "%s: another update-brokerd listens there", path);
                if (unlink(path) < 0)
                        return diag_set_errno(diag, -errno, "%s", path);
                r = bind(fd, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
        }
        return r < 0 ? diag_set_errno(diag, r, "%s", path) : 0;
}

static int listen_on_socket(struct control *control, struct diag *diag)
{
        const char *path = control->socket_path;
        int r;

        control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (control->listen_fd < 0)
                return diag_set_errno(diag, -errno, "%s", path);
        r = bind_socket(control->listen_fd, path, diag);
        if (r < 0)
                return r;
        control->socket_is_ours = true;
        if (chmod(path, 0666) < 0 || listen(control->listen_fd, BACKLOG) < 0)
                return diag_set_errno(diag, -errno, "%s", path);
        r = sd_event_add_io(control->event, &control->listen, control->listen_fd, EPOLLIN,
                            on_connect, control);
        return r < 0 ? diag_set_errno(diag, r, "%s", path) : 0;
}

/* -------------------------------------------------------------------------------- the interface */

static int find_group(const char *name, gid_t *ret)
{
        CLEANUP_FREE char *buffer = malloc(GROUP_BUFFER);
        struct group group;
        struct group *found = NULL;
        char *end;
        int r;

        if (!buffer)
                return -ENOMEM;
        r = getgrnam_r(name, &group, buffer, GROUP_BUFFER, &found);
        if (found) {
                *ret = found->gr_gid;
                return 0;
        }
        if (*name >= '0' && *name <= '9') {
                unsigned long number = strtoul(name, &end, 10);

                if (!*end && number < (gid_t)-1) {
                        *ret = (gid_t)number;
                        return 0;
                }
        }
        return r > 0 ? -r : -ENOENT;
}

void control_set_group(struct control *control, const char *group)
{
        char *copy = strdup(group);
        int r = copy ? 0 : -ENOMEM;

        control->has_group = false;
        free(control->group_name);
        control->group_name = copy;
        if (r == 0 && !*group)
                return;
        if (r == 0)
                r = find_group(group, &control->group);
        if (r < 0)
                log_warn(control->log, NULL, "control.group: %s: %s", group,
                         r == -ENOENT ? "there is no such group" : strerror(-r));
        control->has_group = r == 0;
}

static int prepare(struct control *control, struct diag *diag)
{
        int r;

        r = sd_event_add_defer(control->event, &control->reaper, on_reap, control);
        if (r >= 0)
                r = sd_event_source_set_enabled(control->reaper, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(control->reaper, SD_EVENT_PRIORITY_IMPORTANT);
        return r < 0 ? diag_set_errno(diag, r, "control") : 0;
}

int control_new(sd_event *event, struct log *log, const struct control_config *config,
                const struct control_ops *ops, void *data, struct diag *diag, struct control **ret)
{
        CLEANUP(control_freep) struct control *control = calloc(1, sizeof(*control));
        int r;

        assert(event && config->socket_path && config->group);
        assert(ops->get && ops->apply && ops->cancel && ops->set_running);
        assert(ops->reload && ops->check_config);

        if (!control)
                return -ENOMEM;
        *control = (struct control){
                .event = event, .log = log, .ops = ops, .data = data, .listen_fd = -1
        };
        control->socket_path = strdup(config->socket_path);
        if (!control->socket_path)
                return -ENOMEM;
        control_set_group(control, config->group);
        r = prepare(control, diag);
        if (r >= 0)
                r = listen_on_socket(control, diag);
        if (r < 0)
                return r;
        if (config->system_bus)
                control_bus_open(control);
        *ret = TAKE_PTR(control);
        return 0;
}

struct control *control_free(struct control *control)
{
        if (!control)
                return NULL;
        control_calls_forget(control);
        control_bus_close(control);
        while (control->peers) {
                struct control_peer *peer = control->peers;

                control->peers = peer->next;
                (void)control_peer_free(peer);
        }
        (void)sd_event_source_disable_unref(control->listen);
        (void)sd_event_source_disable_unref(control->retry);
        (void)sd_event_source_disable_unref(control->reaper);
        if (control->listen_fd >= 0)
                (void)close(control->listen_fd); /* nothing is lost */
        if (control->socket_is_ours)
                (void)unlink(control->socket_path); /* a leftover is replaced at the next start */
        free(control->socket_path);
        free(control->group_name);
        free(control);
        return NULL;
}

static void send_signal(struct control *control, const char *member, const char *first,
                        const char *json)
{
        struct control_peer *peer;

        for (peer = control->peers; peer; peer = peer->next)
                if (peer->subscribed && control_peer_signal(peer, NULL, member, first, json) < 0)
                        control_peer_drop(peer, "a signal cannot be sent");
        control_bus_signal(control, member, first, json);
}

void control_feedback(struct control *control, const char *activity, const char *json)
{
        send_signal(control, "Feedback", activity, json);
}

void control_current_state(struct control *control, const char *activity, const char *json)
{
        send_signal(control, "CurrentState", activity, json);
}

void control_agent_changed(struct control *control, const char *agent, const char *json)
{
        send_signal(control, "AgentChanged", agent, json);
}
