/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-logind - org.freedesktop.login1 on the system bus that the environment names
 *
 * Knows locks and reboots.  It never boots anything: it notes, line by line, what it was asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

enum { FAKE_LOGIND_NOTES_MAX = 4096 };

struct fake_logind {
        sd_bus *bus;
        bool old;           /* as before systemd 246: no RebootWithFlags */
        bool hides;         /* ListInhibitors is denied */
        const char *refuse; /* name of the error that answers a reboot; NULL: it is accepted */
        char *who;          /* holds a lock of mode "block" on shutdown; NULL: nobody */
        char *why;
        int lock_fd;        /* of who has called Inhibit; its end tells that it is released */
        sd_event_source *lock;
        char notes[FAKE_LOGIND_NOTES_MAX]; /* "reboot", "inhibit WHAT WHO WHY MODE", "released" */
        void (*tell)(const char *note);    /* NULL: nobody is told */
};

/* Has the name when this returns. */
int fake_logind_begin(struct fake_logind *fake, sd_event *event);
/* who NULL: nobody any more.  Tells those who watch the properties. */
int fake_logind_lock(struct fake_logind *fake, const char *who, const char *why);
void fake_logind_end(struct fake_logind *fake);
