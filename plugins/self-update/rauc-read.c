/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc-read - what RAUC answers, as plain data
 *
 * Dictionaries from a{sv} to nested ones.  A row of a table says where the value of a key goes; a
 * key without a row, or a value of another type than the row's, is skipped: later versions add some
 * of both. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/rauc-internal.h"

struct place {
        const char *key;
        char type; /* of D-Bus: s, t, u */
        size_t offset;
        size_t size; /* of a text */
};

#define TEXT(s, k, m) { k, 's', offsetof(struct s, m), sizeof(((struct s *)0)->m) }

static const struct place slot_places[] = {
        TEXT(slot, "class", class),
        TEXT(slot, "device", device),
        TEXT(slot, "type", type),
        TEXT(slot, "mountpoint", mountpoint),
        TEXT(slot, "bootname", bootname),
        TEXT(slot, "state", state),
        TEXT(slot, "parent", parent),
        TEXT(slot, "boot-status", boot_status),
        TEXT(slot, "bundle.version", version),
        TEXT(slot, "bundle.hash", hash),
        TEXT(slot, "status", status),
        TEXT(slot, "sha256", sha256),
        TEXT(slot, "installed.timestamp", installed),
        TEXT(slot, "installed.transaction", transaction),
        TEXT(slot, "activated.timestamp", activated),
        { "size", 't', offsetof(struct slot, size), 0 },
        { "installed.count", 'u', offsetof(struct slot, installed_count), 0 },
        { NULL, 0, 0, 0 },
};

static const struct place property_places[] = {
        TEXT(survey, "Compatible", compatible),
        TEXT(survey, "BootSlot", boot_slot),
        { NULL, 0, 0, 0 },
};

static const struct place update_places[] = {
        TEXT(bundle, "compatible", compatible),
        TEXT(bundle, "version", version),
        { NULL, 0, 0, 0 },
};

static const struct place hash_places[] = {
        TEXT(bundle, "manifest-hash", hash),
        { NULL, 0, 0, 0 },
};

/* Texts are cut at the size of their place; nothing of them is ever used as a path. */
static void put_text(char *to, size_t size, const char *text)
{
        (void)snprintf(to, size, "%s", text);
}

/* Reads the variant at m into the place; false: it is of another type, and still unread. */
static int read_value(sd_bus_message *m, const struct place *place, void *base)
{
        const char *contents;
        const char *text;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (type != 'v' || contents[0] != place->type || contents[1])
                return 0;
        if (place->type != 's') {
                r = sd_bus_message_read(m, "v", contents, (char *)base + place->offset);
                return r < 0 ? r : 1;
        }
        r = sd_bus_message_read(m, "v", "s", &text);
        if (r >= 0)
                put_text((char *)base + place->offset, place->size, text);
        return r < 0 ? r : 1;
}

static const struct place *find(const struct place *places, const char *key)
{
        for (; places->key; places++)
                if (strcmp(places->key, key) == 0)
                        return places;
        return NULL;
}

/* What is done with a key that no place is for: 1 when it has been read. */
typedef int (*other_fn)(sd_bus_message *m, const char *key, void *data);

/* a{sv} */
static int read_dictionary(sd_bus_message *m, const struct place *places, void *base,
                           other_fn other, void *data)
{
        const struct place *place;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        return r;
                place = find(places, key);
                r = place ? read_value(m, place, base) : 0;
                if (r == 0 && other)
                        r = other(m, key, data);
                if (r == 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* --------------------------------------------------------------------------------------- survey */

int rauc_read_slots(sd_bus_message *m, struct survey *survey)
{
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'r', "sa{sv}")) > 0) {
                struct slot slot = { .size = 0 };

                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        return r;
                put_text(slot.name, sizeof(slot.name), name);
                r = read_dictionary(m, slot_places, &slot, NULL, NULL);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
                if (survey->n < SLOTS_MAX)
                        survey->list[survey->n++] = slot;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int rauc_read_properties(sd_bus_message *m, struct survey *survey)
{
        return read_dictionary(m, property_places, survey, NULL, NULL);
}

/* -------------------------------------------------------------------------------------- bundles */

/* A dictionary that is the value of a key. */
static int read_inner(sd_bus_message *m, const struct place *places, void *base)
{
        int r = sd_bus_message_enter_container(m, 'v', "a{sv}");

        if (r < 0)
                return r;
        r = read_dictionary(m, places, base, NULL, NULL);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

struct format {
        char text[32];
};

static const struct place format_places[] = {
        TEXT(format, "format", text),
        { NULL, 0, 0, 0 },
};

static int read_format(sd_bus_message *m, struct bundle *bundle)
{
        struct format format = { "" };
        int r = read_inner(m, format_places, &format);

        bundle->plain = strcmp(format.text, "plain") == 0;
        return r;
}

/* What of a manifest's image says how it comes into its slot. */
struct manifest_image {
        char sha256[SLOT_TEXT_MAX];
        char file[SLOT_VERSION_MAX];
        char type[16]; /* RAUC 1.16 */
        bool hooked;
};

static const struct place image_places[] = {
        TEXT(manifest_image, "checksum", sha256),
        TEXT(manifest_image, "filename", file),
        TEXT(manifest_image, "type", type),
        { NULL, 0, 0, 0 },
};

/* as: a pre-install hook comes before the slot is written, the others write it themselves. */
static int read_hooks(sd_bus_message *m, const char *key, void *data)
{
        struct manifest_image *image = data;
        const char *contents;
        const char *hook;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0 || strcmp(key, "hooks") != 0 || type != 'v' || strcmp(contents, "as") != 0)
                return r < 0 ? r : 0;
        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &hook)) > 0)
                image->hooked |= strcmp(hook, "pre-install") != 0;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

/* By its type, or by the patterns by which RAUC itself finds the type out.  A casync index of an
 * image (.caibx) carries the digest of the image. */
static bool is_archive(const struct manifest_image *image)
{
        static const char *const words[] = { "tar", "catar", "caidx", "emptyfs" };
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(image->type, words[i]) == 0)
                        return true;
        return strstr(image->file, ".tar") || strstr(image->file, ".tgz") ||
               strstr(image->file, ".catar") || strstr(image->file, ".caidx");
}

static int read_images(sd_bus_message *m, struct bundle *bundle)
{
        int r = sd_bus_message_enter_container(m, 'v', "aa{sv}");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
                struct manifest_image from = { .hooked = false };
                struct image *to = &bundle->images[bundle->n_images];

                r = read_dictionary(m, image_places, &from, read_hooks, &from);
                if (r < 0 || bundle->n_images == BUNDLE_IMAGES_MAX)
                        continue;
                put_text(to->sha256, sizeof(to->sha256), from.sha256);
                to->archive = is_archive(&from);
                to->hooked = from.hooked;
                bundle->n_images++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

static int read_known_section(sd_bus_message *m, const char *key, const char *contents, void *data)
{
        if (strcmp(contents, "aa{sv}") == 0 && strcmp(key, "images") == 0)
                return read_images(m, data);
        if (strcmp(contents, "a{sv}") != 0)
                return 0;
        if (strcmp(key, "update") == 0)
                return read_inner(m, update_places, data);
        if (strcmp(key, "bundle") == 0)
                return read_format(m, data);
        return 0;
}

/* The sections are dictionaries inside a variant, and RAUC puts that into another one. */
static int read_section(sd_bus_message *m, const char *key, void *data)
{
        const char *contents;
        char type;
        int known;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0 || type != 'v')
                return r < 0 ? r : 0;
        if (strcmp(contents, "v") != 0)
                return read_known_section(m, key, contents, data);
        r = sd_bus_message_enter_container(m, 'v', "v");
        if (r >= 0)
                r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        known = read_known_section(m, key, contents, data);
        r = known == 0 ? sd_bus_message_skip(m, "v") : known;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

int rauc_read_bundle(sd_bus_message *m, struct bundle *bundle)
{
        return read_dictionary(m, hash_places, bundle, read_section, bundle);
}

/* -------------------------------------------------------------------------------------- signals */

struct changes {
        int percent;
        char text[RAUC_TEXT_MAX];
        char last_error[RAUC_TEXT_MAX];
        bool has_error;
};

static int read_change(sd_bus_message *m, const char *key, void *data)
{
        struct changes *changes = data;
        const char *contents;
        const char *text;
        char type;
        int depth;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (strcmp(key, "Progress") == 0 && strcmp(contents, "(isi)") == 0) {
                r = sd_bus_message_read(m, "v", "(isi)", &changes->percent, &text, &depth);
                if (r >= 0)
                        put_text(changes->text, sizeof(changes->text), text);
                return r < 0 ? r : 1;
        }
        if (strcmp(key, "LastError") == 0 && strcmp(contents, "s") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0)
                        put_text(changes->last_error, sizeof(changes->last_error), text);
                changes->has_error = true;
                return r < 0 ? r : 1;
        }
        return 0;
}

int rauc_read_changes(sd_bus_message *m, int *percent, char text[RAUC_TEXT_MAX],
                      char last_error[RAUC_TEXT_MAX])
{
        static const struct place none[] = { { NULL, 0, 0, 0 } };
        struct changes changes = { .percent = -1 };
        const char *interface;
        int r;

        r = sd_bus_message_read(m, "s", &interface);
        if (r < 0)
                return r;
        *percent = -1;
        if (strcmp(interface, RAUC_INTERFACE) != 0)
                return 0;
        r = read_dictionary(m, none, &changes, read_change, &changes);
        if (r < 0)
                return r;
        *percent = changes.percent;
        put_text(text, RAUC_TEXT_MAX, changes.text);
        if (changes.has_error)
                put_text(last_error, RAUC_TEXT_MAX, changes.last_error);
        return 0;
}
