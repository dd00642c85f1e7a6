/* SPDX-License-Identifier: Apache-2.0
 *
 * slots - what RAUC tells of the device: its slots, which of them runs, which boots next
 *
 * Plain data, as one look at RAUC (a survey) finds it.  What a key that RAUC does not know leaves
 * behind is "" or 0.  No judgement here beyond finding a slot; what a survey means for an update
 * is decided by the machine. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SLOTS_MAX = 64,
        SLOT_NAME_MAX = 64,
        SLOT_VERSION_MAX = 128,
        SLOT_TEXT_MAX = 96,
        SURVEY_ERROR_MAX = 384,
        BUNDLE_IMAGES_MAX = 16,
};

struct slot {
        char name[SLOT_NAME_MAX]; /* "rootfs.0" */
        char class[SLOT_NAME_MAX];
        char parent[SLOT_NAME_MAX];
        char bootname[SLOT_NAME_MAX]; /* "": the boot loader does not choose it */
        char device[SLOT_TEXT_MAX];
        char type[16];                  /* "ext4", "raw", "ubivol", ... */
        char mountpoint[SLOT_TEXT_MAX]; /* "": not mounted */
        char state[16];               /* "booted", "active", "inactive" */
        char boot_status[16];         /* "good", "bad"; only with a bootname */
        char status[16];              /* of the last write: "ok", "pending", "failed" */
        char version[SLOT_VERSION_MAX]; /* of the bundle that was written last */
        char sha256[SLOT_TEXT_MAX];     /* of the image */
        char hash[SLOT_TEXT_MAX];       /* of the bundle's manifest; RAUC 1.9 */
        char transaction[SLOT_TEXT_MAX]; /* RAUC 1.10 */
        char installed[SLOT_TEXT_MAX];   /* time, ISO 8601 */
        char activated[SLOT_TEXT_MAX];
        uint64_t size;
        uint32_t installed_count;
};

/* One look at RAUC. */
struct survey {
        struct slot list[SLOTS_MAX];
        size_t n;
        char compatible[SLOT_VERSION_MAX];
        char boot_slot[SLOT_NAME_MAX];        /* as the kernel's command line says */
        char primary[SLOT_NAME_MAX];          /* that boots next; "": RAUC cannot say ... */
        char primary_error[SURVEY_ERROR_MAX]; /* ... because of this */
};

/* One of a bundle's images, from RAUC 1.9 on. */
struct image {
        char sha256[SLOT_TEXT_MAX];
        bool archive; /* it is unpacked into the slot, not copied */
        bool hooked;  /* a hook writes the slot, or changes it afterwards */
};

/* What RAUC says of a bundle. */
struct bundle {
        char compatible[SLOT_VERSION_MAX];
        char version[SLOT_VERSION_MAX]; /* "": the manifest has none */
        char hash[SLOT_TEXT_MAX];       /* of the manifest; "" from RAUC before 1.10 */
        bool plain;                     /* signed as a whole */
        struct image images[BUNDLE_IMAGES_MAX];
        size_t n_images;
};

/* NULL: there is none. */
const struct slot *survey_find(const struct survey *survey, const char *name);
const struct slot *survey_booted(const struct survey *survey);
bool survey_booted_twice(const struct survey *survey);

/* The slot that an installation goes into: of the booted one's class, without a parent, with a
 * bootname.  When a slot without a bootname runs (a rescue system), the first that could be
 * installed into, bad ones before good ones.  NULL: none. */
const struct slot *survey_target(const struct survey *survey);

/* Does the booted slot have no place in the boot order?  Then nothing may be marked good. */
bool survey_is_rescue(const struct survey *survey);

/* The image with this digest; NULL: the bundle has none, or RAUC does not tell of images. */
const struct image *bundle_find(const struct bundle *bundle, const char *sha256);

/* Can the version that RAUC noted for this slot be believed?  A write that was cut off leaves the
 * old one behind, or already shows the new one. */
bool slot_is_intact(const struct slot *slot);
