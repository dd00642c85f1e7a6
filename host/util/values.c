/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/values.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "host/util/cleanup.h"

/* One allocation per entry: the key, its NUL, the data, a NUL. */
struct entry {
        size_t key_length;
        size_t length;
        char bytes[];
};

struct values {
        size_t max_bytes;
        size_t n_bytes;
        size_t n_entries;
        size_t room; /* of `entries` */
        struct entry **entries;
};

int values_new(size_t max_bytes, struct values **ret)
{
        struct values *values = calloc(1, sizeof(*values));

        if (!values)
                return -ENOMEM;
        values->max_bytes = max_bytes;
        *ret = values;
        return 0;
}

struct values *values_free(struct values *values)
{
        if (!values)
                return NULL;
        for (size_t i = 0; i < values->n_entries; i++)
                free(values->entries[i]);
        free(values->entries);
        free(values);
        return NULL;
}

static size_t entry_bytes(const struct entry *entry)
{
        return entry->key_length + entry->length;
}

static int entry_new(const char *key, const void *data, size_t length, struct entry **ret)
{
        size_t key_length = strlen(key);
        struct entry *entry = malloc(sizeof(*entry) + key_length + 1 + length + 1);

        if (!entry)
                return -ENOMEM;
        entry->key_length = key_length;
        entry->length = length;
        memcpy(entry->bytes, key, key_length + 1);
        memcpy(entry->bytes + key_length + 1, data, length);
        entry->bytes[key_length + 1 + length] = '\0';
        *ret = entry;
        return 0;
}

/* Finds a key, or the place where it belongs. */
static bool find(const struct values *values, const char *key, size_t *ret_index)
{
        size_t low = 0;
        size_t high = values->n_entries;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(values->entries[middle]->bytes, key);

                if (order == 0) {
                        *ret_index = middle;
                        return true;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_index = low;
        return false;
}

static void remove_at(struct values *values, size_t i)
{
        values->n_bytes -= entry_bytes(values->entries[i]);
        free(values->entries[i]);
        values->n_entries--;
        memmove(values->entries + i, values->entries + i + 1,
                (values->n_entries - i) * sizeof(*values->entries));
}

static int make_room(struct values *values)
{
        size_t room = values->room ? 2 * values->room : 16;
        struct entry **entries;

        if (values->n_entries < values->room)
                return 0;
        entries = reallocarray(values->entries, room, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        values->entries = entries;
        values->room = room;
        return 0;
}

int values_put(struct values *values, const char *key, const void *data, size_t length)
{
        struct entry *entry;
        size_t others = values->n_bytes;
        size_t i;
        bool found;
        int r;

        found = find(values, key, &i);
        if (length == 0) {
                if (found)
                        remove_at(values, i);
                return 0;
        }

        if (found)
                others -= entry_bytes(values->entries[i]);
        if (length > values->max_bytes || strlen(key) > values->max_bytes - length ||
            others > values->max_bytes - length - strlen(key))
                return -E2BIG;
        r = make_room(values);
        if (r < 0)
                return r;
        r = entry_new(key, data, length, &entry);
        if (r < 0)
                return r;

        if (found) {
                free(values->entries[i]);
        } else {
                memmove(values->entries + i + 1, values->entries + i,
                        (values->n_entries - i) * sizeof(*values->entries));
                values->n_entries++;
        }
        values->entries[i] = entry;
        values->n_bytes = others + entry_bytes(entry);
        return 0;
}

size_t values_count(const struct values *values)
{
        return values->n_entries;
}

struct value values_at(const struct values *values, size_t i)
{
        const struct entry *entry;

        assert(i < values->n_entries);
        entry = values->entries[i];
        return (struct value){
                .key = entry->bytes,
                .data = entry->bytes + entry->key_length + 1,
                .length = entry->length,
        };
}

int values_get(const struct values *values, const char *key, struct value *ret)
{
        size_t i;

        if (!find(values, key, &i))
                return -ENOENT;
        *ret = values_at(values, i);
        return 0;
}
