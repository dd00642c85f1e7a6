/* SPDX-License-Identifier: Apache-2.0
 *
 * reading - see reading.h */
#include "plugins/self-update/reading.h"

#include <string.h>
#include <strings.h>

/* ext4: the superblock, and what is of interest in it; little endian. */
enum {
        SUPERBLOCK = 1024,
        BLOCKS_LOW = SUPERBLOCK + 0x04,
        BLOCK_SHIFT = SUPERBLOCK + 0x18,
        MOUNT_COUNT = SUPERBLOCK + 0x34,
        MAGIC = SUPERBLOCK + 0x38,
        INCOMPATIBLE = SUPERBLOCK + 0x60,
        BLOCKS_HIGH = SUPERBLOCK + 0x150,

        EXT4_MAGIC = 0xEF53,
        FEATURE_64BIT = 0x80,
        SHIFT_MAX = 6, /* blocks of 64 KiB */
};

static uint32_t get_16(const uint8_t *at)
{
        return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get_32(const uint8_t *at)
{
        return get_16(at) | get_16(at + 2) << 16;
}

static bool is_ext4(const struct reading *reading)
{
        return get_16(reading->head + MAGIC) == EXT4_MAGIC &&
               get_32(reading->head + BLOCK_SHIFT) <= SHIFT_MAX;
}

static uint64_t ext4_size(const struct reading *reading)
{
        const uint8_t *head = reading->head;
        uint64_t blocks = get_32(head + BLOCKS_LOW);

        if (get_32(head + INCOMPATIBLE) & FEATURE_64BIT)
                blocks |= (uint64_t)get_32(head + BLOCKS_HIGH) << 32;
        return blocks << (10 + get_32(head + BLOCK_SHIFT));
}

static bool is_one_of(const char *word, const char *const *list)
{
        while (*list && strcmp(*list, word) != 0)
                list++;
        return *list != NULL;
}

const char *slot_unlike_image(const struct slot *slot, const struct image *image)
{
        /* Bad blocks are left out of a NAND; boot-* are parts of a larger device, at an offset. */
        if (strcmp(slot->type, "nand") == 0 || strncmp(slot->type, "boot-", 5) == 0)
                return "its type of slot does not hold an image byte for byte";
        if (!*slot->sha256 || !slot->size)
                return "RAUC has kept no digest of it";
        if (*slot->mountpoint)
                return "it is mounted";
        if (image && image->archive)
                return "an archive was unpacked into it";
        if (image && image->hooked)
                return "a hook of the bundle may have changed it";
        return NULL;
}

bool reading_is_image(const struct reading *reading, const struct slot *slot)
{
        return reading->bytes == slot->size && strcasecmp(reading->sha256, slot->sha256) == 0;
}

const char *reading_excuse(const struct reading *reading, const struct slot *slot,
                           const struct image *image)
{
        /* Nothing is ever unpacked into these, nor does RAUC mount them. */
        static const char *const flat[] = { "raw", "ubivol", "nor", NULL };
        bool ext4 = is_ext4(reading);

        if (ext4 && get_16(reading->head + MOUNT_COUNT) > 0)
                return "its file system has been mounted, and may have changed since";
        if (is_one_of(slot->type, flat))
                return NULL;
        if (strcmp(slot->type, "ext4") != 0)
                return "a file system of this type may have changed since it was written";
        if (!ext4)
                return NULL; /* an archive would have been given a file system */
        if (ext4_size(reading) > slot->size)
                return image ? "its file system was grown after it was written"
                             : "an archive may have been unpacked into it, or it was grown";
        if (!image && ext4_size(reading) < slot->size)
                return "an archive may have been unpacked into it, which this RAUC does not say";
        return NULL;
}
