/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/ctl/ctl.h"
#include "host/json/json.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum { ADDRESS_MAX = 512 };

void client_done(sd_bus **bus)
{
        (void)sd_bus_flush_close_unref(*bus);
}

/* A path as a D-Bus address has it: anything unusual as %XX. */
static int make_address(const char *path, char ret[static ADDRESS_MAX])
{
        size_t n = (size_t)snprintf(ret, ADDRESS_MAX, "unix:path=");

        for (; *path; path++) {
                unsigned char c = (unsigned char)*path;
                bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || strchr("-_/.\\*", c);

                n += (size_t)snprintf(ret + n, ADDRESS_MAX - n, plain ? "%c" : "%%%02x", c);
                if (n >= ADDRESS_MAX)
                        return -ENAMETOOLONG;
        }
        return 0;
}

int client_connect(const struct ctl *ctl, bool quiet, sd_bus **ret)
{
        sd_bus *bus = NULL;
        char address[ADDRESS_MAX];
        int r;

        r = make_address(ctl->socket, address);
        if (r >= 0)
                r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0) {
                *ret = bus;
                return 0;
        }
        (void)sd_bus_unref(bus);
        if (quiet && (r == -ENOENT || r == -ECONNREFUSED))
                return r;
        if (r == -ENOENT || r == -ECONNREFUSED)
                (void)ctl_fail("update-brokerd does not run: %s: %s", ctl->socket, strerror(-r));
        else
                (void)ctl_fail("%s: %s", ctl->socket, strerror(-r));
        return r;
}

bool client_is_lost(int r)
{
        return r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE;
}

int client_explain(const sd_bus_error *error, int r)
{
        if (sd_bus_error_has_name(error, CLIENT_INTERFACE ".Error.InvalidDesiredState")) {
                (void)ctl_fail("the desired state is refused: %s", error->message);
                return CTL_EXIT_IDENTIFICATION_FAILED;
        }
        if (client_is_lost(r))
                return ctl_fail("update-brokerd has closed the connection");
        return ctl_fail("%s", error->message ? error->message : strerror(-r));
}

int client_call(sd_bus *bus, const char *method, const char *argument, char **ret)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *text = "";
        char *copy = NULL;
        int r;

        r = sd_bus_call_method(bus, CLIENT_NAME, CLIENT_PATH, CLIENT_INTERFACE, method, &error,
                               &reply, argument ? "s" : "", argument);
        if (r >= 0 && ret)
                r = sd_bus_message_read(reply, "s", &text);
        if (r >= 0 && ret) {
                copy = strdup(text);
                r = copy ? 0 : -ENOMEM;
        }
        if (r < 0)
                (void)client_explain(&error, r);
        else if (ret)
                *ret = copy;
        sd_bus_error_free(&error);
        (void)sd_bus_message_unref(reply);
        return r < 0 ? r : 0;
}

int client_parse(const char *text, struct json **ret)
{
        const struct scan_rules rules = {
                .max_bytes = SCAN_BYTES_MAX,
                .max_depth = SCAN_DEPTH_MAX,
                .object = true,
        };
        struct diag diag = DIAG_INIT;
        int r;

        r = json_parse(text, strlen(text), &rules, NULL, &diag, ret);
        if (r < 0)
                (void)ctl_fail("update-brokerd gives no sensible answer: %s",
                               *diag.text ? diag.text : strerror(-r));
        return r;
}

int client_get(sd_bus *bus, const char *method, struct json **ret)
{
        CLEANUP_FREE char *text = NULL;
        int r;

        r = client_call(bus, method, NULL, &text);
        return r < 0 ? r : client_parse(text, ret);
}
