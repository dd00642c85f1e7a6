/* SPDX-License-Identifier: Apache-2.0
 *
 * logind-server - a logind that does what its stdin says, on the bus of DBUS_SYSTEM_BUS_ADDRESS
 *
 * Prints "ready", and then what it was asked, line by line (fake-logind.h has the words).  Takes:
 *
 *     lock WHO WHY...    somebody inhibits the shutdown
 *     unlock             nobody does
 *
 * The end of stdin is its end. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fake/fake-logind.h"

static void say(const char *note)
{
        (void)puts(note);
        (void)fflush(stdout);
}

static void obey(struct fake_logind *fake, char *line)
{
        char *who;
        char *why;

        line[strcspn(line, "\n")] = '\0';
        who = line + strcspn(line, " ");
        if (*who)
                *who++ = '\0';
        why = who + strcspn(who, " ");
        if (*why)
                *why++ = '\0';
        if (strcmp(line, "lock") == 0)
                (void)fake_logind_lock(fake, who, why);
        else
                (void)fake_logind_lock(fake, NULL, NULL);
        say(line);
}

/* One order at a time: who gives it waits for the answer. */
static int on_input(sd_event_source *source, int fd, uint32_t events, void *data)
{
        char line[1024];
        ssize_t n = read(fd, line, sizeof(line) - 1);

        (void)events;
        if (n <= 0)
                return sd_event_exit(sd_event_source_get_event(source), 0);
        line[n] = '\0';
        obey(data, line);
        return 0;
}

int main(void)
{
        struct fake_logind fake = { .tell = say };
        sd_event *event = NULL;
        int r;

        r = sd_event_new(&event);
        if (r >= 0)
                r = fake_logind_begin(&fake, event);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, &fake);
        if (r >= 0) {
                say("ready");
                r = sd_event_loop(event);
        }
        if (r < 0)
                (void)fprintf(stderr, "logind-server: %s\n", strerror(-r));
        fake_logind_end(&fake);
        (void)sd_event_unref(event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
