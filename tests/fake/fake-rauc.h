/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-rauc - RAUC's D-Bus service for a test: two slots, a boot environment like GRUB's, and every
 * misbehaviour that a real one cannot be made to show on demand
 *
 * It lives on a bus of its own (a dbus-daemon that ends with the test) and in the test's event
 * loop, so what happens when is the test's choice.  A bundle is a text file of lines KEY=VALUE:
 *
 *     compatible=Rig Board
 *     version=v2.0
 *     result=ok | fail TEXT | post-fail TEXT | hold | die | foreign
 *     format=verity | plain
 *     hash=HEX            of the manifest
 *     remote=TEXT         what InspectBundle says when it is to look at it from afar;
 *                         "hang": nothing, ever
 *     signature=TEXT      likewise, wherever it is
 *
 *     hold       stands still at 50 % until fake_rauc_finish()
 *     die        the name disappears at 50 %, without a signal
 *     post-fail  fails with the new slot active, as a post-install handler does
 *     foreign    says that it is done, and has written nothing
 *
 * Into which slot it goes is read back where `folder` names one: a slot is a file there then, of
 * FAKE_RAUC_IMAGE bytes, with its digest in the status.
 *
 * A URL means the file that its path names, and when there is none, a web server, which is asked as
 * RAUC asks it: for a range when it streams.
 *
 * What is called goes into the fake host's transcript as "rauc METHOD ARGUMENTS". */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "tests/fake/fake-host.h"

enum { FAKE_RAUC_IMAGE = 1000 * 1000 }; /* ends in the middle of a block */

struct fake_slot {
        char name[32];
        char bootname[8]; /* "": a rescue system */
        char version[64];
        char status[16];
        char transaction[96];
        char installed[32];
        char sha256[72];
        uint32_t count;
        bool good;
        bool tried; /* booted since it was marked good */
};

struct fake_rauc {
        struct fake_host *host;
        sd_bus *bus;
        sd_bus *foreign; /* another client */
        int daemon_pid;
        char address[256];

        struct fake_slot slots[3];
        int booted;
        int primary; /* in front of the order; -1: the environment is broken */
        bool with_rescue;

        /* How it is. */
        bool has_inspect;         /* 1.9 */
        bool has_streaming;       /* as it was built */
        bool has_transaction;     /* 1.10 */
        bool has_hash;            /* 1.14 */
        bool activate_installed;  /* RAUC's default */
        bool inspect_fails;
        const char *folder;       /* of the slots, borrowed; NULL: they have no devices */
        const char *slot_type;    /* borrowed */
        const char *image_file;   /* that InspectBundle tells of */
        const char *image_hook;
        bool rots;                /* what is written is not what arrives */
        bool with_child;          /* the third slot hangs on rootfs.1, and is written with it */
        bool child_rots;
        bool hides;               /* the device is gone afterwards */
        bool hangs;               /* whoever opens the device waits for ever */
        char mark_fails[16];      /* a state word that cannot be set */
        bool dies_at_mark;        /* at the word of mark_fails, and is back at once */

        bool busy;
        bool held;
        char bundle_version[64];
        char result[256];
        char transaction[96];
        char last_error[256];
        int target;
        unsigned n_installs;
        sd_event_source *step;
        sd_event_source *get; /* a request to a web server ... */
        sd_bus_message *asked; /* ... and who waits for what comes of it */
        int steps;
        unsigned n_reboots; /* that logind was asked for */
        bool no_reboot;     /* logind refuses */
};

/* Starts bus and service; slots rootfs.0 (A, v1.0, booted, good) and rootfs.1 (B). */
struct fake_rauc *fake_rauc_new(struct fake_host *host);
struct fake_rauc *fake_rauc_free(struct fake_rauc *rauc);

/* The service comes and goes; installations are forgotten. */
void fake_rauc_up(struct fake_rauc *rauc);
void fake_rauc_down(struct fake_rauc *rauc);
/* The held installation goes on. */
void fake_rauc_finish(struct fake_rauc *rauc);
/* The device boots this slot, as the boot loader would record it. */
void fake_rauc_boot(struct fake_rauc *rauc, int slot);
/* Somebody else's installation begins, or ends. */
void fake_rauc_foreign(struct fake_rauc *rauc, bool begin);
