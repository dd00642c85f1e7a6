/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32 - tells a torn or rotten file from a whole one
 *
 * The CRC-32 of IEEE 802.3, as in gzip and PNG.  Against accidents only: whoever can write the file
 * can also compute this. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues a sum; begin with 0. */
uint32_t crc32_add(uint32_t sum, const void *data, size_t length);
