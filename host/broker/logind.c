/* SPDX-License-Identifier: Apache-2.0 */
#include "host/broker/logind.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/util/diag.h"

int logind_open(sd_event *event, sd_bus **ret)
{
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0) {
                (void)sd_bus_close_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

bool logind_is_absent(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

int logind_call(sd_bus *bus, const char *method, sd_bus_message_handler_t callback, void *data,
                const char *types, ...)
{
        va_list values;
        int r;

        va_start(values, types);
        r = sd_bus_call_method_asyncv(bus, NULL, LOGIND_NAME, LOGIND_PATH, LOGIND_MANAGER, method,
                                      callback, data, types, values);
        va_end(values);
        return r;
}

/* `what` is a list of words with colons between them. */
static bool has_word(const char *what, const char *word)
{
        size_t length = strlen(word);

        while (*what) {
                size_t n = strcspn(what, ":");

                if (n == length && memcmp(what, word, n) == 0)
                        return true;
                what += n + (what[n] == ':');
        }
        return false;
}

int logind_read_blockers(sd_bus_message *reply, struct diag *diag)
{
        const char *what, *who, *why, *mode;
        char text[DIAG_MAX] = "";
        uint32_t uid, pid;
        size_t used = 0;
        int n = 0;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(ssssuu)");
        while (r >= 0) {
                r = sd_bus_message_read(reply, "(ssssuu)", &what, &who, &why, &mode, &uid, &pid);
                if (r <= 0)
                        break;
                if (strcmp(mode, "block") != 0 || !has_word(what, "shutdown") ||
                    pid == (uint32_t)getpid())
                        continue;
                n++;
                if (used < sizeof(text))
                        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                                 "%s%s (pid %u): %s", used ? ", " : "", who,
                                                 (unsigned)pid, why);
        }
        if (r < 0)
                return r;
        (void)diag_set(diag, 0, "%s", text);
        return n;
}
