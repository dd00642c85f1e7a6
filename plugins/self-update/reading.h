/* SPDX-License-Identifier: Apache-2.0
 *
 * reading - what was found on a slot's device, and whether it has to be what the bundle held
 *
 * RAUC keeps the digest of the image that it wrote.  A slot may differ from it and be well: an
 * archive is unpacked into a fresh file system, a file system that was mounted has changed, one
 * that was grown too.  RAUC tells of archives and hooks only since 1.9.  So a difference is judged
 * by what is written in the slot itself: the ext4 superblock says how large the file system is and
 * how often it was mounted since it was made.  What mkfs.ext4 makes for a bundle is as long as its
 * image and never mounted, so that nothing but damage explains a difference.
 *
 * Where damage cannot be told from good reasons the good ones are believed: a check must not
 * brick the updates of those whose slots it does not understand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/self-update/slots.h"

enum { READING_HEAD_BYTES = 2048 };

struct reading {
        bool opened;    /* otherwise there is nothing of what follows */
        bool unwritten; /* the stamp is the one that was asked for, so nothing was read */
        char stamp[SLOT_TEXT_MAX]; /* of the last write to the device; "": nobody knows */
        char sha256[SLOT_TEXT_MAX];
        uint64_t bytes; /* that the digest is of; fewer than asked for: the device ends there */
        uint8_t head[READING_HEAD_BYTES];
};

/* A reason for which it is of no use to read a slot back; NULL: there is none.  image: what its
 * bundle says of what was written, NULL when nobody knows. */
const char *slot_unlike_image(const struct slot *slot, const struct image *image);

/* Is this what RAUC wrote there? */
bool reading_is_image(const struct reading *reading, const struct slot *slot);

/* A good reason for a reading that is not; NULL: the slot is damaged. */
const char *reading_excuse(const struct reading *reading, const struct slot *slot,
                           const struct image *image);
