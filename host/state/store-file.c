/* SPDX-License-Identifier: Apache-2.0 */
#include "host/state/store-file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "host/util/cleanup.h"
#include "host/util/crc32.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

static const char magic[8] = { 'u', 'b', '-', 's', 't', 'a', 't', 'e' };

enum {
        VERSION = 1,
        AT_VERSION = 8,
        AT_COUNT = 12,
        AT_LENGTH = 16,
        AT_SUM = 20,
};

static void put_u32(char *p, uint32_t n)
{
        for (int i = 0; i < 4; i++)
                p[i] = (char)(n >> (8 * i) & 0xff);
}

static uint32_t get_u32(const char *p)
{
        const unsigned char *b = (const unsigned char *)p;

        return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t sum_of(const char *file, size_t length)
{
        return crc32_add(crc32_add(0, file, AT_SUM), file + STORE_FILE_HEADER,
                         length - STORE_FILE_HEADER);
}

int store_file_write(const struct values *values, char **ret, size_t *ret_length)
{
        size_t n = values_count(values);
        size_t length = STORE_FILE_HEADER;
        char *file;
        char *p;

        for (size_t i = 0; i < n; i++) {
                struct value value = values_at(values, i);

                length += STORE_FILE_RECORD + strlen(value.key) + value.length;
        }
        file = malloc(length);
        if (!file)
                return -ENOMEM;

        p = file + STORE_FILE_HEADER;
        for (size_t i = 0; i < n; i++) {
                struct value value = values_at(values, i);
                size_t key_length = strlen(value.key);

                put_u32(p, (uint32_t)key_length);
                put_u32(p + 4, (uint32_t)value.length);
                p += STORE_FILE_RECORD;
                memcpy(p, value.key, key_length);
                memcpy(p + key_length, value.data, value.length);
                p += key_length + value.length;
        }

        memcpy(file, magic, sizeof(magic));
        put_u32(file + AT_VERSION, VERSION);
        put_u32(file + AT_COUNT, (uint32_t)n);
        put_u32(file + AT_LENGTH, (uint32_t)(length - STORE_FILE_HEADER));
        put_u32(file + AT_SUM, sum_of(file, length));

        *ret = file;
        *ret_length = length;
        return 0;
}

static int check_header(const char *file, size_t length, struct diag *diag)
{
        if (length < STORE_FILE_HEADER || memcmp(file, magic, sizeof(magic)) != 0)
                return diag_set(diag, -EBADMSG, "not a state file");
        if (get_u32(file + AT_VERSION) != VERSION)
                return diag_set(diag, -EBADMSG, "version %u of the format is not known",
                                get_u32(file + AT_VERSION));
        if (get_u32(file + AT_LENGTH) != length - STORE_FILE_HEADER)
                return diag_set(diag, -EBADMSG, "%zu bytes long, but its header says %zu", length,
                                (size_t)get_u32(file + AT_LENGTH) + STORE_FILE_HEADER);
        if (get_u32(file + AT_SUM) != sum_of(file, length))
                return diag_set(diag, -EBADMSG, "the checksum is wrong");
        return 0;
}

/* Takes the record at *p, which ends before `end`, and moves *p behind it. */
static int read_record(const char **p, const char *end, char *last_key, struct values *values)
{
        char key[UB_MAX_KEY + 1];
        size_t key_length;
        size_t length;
        int r;

        if (end - *p < STORE_FILE_RECORD)
                return -EBADMSG;
        key_length = get_u32(*p);
        length = get_u32(*p + 4);
        *p += STORE_FILE_RECORD;
        if (key_length == 0 || key_length > UB_MAX_KEY || length == 0 ||
            length > UB_MAX_STATE_VALUE || (size_t)(end - *p) < key_length + length)
                return -EBADMSG;

        memcpy(key, *p, key_length);
        key[key_length] = '\0';
        if (strlen(key) != key_length || !utf8_is_valid(key, key_length) ||
            strcmp(key, last_key) <= 0)
                return -EBADMSG;

        r = values_put(values, key, *p + key_length, length);
        if (r < 0)
                return r == -E2BIG ? -EBADMSG : r;
        *p += key_length + length;
        memcpy(last_key, key, key_length + 1);
        return 0;
}

int store_file_read(const char *bytes, size_t length, struct values *values, struct diag *diag)
{
        const char *p = bytes + STORE_FILE_HEADER;
        const char *end = bytes + length;
        char last_key[UB_MAX_KEY + 1] = "";
        uint32_t n;
        int r;

        r = check_header(bytes, length, diag);
        if (r < 0)
                return r;

        n = get_u32(bytes + AT_COUNT);
        for (uint32_t i = 0; i < n; i++) {
                r = read_record(&p, end, last_key, values);
                if (r < 0)
                        return diag_set_errno(diag, r, "record %u of %u", i + 1, n);
        }
        if (p != end)
                return diag_set(diag, -EBADMSG, "%zu bytes after the last record",
                                (size_t)(end - p));
        return 0;
}
