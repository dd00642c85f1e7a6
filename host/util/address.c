/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"
#include "host/util/utf8.h"

enum kind { KIND_PLAIN, KIND_TLS, KIND_UNIX, KIND_WEBSOCKET };

static const struct {
        const char *name;
        enum kind kind;
} schemes[] = {
        { "tcp", KIND_PLAIN },   { "mqtt", KIND_PLAIN },    { "ssl", KIND_TLS },
        { "tls", KIND_TLS },     { "mqtts", KIND_TLS },     { "mqtt+ssl", KIND_TLS },
        { "tcps", KIND_TLS },    { "unix", KIND_UNIX },     { "ws", KIND_WEBSOCKET },
        { "wss", KIND_WEBSOCKET },
};

static int find_scheme(const char *text, size_t length, struct diag *diag, enum kind *ret)
{
        char name[32] = "";
        struct nearest near = NEAREST_INIT(name);
        size_t i;

        if (length < sizeof(name))
                memcpy(name, text, length);
        for (i = 0; i < ARRAY_SIZE(schemes); i++) {
                if (strcasecmp(schemes[i].name, name) == 0) {
                        *ret = schemes[i].kind;
                        return 0;
                }
                if (schemes[i].kind != KIND_WEBSOCKET)
                        nearest_offer(&near, schemes[i].name);
        }
        if (near.best)
                return diag_set(diag, -EINVAL, "unknown scheme \"%s\"; did you mean \"%s\"?", name,
                                near.best);
        return diag_set(diag, -EINVAL,
                        "unknown scheme \"%s\"; expected tcp, mqtt, ssl, tls, mqtts or unix", name);
}

static int parse_path(const char *path, struct diag *diag, struct address *address)
{
        enum { PATH_BYTES_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };

        if (path[0] != '/' || strlen(path) > PATH_BYTES_MAX)
                return diag_set(diag, -EINVAL,
                                "expected unix:///PATH with at most %d bytes of path",
                                PATH_BYTES_MAX);
        memcpy(address->host, path, strlen(path) + 1);
        address->port = 0;
        return 0;
}

/* What follows the host. */
static int parse_port(const char *text, struct diag *diag, uint16_t *port)
{
        unsigned long number = 0;

        if (text[0] == '\0')
                return 0; /* the scheme's own */
        if (text[0] == ':' && text[1] && strlen(text) <= 6 &&
            strspn(text + 1, "0123456789") == strlen(text + 1))
                number = strtoul(text + 1, NULL, 10);
        if (number < 1 || number > UINT16_MAX)
                return diag_set(diag, -EINVAL, "expected a port from 1 to 65535 behind the host");
        *port = (uint16_t)number;
        return 0;
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT */
static int parse_host(const char *text, struct diag *diag, struct address *address)
{
        bool bracket = *text == '[';
        const char *begin = text + bracket;
        const char *end = bracket ? strchr(begin, ']') : begin + strcspn(begin, ":");
        unsigned char binary[sizeof(struct in6_addr)];
        size_t length = end ? (size_t)(end - begin) : 0;

        if (length == 0)
                return diag_set(diag, -EINVAL, "expected SCHEME://HOST:PORT, such as "
                                               "tcp://localhost:1883");
        if (length >= ADDRESS_HOST_SIZE)
                return diag_set(diag, -EINVAL, "the name of the host is longer than %d bytes",
                                ADDRESS_HOST_SIZE - 1);
        memcpy(address->host, begin, length);
        address->host[length] = '\0';
        if (strpbrk(address->host, " /?#"))
                return diag_set(diag, -EINVAL, "not the name of a host: it has a blank, a slash, "
                                               "a question mark or a number sign");
        address->is_name = inet_pton(AF_INET, address->host, binary) != 1 &&
                           inet_pton(AF_INET6, address->host, binary) != 1;
        if (address->is_name && bracket)
                return diag_set(diag, -EINVAL, "not an IPv6 address in the brackets");
        return parse_port(end + bracket, diag, &address->port);
}

static int parse_server(const char *rest, struct diag *diag, struct address *address)
{
        char text[ADDRESS_HOST_SIZE + 16];
        size_t length = strlen(rest);

        if (length > 0 && rest[length - 1] == '/')
                length--; /* as people write it */
        if (length >= sizeof(text))
                return diag_set(diag, -EINVAL, "the name of the host is longer than %d bytes",
                                ADDRESS_HOST_SIZE - 1);
        memcpy(text, rest, length);
        text[length] = '\0';
        return parse_host(text, diag, address);
}

int address_parse(const char *text, struct diag *diag, struct address *ret)
{
        const char *mark = strstr(text, "://");
        const char *rest = mark ? mark + 3 : text;
        struct address address = { .port = 1883, .guessed = !mark };
        enum kind kind = KIND_PLAIN;
        int r = 0;

        if (!utf8_is_line(text, strlen(text)))
                return diag_set(diag, -EINVAL, "not one line of text");
        if (mark)
                r = find_scheme(text, (size_t)(mark - text), diag, &kind);
        if (r < 0)
                return r;
        if (strchr(rest, '@') && kind != KIND_UNIX)
                return diag_set(diag, -EINVAL,
                                "a user and a password belong into \"username\" and \"password\"");
        switch (kind) {
        case KIND_UNIX:
                r = parse_path(rest, diag, &address);
                break;
        case KIND_WEBSOCKET:
                return diag_set(diag, -EINVAL, "MQTT over WebSockets is not supported; use tcp:// "
                                               "or mqtts://, which every MQTT server has");
        case KIND_TLS:
                address.tls = true;
                address.port = 8883;
                r = parse_server(rest, diag, &address);
                break;
        case KIND_PLAIN:
                r = parse_server(rest, diag, &address);
                break;
        }
        if (r < 0)
                return r;
        *ret = address;
        return 0;
}
