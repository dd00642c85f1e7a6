/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-rauc - RAUC's replies and signals, as any service could send them
 *
 * The bytes of a message are libsystemd's affair; what is in one is ours.  So the input is a
 * program that builds messages: the first byte says which reader gets it, each further one what is
 * appended next.  Keys are those that RAUC has, or what the input says; values are of any type,
 * also of the wrong one. */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/self-update/rauc-internal.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 6, TEXT_MAX = 200 };

struct input {
        const uint8_t *data;
        size_t left;
};

static uint8_t take(struct input *in)
{
        if (in->left == 0)
                return 0;
        in->left--;
        return *in->data++;
}

static const char *take_text(struct input *in, char buf[TEXT_MAX + 1])
{
        static const char *const known[] = {
                "class", "device", "bootname", "state", "parent", "boot-status", "bundle.version",
                "bundle.hash", "status", "sha256", "installed.timestamp", "installed.transaction",
                "size", "installed.count", "manifest-hash", "update", "bundle", "format",
                "compatible", "version", "Progress", "LastError", "Compatible", "BootSlot", "plain",
                RAUC_INTERFACE, "type", "mountpoint", "images", "checksum", "filename", "hooks",
                "post-install", "rootfs.tar",
        };
        uint8_t pick = take(in);
        size_t length;
        size_t i;

        if (pick < sizeof(known) / sizeof(known[0]))
                return known[pick];
        length = pick - sizeof(known) / sizeof(known[0]);
        if (length > TEXT_MAX)
                length = TEXT_MAX;
        for (i = 0; i < length; i++)
                buf[i] = (char)(' ' + take(in) % 94);
        buf[length] = '\0';
        return buf;
}

static int append_dictionary(sd_bus_message *m, struct input *in, int depth);

static int append_variant(sd_bus_message *m, struct input *in, int depth)
{
        char buf[TEXT_MAX + 1];
        const char *text = take_text(in, buf);
        int r;

        switch (take(in) % 9) {
        case 0:
        case 1:
                return sd_bus_message_append(m, "v", "s", text);
        case 2:
                return sd_bus_message_append(m, "v", "u", (uint32_t)take(in));
        case 3:
                return sd_bus_message_append(m, "v", "t", (uint64_t)take(in) << 56);
        case 4:
                return sd_bus_message_append(m, "v", "(isi)", (int)(int8_t)take(in), text, 1);
        case 5:
                return sd_bus_message_append(m, "v", "as", 2, text, text);
        case 6:
                return sd_bus_message_append(m, "v", "(is)", 1, text);
        case 8:
                r = sd_bus_message_open_container(m, 'v', "aa{sv}");
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'a', "a{sv}");
                if (r >= 0)
                        r = append_dictionary(m, in, depth + 1);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                return r < 0 ? r : sd_bus_message_close_container(m);
        default:
                r = sd_bus_message_open_container(m, 'v', "a{sv}");
                if (r >= 0)
                        r = append_dictionary(m, in, depth + 1);
                return r < 0 ? r : sd_bus_message_close_container(m);
        }
}

static int append_dictionary(sd_bus_message *m, struct input *in, int depth)
{
        int n = depth < DEPTH_MAX ? take(in) % 16 : 0;
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        while (r >= 0 && n-- > 0) {
                char buf[TEXT_MAX + 1];

                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", take_text(in, buf));
                if (r >= 0)
                        r = append_variant(m, in, depth);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_slots(sd_bus_message *m, struct input *in)
{
        int n = take(in);
        int r = sd_bus_message_open_container(m, 'a', "(sa{sv})");

        while (r >= 0 && n-- > 0) {
                char buf[TEXT_MAX + 1];

                r = sd_bus_message_open_container(m, 'r', "sa{sv}");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", take_text(in, buf));
                if (r >= 0)
                        r = append_dictionary(m, in, 0);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What a reader promises of every text: it ends within its place. */
static void check_survey(const struct survey *survey)
{
        size_t i;

        CHECK(survey->n <= SLOTS_MAX);
        for (i = 0; i < survey->n; i++) {
                CHECK(memchr(survey->list[i].name, 0, sizeof(survey->list[i].name)));
                CHECK(memchr(survey->list[i].version, 0, sizeof(survey->list[i].version)));
        }
        (void)survey_booted_twice(survey);
        (void)survey_is_rescue(survey);
        CHECK(!survey_target(survey) || survey_target(survey) != survey_booted(survey));
}

static void read_message(sd_bus_message *m, uint8_t reader)
{
        struct survey survey = { .n = 0 };
        struct bundle bundle = { .plain = false };
        char text[RAUC_TEXT_MAX] = "";
        char error[RAUC_TEXT_MAX] = "";
        int percent;

        switch (reader % 4) {
        case 0:
                if (rauc_read_slots(m, &survey) >= 0)
                        check_survey(&survey);
                break;
        case 1:
                if (rauc_read_properties(m, &survey) >= 0)
                        check_survey(&survey);
                break;
        case 2:
                if (rauc_read_bundle(m, &bundle) >= 0)
                        CHECK(memchr(bundle.version, 0, sizeof(bundle.version)) &&
                              bundle.n_images <= BUNDLE_IMAGES_MAX);
                break;
        default:
                if (rauc_read_changes(m, &percent, text, error) >= 0)
                        CHECK(memchr(text, 0, sizeof(text)) && memchr(error, 0, sizeof(error)));
                break;
        }
}

/* A bus that is never spoken on; messages belong to one. */
static sd_bus *make_bus(int fds[2])
{
        sd_bus *bus = NULL;

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        CHECK(sd_bus_new(&bus) >= 0);
        CHECK(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        CHECK(sd_bus_start(bus) >= 0);
        return bus;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input in = { data, size };
        uint8_t reader = take(&in);
        sd_bus_message *m = NULL;
        char buf[TEXT_MAX + 1];
        int fds[2];
        sd_bus *bus = make_bus(fds);
        int r = sd_bus_message_new_signal(bus, &m, "/", "a.b", "C");

        /* High first bytes have a reader meet what is meant for another. */
        if (r >= 0 && reader % 4 == 3)
                r = sd_bus_message_append(m, "s", take_text(&in, buf));
        if (r >= 0)
                r = reader % 4 == 0 ? append_slots(m, &in)
                                    : append_dictionary(m, &in, 0);
        if (r >= 0 && sd_bus_message_seal(m, 1, 0) >= 0 && sd_bus_message_rewind(m, true) >= 0)
                read_message(m, reader >= 128 ? (uint8_t)(reader / 2) : reader);
        (void)sd_bus_message_unref(m);
        (void)sd_bus_close_unref(bus);
        (void)close(fds[1]);
        return 0;
}
