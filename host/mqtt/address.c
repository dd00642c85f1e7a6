/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

enum kind { KIND_PLAIN, KIND_TLS, KIND_UNIX, KIND_WEBSOCKET };

static const struct {
        const char *scheme;
        enum kind kind;
} schemes[] = {
        { "tcp", KIND_PLAIN },   { "mqtt", KIND_PLAIN },    { "ssl", KIND_TLS },
        { "tls", KIND_TLS },     { "mqtts", KIND_TLS },     { "mqtt+ssl", KIND_TLS },
        { "tcps", KIND_TLS },    { "unix", KIND_UNIX },     { "ws", KIND_WEBSOCKET },
        { "wss", KIND_WEBSOCKET },
};

static int parse_scheme(const char *url, struct diag *diag, enum kind *ret, const char **ret_rest)
{
        const char *colon = strstr(url, "://");

        if (!colon)
                return diag_set(diag, -EINVAL, "%s: expected SCHEME://HOST:PORT, as in tcp://%s",
                                url, url);
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
                size_t length = strlen(schemes[i].scheme);

                if (length != (size_t)(colon - url) ||
                    strncasecmp(url, schemes[i].scheme, length) != 0)
                        continue;
                if (schemes[i].kind == KIND_WEBSOCKET)
                        return diag_set(diag, -EINVAL,
                                        "%s: WebSockets are not supported; use tcp:// or mqtts://, "
                                        "which every MQTT server has",
                                        url);
                *ret = schemes[i].kind;
                *ret_rest = colon + 3;
                return 0;
        }
        return diag_set(diag, -EINVAL,
                        "%s: unknown scheme; known are tcp, mqtt, ssl, tls, mqtts, unix", url);
}

static int parse_path(const char *url, const char *path, struct diag *diag, struct address *ret)
{
        size_t length = strlen(path);

        if (path[0] != '/')
                return diag_set(diag, -EINVAL,
                                "%s: expected an absolute path, as in unix:///run/mqtt", url);
        if (length >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
                return diag_set(diag, -EINVAL, "%s: the path of a socket has at most %zu bytes",
                                url, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
        *ret = (struct address){ .port = 0 };
        memcpy(ret->host, path, length + 1);
        return 0;
}

static int parse_port(const char *url, const char *text, struct diag *diag, uint16_t *port)
{
        unsigned long number;

        if (text[0] == '\0')
                return 0; /* the scheme's own */
        number = text[0] == ':' && strspn(text + 1, "0123456789") == strlen(text + 1) ?
                         strtoul(text + 1, NULL, 10) :
                         0;
        if (number < 1 || number > UINT16_MAX)
                return diag_set(diag, -EINVAL, "%s: expected a port from 1 to 65535 after the host",
                                url);
        *port = (uint16_t)number;
        return 0;
}

/* HOST, [IPV6]: where it begins, how long it is and what follows. */
static int split_host(const char *rest, size_t *ret_length, const char **ret_host,
                      const char **ret_end)
{
        const char *end;

        if (rest[0] != '[') {
                *ret_host = rest;
                *ret_length = strcspn(rest, ":");
                *ret_end = rest + *ret_length;
                return 0;
        }
        end = strchr(rest, ']');
        if (!end)
                return -EINVAL;
        *ret_host = rest + 1;
        *ret_length = (size_t)(end - *ret_host);
        *ret_end = end + 1;
        return 0;
}

static int parse_host(const char *url, const char *rest, struct diag *diag, struct address *address)
{
        CLEANUP_FREE char *text = strdup(rest);
        unsigned char binary[sizeof(struct in6_addr)];
        const char *host;
        const char *end;
        size_t length;

        if (!text)
                return -ENOMEM;
        length = strlen(text);
        if (length > 0 && text[length - 1] == '/')
                text[length - 1] = '\0'; /* as people write it */
        if (split_host(text, &length, &host, &end) < 0 || length == 0)
                return diag_set(diag, -EINVAL, "%s: expected a host after ://", url);
        if (length >= ADDRESS_HOST_SIZE || memchr(host, '/', length) || memchr(host, ' ', length))
                return diag_set(diag, -EINVAL, "%s: not a host", url);
        memcpy(address->host, host, length);
        address->host[length] = '\0';
        address->is_name = inet_pton(AF_INET, address->host, binary) != 1 &&
                           inet_pton(AF_INET6, address->host, binary) != 1;
        if (address->is_name && rest[0] == '[')
                return diag_set(diag, -EINVAL, "%s: not an IPv6 address in the brackets", url);
        return parse_port(url, end, diag, &address->port);
}

int address_parse(const char *url, struct diag *diag, struct address *ret)
{
        struct address address = { .port = 1883 };
        enum kind kind = KIND_PLAIN;
        const char *rest = url;
        int r;

        if (!utf8_is_line(url, strlen(url)))
                return diag_set(diag, -EINVAL, "the server's address is not one line of text");
        /* Said without the address, which may hold a password. */
        if (strchr(url, '@') && strncasecmp(url, "unix:", 5) != 0)
                return diag_set(diag, -EINVAL,
                                "the server's address contains '@': user name and password have "
                                "settings of their own");
        r = parse_scheme(url, diag, &kind, &rest);
        if (r < 0)
                return r;
        switch (kind) {
        case KIND_UNIX:
                return parse_path(url, rest, diag, ret);
        case KIND_TLS:
                address.tls = true;
                address.port = 8883;
                break;
        case KIND_PLAIN:
        case KIND_WEBSOCKET: /* refused above */
                break;
        }
        r = parse_host(url, rest, diag, &address);
        if (r < 0)
                return r;
        *ret = address;
        return 0;
}
