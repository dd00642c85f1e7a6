/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc-probe - does this RAUC read a remote bundle in parts, or would it fetch all of it?
 *
 * A RAUC may be built without streaming.  Asked to look at a remote bundle it then fetches the
 * whole of it into its folder for temporary files first, and answers nothing else meanwhile.  No
 * member of its interface tells which kind it is, and its texts change.  What it asks a web server
 * for tells: one that streams begins with a request for a range.  So, before the first remote
 * bundle, it is sent to a server of our own on the loopback, which notes whether a range was asked
 * for, and answers 404, with which both kinds give up at once.
 *
 * The path is a random number, so that no other user of the machine can answer for RAUC. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/self-update/rauc-internal.h"

#define ANSWER                                                                           \
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

enum { REQUEST_MAX = 4096, BACKLOG = 4 };

struct rauc_probe {
        sd_event *event; /* borrowed */
        sd_event_source *listening;
        sd_event_source *reading; /* one client at a time; the others wait in the backlog */
        char path[24];
        char url[64];
        char request[REQUEST_MAX];
        size_t n;
        enum rauc_streams seen;
};

static void close_source(sd_event_source **source)
{
        int fd = *source ? sd_event_source_get_io_fd(*source) : -1;

        *source = sd_event_source_disable_unref(*source);
        if (fd >= 0)
                (void)close(fd);
}

static bool is_whole(const struct rauc_probe *probe)
{
        return strstr(probe->request, "\r\n\r\n") != NULL;
}

static void judge(struct rauc_probe *probe)
{
        size_t length = strlen(probe->path);

        if (strncmp(probe->request, "GET ", 4) != 0 ||
            strncmp(probe->request + 4, probe->path, length) != 0)
                return; /* somebody else */
        probe->seen = strcasestr(probe->request, "\r\nRange:") ? RAUC_STREAMS_YES
                                                               : RAUC_STREAMS_NO;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct rauc_probe *probe = data;
        ssize_t n;

        (void)source;
        (void)events;
        n = recv(fd, probe->request + probe->n, sizeof(probe->request) - 1 - probe->n, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0) {
                probe->n += (size_t)n;
                probe->request[probe->n] = '\0';
                if (!is_whole(probe) && probe->n < sizeof(probe->request) - 1)
                        return 0;
                judge(probe);
                /* A client that is gone has no use for it. */
                (void)!send(fd, ANSWER, strlen(ANSWER), MSG_NOSIGNAL);
        }
        close_source(&probe->reading);
        return sd_event_source_set_enabled(probe->listening, SD_EVENT_ON);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct rauc_probe *probe = data;
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        (void)events;
        if (client < 0)
                return 0;
        probe->n = 0;
        probe->request[0] = '\0';
        if (sd_event_add_io(probe->event, &probe->reading, client, EPOLLIN, on_readable, probe) <
            0) {
                (void)close(client);
                return 0;
        }
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int listen_on_loopback(struct rauc_probe *probe)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(address);
        unsigned long long number;
        int fd;
        int r;

        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
                return -EAGAIN;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &length) < 0)
                r = -errno;
        else
                r = sd_event_add_io(probe->event, &probe->listening, fd, EPOLLIN, on_client, probe);
        if (r < 0) {
                (void)close(fd);
                return r;
        }
        (void)snprintf(probe->path, sizeof(probe->path), "/%016llx ", number);
        (void)snprintf(probe->url, sizeof(probe->url), "http://127.0.0.1:%u/%016llx",
                       (unsigned)ntohs(address.sin_port), number);
        return 0;
}

int rauc_probe_new(sd_event *event, struct rauc_probe **ret)
{
        struct rauc_probe *probe = calloc(1, sizeof(*probe));
        int r;

        if (!probe)
                return -ENOMEM;
        probe->event = event;
        r = listen_on_loopback(probe);
        if (r < 0) {
                (void)rauc_probe_free(probe);
                return r;
        }
        *ret = probe;
        return 0;
}

struct rauc_probe *rauc_probe_free(struct rauc_probe *probe)
{
        if (!probe)
                return NULL;
        close_source(&probe->reading);
        close_source(&probe->listening);
        free(probe);
        return NULL;
}

const char *rauc_probe_url(const struct rauc_probe *probe)
{
        return probe->url;
}

enum rauc_streams rauc_probe_seen(const struct rauc_probe *probe)
{
        return probe->seen;
}
