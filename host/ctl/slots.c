/* SPDX-License-Identifier: Apache-2.0
 *
 * slots - the slots of the operating system: what RAUC says of them, and marking them
 *
 * RAUC is asked itself, on the system's D-Bus, so that this also helps on a device whose daemon
 * does not run.  What is on trial only the daemon knows: it stands in the inventory, as parameters
 * of the self-update agent's image, and is shown when there is a daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/ctl/text.h"
#include "host/json/json.h"

#define RAUC_NAME "de.pengutronix.rauc"
#define RAUC_INTERFACE "de.pengutronix.rauc.Installer"

enum { CALL_USEC = 30000000, SLOTS_MAX = 64 };

/* ----------------------------------------------------------------------------------------- RAUC */

static int explain(const char *what, const sd_bus_error *error, int r)
{
        const char *text = sd_bus_error_is_set(error) && error->message ? error->message
                                                                        : strerror(-r);
        const char *hint = "";

        /* RAUC has one and the same error for all that it refuses; only the text tells. */
        if (strstr(text, "lready processing a different method"))
                hint = "an installation is under way; try again when it is over: ";
        else if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                 sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                hint = "it does not run: ";
        else if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
                hint = "you may not ask it: ";
        return ctl_fail("RAUC: %s: %s%s", what, hint, text);
}

static int call_rauc(sd_bus *bus, const char *method, sd_bus_error *error, sd_bus_message **ret)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, RAUC_NAME, "/", RAUC_INTERFACE, method);
        return r < 0 ? r : sd_bus_call(bus, m, CALL_USEC, error, ret);
}

/* One value of a{sv}, when it is a text or a number. */
static int read_value(sd_bus_message *m, struct json *slot, const char *key)
{
        const char *contents;
        const char *text;
        uint64_t large;
        uint32_t number;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (strcmp(contents, "s") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                return r < 0 ? r : json_set(slot, key, json_new_string(text));
        }
        if (strcmp(contents, "u") == 0) {
                r = sd_bus_message_read(m, "v", "u", &number);
                return r < 0 ? r : json_set(slot, key, json_new_integer(number));
        }
        if (strcmp(contents, "t") == 0) {
                r = sd_bus_message_read(m, "v", "t", &large);
                if (large > (uint64_t)JSON_INTEGER_MAX)
                        large = JSON_INTEGER_MAX;
                return r < 0 ? r : json_set(slot, key, json_new_integer((int64_t)large));
        }
        return sd_bus_message_skip(m, "v");
}

/* The next slot of a(sa{sv}).  0: there are no more. */
static int read_slot(sd_bus_message *m, struct json **ret)
{
        CLEANUP_JSON struct json *slot = json_new_object();
        const char *text;
        int r;

        r = sd_bus_message_enter_container(m, 'r', "sa{sv}");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "s", &text);
        if (r >= 0)
                r = json_set(slot, "name", json_new_string(text));
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &text);
                if (r >= 0)
                        r = read_value(m, slot, text);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(slot);
        return 1;
}

static const char *text_of(const struct json *object, const char *key)
{
        const char *text = json_get_string(json_get_member(object, key));

        return text ? text : "";
}

static int compare_slots(const void *a, const void *b)
{
        return strcmp(text_of(*(struct json *const *)a, "name"),
                      text_of(*(struct json *const *)b, "name"));
}

/* By name: RAUC tells them in no order at all.  Takes the slots over. */
static int append_sorted(struct json *slots, struct json **take_list, size_t n)
{
        size_t i;
        int r = 0;

        qsort(take_list, n, sizeof(*take_list), compare_slots);
        for (i = 0; i < n; i++)
                if (r >= 0)
                        r = json_append(slots, take_list[i]);
                else
                        (void)json_free(take_list[i]);
        return r;
}

static int read_slots(sd_bus *bus, struct json *document)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP_JSON struct json *slots = json_new_array();
        struct json *list[SLOTS_MAX];
        size_t n = 0;
        int failure;
        int r;

        r = call_rauc(bus, "GetSlotStatus", &error, &reply);
        if (r < 0)
                return explain("its slots", &error, r);
        r = sd_bus_message_enter_container(reply, 'a', "(sa{sv})");
        while (r >= 0 && n < SLOTS_MAX && (r = read_slot(reply, &list[n])) > 0)
                n++;
        failure = append_sorted(slots, list, n);
        if (r >= 0)
                r = failure;
        if (r >= 0)
                r = json_set(document, "slots", TAKE_PTR(slots));
        return r < 0 ? explain("its slots", NULL, r) : 0;
}

/* That no slot can boot is worth knowing, and no failure. */
static int read_primary(sd_bus *bus, struct json *document)
{
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *name;
        int r;

        r = call_rauc(bus, "GetPrimary", &error, &reply);
        if (r < 0)
                r = json_set(document, "primaryError",
                             json_new_string(error.message ? error.message : strerror(-r)));
        else if ((r = sd_bus_message_read(reply, "s", &name)) >= 0)
                r = json_set(document, "primary", json_new_string(name));
        return r < 0 ? explain("what boots next", NULL, r) : 0;
}

/* ---------------------------------------------------------------------------- the daemon's part */

/* Of any node; without a daemon there are none. */
static bool is_shown(const char *key)
{
        return strncmp(key, "trial", 5) == 0 || strcmp(key, "readBack") == 0 ||
               strcmp(key, "lastUpdate") == 0;
}

static int read_trial(const struct ctl *ctl, struct json *document)
{
        CLEANUP_CLIENT sd_bus *bus = NULL;
        CLEANUP_JSON struct json *inventory = NULL;
        const struct json *parameter;
        const struct json *node;
        int r = 0;

        if (client_connect(ctl, true, &bus) < 0 || client_get(bus, "Inventory", &inventory) < 0)
                return 0;
        JSON_FOREACH(node, json_get_member(inventory, "softwareNodes")) {
                JSON_FOREACH(parameter, json_get_member(node, "parameters")) {
                        const char *key = text_of(parameter, "key");

                        if (is_shown(key) && r >= 0)
                                r = json_set(document, key,
                                             json_new_string(text_of(parameter, "value")));
                }
        }
        return r < 0 ? ctl_fail("%s", strerror(-r)) : 0;
}

/* -------------------------------------------------------------------------------------- showing */

static void print_line(const char *what, const char *text)
{
        CLEANUP_FREE char *clean = text_clean(text);

        if (clean && *clean)
                (void)printf("%s%s\n", what, clean);
}

static int print_slots(const struct ctl *ctl, const struct json *document)
{
        static const char *const headings[] = { "SLOT",    "BOOTS AS", "STATE",     "BOOT",
                                                "VERSION", "WRITTEN",  "INSTALLED", NULL };
        static const char *const keys[] = { "name",           "bootname", "state",
                                            "boot-status",    "bundle.version", "status",
                                            "installed.timestamp" };
        CLEANUP(table_done) struct table table;
        const struct json *slot;
        size_t i;
        int r;

        table_init(&table, headings, -1);
        JSON_FOREACH(slot, json_get_member(document, "slots"))
                for (i = 0; i < ARRAY_SIZE(keys); i++)
                        table_add(&table, text_of(slot, keys[i]));
        r = table_print(&table, ctl->colour, stdout);
        if (r < 0)
                return r;
        (void)putchar('\n');
        print_line("next boot: ", text_of(document, "primary"));
        print_line("next boot: unknown: ", text_of(document, "primaryError"));
        print_line("read back: ", text_of(document, "readBack"));
        if (*text_of(document, "trial")) {
                print_line("update:    ", text_of(document, "trialVersion"));
                print_line("trial:     ", text_of(document, "trial"));
                print_line("           ", text_of(document, "trialMessage"));
        }
        print_line("last:      ", text_of(document, "lastUpdate"));
        return 0;
}

static int show_slots(const struct ctl *ctl, const struct json *document)
{
        CLEANUP_FREE char *text = NULL;
        int r;

        if (ctl->json) {
                r = json_print(document, JSON_LAYOUT_PRETTY, &text);
                if (r == 0)
                        (void)puts(text);
        } else {
                r = print_slots(ctl, document);
        }
        return r < 0 ? ctl_fail("%s", strerror(-r)) : 0;
}

/* -------------------------------------------------------------------------------------- marking */

/* By its name, or by the name that the boot loader knows. */
static const struct json *find_slot(const struct json *document, const char *name)
{
        const struct json *slot;

        JSON_FOREACH(slot, json_get_member(document, "slots"))
                if (strcmp(text_of(slot, "name"), name) == 0 ||
                    (*name && strcmp(text_of(slot, "bootname"), name) == 0))
                        return slot;
        return NULL;
}

/* What RAUC has done, in its words. */
static int print_marked(const struct ctl *ctl, sd_bus_message *reply)
{
        CLEANUP_JSON struct json *document = json_new_object();
        CLEANUP_FREE char *text = NULL;
        const char *name;
        const char *message;
        int r;

        r = sd_bus_message_read(reply, "ss", &name, &message);
        if (r >= 0 && !ctl->json) {
                print_line("", message);
                return 0;
        }
        if (r >= 0)
                r = json_set(document, "slot", json_new_string(name));
        if (r >= 0)
                r = json_set(document, "message", json_new_string(message));
        if (r >= 0)
                r = json_print(document, JSON_LAYOUT_PRETTY, &text);
        if (r >= 0)
                (void)puts(text);
        return r < 0 ? explain("mark", NULL, r) : 0;
}

static int mark(const struct ctl *ctl, sd_bus *bus, const struct json *document)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state = ctl->argv[1];
        const struct json *slot = find_slot(document, ctl->argv[2]);
        int r;

        if (!slot)
                return ctl_fail("there is no slot \"%s\"", ctl->argv[2]);
        /* RAUC writes nonsense into the boot environment then, or crashes. */
        if (!*text_of(slot, "bootname"))
                return ctl_fail("slot %s has no place in the boot order", ctl->argv[2]);
        r = sd_bus_call_method(bus, RAUC_NAME, "/", RAUC_INTERFACE, "Mark", &error, &reply,
                               "ss", state, text_of(slot, "name"));
        return r < 0 ? explain("mark", &error, r) : print_marked(ctl, reply);
}

static bool is_state(const char *word)
{
        return strcmp(word, "good") == 0 || strcmp(word, "bad") == 0 || strcmp(word, "active") == 0;
}

int ctl_slots(const struct ctl *ctl)
{
        CLEANUP(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        CLEANUP_JSON struct json *document = json_new_object();
        int r;

        if (ctl->argc != 0 && (ctl->argc != 3 || strcmp(ctl->argv[0], "mark") != 0)) {
                (void)ctl_fail("slots takes nothing, or: mark good|bad|active SLOT");
                return CTL_EXIT_USAGE;
        }
        if (ctl->argc == 3 && !is_state(ctl->argv[1])) {
                (void)ctl_fail("a slot is marked good, bad or active, not \"%s\"", ctl->argv[1]);
                return CTL_EXIT_USAGE;
        }
        r = sd_bus_open_system(&bus);
        if (r < 0)
                return ctl_fail("the system's D-Bus: %s", strerror(-r));
        r = read_slots(bus, document);
        if (r == 0 && ctl->argc == 3)
                r = mark(ctl, bus, document);
        else if (r == 0)
                r = read_primary(bus, document);
        if (r == 0 && ctl->argc == 0)
                r = read_trial(ctl, document);
        return r != 0 || ctl->argc == 3 ? r : show_slots(ctl, document);
}
