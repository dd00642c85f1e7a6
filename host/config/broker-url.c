/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/broker-url.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"

static const struct scheme {
        const char *name;
        uint16_t port;
        bool tls;
        bool local;
        bool websocket;
} schemes[] = {
        { .name = "tcp", .port = 1883 },
        { .name = "mqtt", .port = 1883 },
        { .name = "ssl", .port = 8883, .tls = true },
        { .name = "tls", .port = 8883, .tls = true },
        { .name = "mqtts", .port = 8883, .tls = true },
        { .name = "mqtt+ssl", .port = 8883, .tls = true },
        { .name = "tcps", .port = 8883, .tls = true },
        { .name = "unix", .local = true },
        { .name = "ws", .websocket = true },
        { .name = "wss", .websocket = true },
};

static int find_scheme(const char *text, size_t length, struct diag *diag,
                       const struct scheme **ret)
{
        char name[32] = "";
        struct nearest near = NEAREST_INIT(name);
        size_t i;

        if (length < sizeof(name))
                memcpy(name, text, length);
        for (i = 0; i < ARRAY_SIZE(schemes); i++) {
                if (strcasecmp(schemes[i].name, name) == 0) {
                        *ret = &schemes[i];
                        return 0;
                }
                if (!schemes[i].websocket)
                        nearest_offer(&near, schemes[i].name);
        }
        if (near.best)
                return diag_set(diag, -EINVAL, "unknown scheme \"%s\"; did you mean \"%s\"?", name,
                                near.best);
        return diag_set(diag, -EINVAL,
                        "unknown scheme \"%s\"; expected tcp, mqtt, ssl, tls, mqtts or unix", name);
}

static int read_port(const char *text, struct diag *diag, uint16_t *ret)
{
        unsigned long port = 0;

        if (*text && strlen(text) <= 5 && strspn(text, "0123456789") == strlen(text))
                port = strtoul(text, NULL, 10);
        if (port < 1 || port > UINT16_MAX)
                return diag_set(diag, -EINVAL, "expected a port from 1 to 65535 behind the host");
        *ret = (uint16_t)port;
        return 0;
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT */
static int read_host(const char *text, struct diag *diag, struct broker_url *url)
{
        bool bracket = *text == '[';
        const char *begin = text + bracket;
        const char *end = bracket ? strchr(begin, ']') : begin + strcspn(begin, ":");
        const char *behind = end && bracket ? end + 1 : end;

        if (!end || end == begin || (*behind && *behind != ':') ||
            strpbrk(begin, " /?#") != NULL)
                return diag_set(diag, -EINVAL, "expected SCHEME://HOST:PORT, such as "
                                               "tcp://localhost:1883");
        if (end - begin > BROKER_URL_HOST_MAX)
                return diag_set(diag, -EINVAL, "the name of the host is longer than %d bytes",
                                BROKER_URL_HOST_MAX);
        memcpy(url->host, begin, (size_t)(end - begin));
        url->host[end - begin] = '\0';
        return *behind ? read_port(behind + 1, diag, &url->port) : 0;
}

static int read_path(const char *path, struct diag *diag, struct broker_url *url)
{
        /* sun_path has 108 bytes, of which one is the NUL */
        if (path[0] != '/' || strlen(path) > 107)
                return diag_set(diag, -EINVAL,
                                "expected unix:///PATH with at most 107 bytes of path");
        memcpy(url->host, path, strlen(path) + 1);
        return 0;
}

int broker_url_parse(const char *text, struct diag *diag, struct broker_url *ret)
{
        const char *mark = strstr(text, "://");
        const char *rest = mark ? mark + 3 : text;
        const struct scheme *scheme = &schemes[0];
        struct broker_url url = { .guessed = !mark };
        size_t length = strlen(rest);
        int r;

        if (mark) {
                r = find_scheme(text, (size_t)(mark - text), diag, &scheme);
                if (r < 0)
                        return r;
        }
        if (scheme->websocket)
                return diag_set(diag, -EINVAL, "MQTT over WebSockets is not supported");
        if (strchr(rest, '@'))
                return diag_set(diag, -EINVAL,
                                "a user and a password belong into \"username\" and \"password\"");
        url.port = scheme->port;
        url.tls = scheme->tls;
        url.local = scheme->local;
        if (url.local) {
                r = read_path(rest, diag, &url);
        } else {
                char host[BROKER_URL_HOST_MAX + 16];

                /* Kanto's library lets a slash stand at the end. */
                if (length > 0 && rest[length - 1] == '/')
                        length--;
                if (length >= sizeof(host))
                        return diag_set(diag, -EINVAL,
                                        "the name of the host is longer than %d bytes",
                                        BROKER_URL_HOST_MAX);
                memcpy(host, rest, length);
                host[length] = '\0';
                r = read_host(host, diag, &url);
        }
        if (r == 0)
                *ret = url;
        return r;
}
