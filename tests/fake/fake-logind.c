/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* pipe2 */
#include "config.h"

#include "tests/fake/fake-logind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "org.freedesktop.login1"
#define PATH "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"

static void note(struct fake_logind *fake, const char *text)
{
        size_t used = strlen(fake->notes);

        (void)snprintf(fake->notes + used, sizeof(fake->notes) - used, "%s\n", text);
        if (fake->tell)
                fake->tell(text);
}

static int on_list(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_logind *fake = data;
        sd_bus_message *reply = NULL;
        int r;

        if (fake->hides)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "not for you");
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssuu)");
        if (r >= 0) /* as there always are: none of these stands in the way of a reboot */
                r = sd_bus_message_append(reply, "(ssssuu)(ssssuu)", "shutdown:sleep", "NetworkManager",
                                          "goes offline", "delay", 0, 11, "handle-power-key:sleep",
                                          "desktop", "has its own menu", "block", 1000, 12);
        if (r >= 0 && fake->who)
                r = sd_bus_message_append(reply, "(ssssuu)", "sleep:shutdown", fake->who, fake->why,
                                          "block", 0, 13);
        if (r >= 0 && fake->lock_fd >= 0)
                r = sd_bus_message_append(reply, "(ssssuu)", "shutdown:sleep", "of the caller", "",
                                          "block", 0, (unsigned)getpid());
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        (void)sd_bus_message_unref(reply);
        return r;
}

static int answer_reboot(struct fake_logind *fake, sd_bus_message *m, sd_bus_error *error)
{
        if (fake->refuse)
                return sd_bus_error_set(error, fake->refuse, "not at this time");
        note(fake, "reboot");
        return sd_bus_reply_method_return(m, "");
}

static int on_reboot(sd_bus_message *m, void *data, sd_bus_error *error)
{
        return answer_reboot(data, m, error);
}

static int on_reboot_with_flags(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_logind *fake = data;
        uint64_t flags;
        int r;

        if (fake->old)
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_METHOD, "unknown method");
        r = sd_bus_message_read(m, "t", &flags);
        if (r < 0)
                return r;
        if (flags != 1) /* SD_LOGIND_ROOT_CHECK_INHIBITORS */
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "which flags?");
        return answer_reboot(fake, m, error);
}

static int on_released(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct fake_logind *fake = data;

        (void)fd;
        (void)events;
        (void)sd_event_source_disable_unref(source);
        (void)close(fake->lock_fd);
        fake->lock_fd = -1;
        note(fake, "released");
        return 0;
}

static int on_inhibit(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct fake_logind *fake = data;
        const char *what, *who, *why, *mode;
        char text[1024];
        int ends[2];
        int r;

        r = sd_bus_message_read(m, "ssss", &what, &who, &why, &mode);
        if (r < 0)
                return r;
        if (fake->refuse)
                return sd_bus_error_set(error, fake->refuse, "not at this time");
        if (fake->lock_fd >= 0 || pipe2(ends, O_CLOEXEC) < 0)
                return -EBUSY;
        fake->lock_fd = ends[0];
        r = sd_event_add_io(sd_bus_get_event(fake->bus), &fake->lock, fake->lock_fd, 0, on_released,
                            fake);
        (void)snprintf(text, sizeof(text), "inhibit %s %s %s %s", what, who, why, mode);
        note(fake, text);
        if (r >= 0)
                r = sd_bus_reply_method_return(m, "h", ends[1]);
        (void)close(ends[1]);
        return r;
}

static int get_blocked(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *data, sd_bus_error *error)
{
        const struct fake_logind *fake = data;

        (void)bus;
        (void)path;
        (void)interface;
        (void)property;
        (void)error;
        return sd_bus_message_append(reply, "s", fake->who ? "shutdown:sleep" : "");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ListInhibitors", "", "a(ssssuu)", on_list, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reboot", "b", "", on_reboot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RebootWithFlags", "t", "", on_reboot_with_flags, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("BlockInhibited", "s", get_blocked, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int fake_logind_begin(struct fake_logind *fake, sd_event *event)
{
        int r;

        fake->lock_fd = -1;
        r = sd_bus_open_system(&fake->bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(fake->bus, NULL, PATH, MANAGER, vtable, fake);
        if (r >= 0)
                r = sd_bus_attach_event(fake->bus, event, 0);
        if (r >= 0)
                r = sd_bus_request_name(fake->bus, NAME, 0);
        return r < 0 ? r : 0;
}

int fake_logind_lock(struct fake_logind *fake, const char *who, const char *why)
{
        free(fake->who);
        free(fake->why);
        fake->who = who ? strdup(who) : NULL;
        fake->why = why ? strdup(why) : NULL;
        return sd_bus_emit_properties_changed(fake->bus, PATH, MANAGER, "BlockInhibited", NULL);
}

void fake_logind_end(struct fake_logind *fake)
{
        if (fake->lock_fd >= 0) {
                (void)sd_event_source_disable_unref(fake->lock);
                (void)close(fake->lock_fd);
        }
        free(fake->who);
        free(fake->why);
        fake->bus = sd_bus_flush_close_unref(fake->bus);
}
