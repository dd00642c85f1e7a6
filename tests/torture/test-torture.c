/* SPDX-License-Identifier: Apache-2.0
 *
 * torture - every allocation of the modules that read and write text fails once (torture.h) */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/json.h>

#include "host/json/scan.h"
#include "host/util/cleanup.h"
#include "host/util/file.h"
#include "host/util/values.h"
#include "tests/torture/torture.h"
#include "tests/unit/unit.h"

#define DESIRED                                                                                  \
        "{\"domains\":[{\"id\":\"d\",\"config\":[{\"key\":\"k\",\"value\":\"v\"}],"                  \
        "\"components\":[{\"id\":\"a\",\"version\":\"1\",\"config\":{\"x\":1,\"y\":true}},"           \
        "{\"id\":\"b\"}]}],\"baselines\":[{\"title\":\"t\",\"components\":[\"d:a\"]}]}"

/* Out parameters stay as they were when a function fails. */
static void *const untouched = (void *)&untouched;

/* cJSON does not say whether a text is wrong or memory was short; the texts here are right. */
static int short_of_memory(int r)
{
        return r == -EBADMSG ? -ENOMEM : r;
}

static int sdk_json_parse(void)
{
        struct ub_json *root = untouched;
        int r = ub_json_parse("{\"a\":[1,2,{\"b\":\"\\u00e4\"}],\"c\":null}", "x", NULL, &root);

        if (r < 0)
                ck_assert_ptr_eq(root, untouched);
        else
                root = ub_json_free(root);
        return short_of_memory(r);
}

static int sdk_json_write(void)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        char *text = untouched;
        int i;
        int r;

        ub_json_open_object(&w, NULL);
        ub_json_open_array(&w, "list");
        for (i = 0; i < 300; i++)
                ub_json_put_string(&w, NULL, "a text that makes the writer grow");
        ub_json_close_array(&w);
        ub_json_close_object(&w);
        r = ub_json_writer_finish(&w, &text);
        if (r < 0)
                ck_assert_ptr_eq(text, untouched);
        else
                free(text);
        return r;
}

static int sdk_desired_state(void)
{
        struct ub_desired_state *desired = untouched;
        int r = ub_desired_state_parse(DESIRED, NULL, &desired);

        if (r < 0)
                ck_assert_ptr_eq(desired, untouched);
        else
                desired = ub_desired_state_free(desired);
        return short_of_memory(r);
}

static int sdk_feedback(void)
{
        const struct ub_feedback_action action = { .id = "a",
                                                   .version = "1",
                                                   .status = "UPDATING" };
        const struct ub_feedback feedback = {
                .status = "UPDATING", .message = "m", .actions = &action, .n_actions = 1
        };
        char *text = untouched;
        int r = ub_feedback_to_json(&feedback, "d", &text);

        if (r < 0)
                ck_assert_ptr_eq(text, untouched);
        else
                free(text);
        return r;
}

static int sdk_inventory(void)
{
        struct ub_inventory *inventory = untouched;
        char *text = untouched;
        int r = ub_inventory_new("d", &inventory);

        if (r < 0) {
                ck_assert_ptr_eq(inventory, untouched);
                return r;
        }
        ub_inventory_add_agent(inventory, "1", "agent");
        ub_inventory_add_component(inventory, "a", "1", NULL, UB_TYPE_APPLICATION);
        ub_inventory_add_parameter(inventory, "k", "v");
        r = ub_inventory_to_json(inventory, &text);
        if (r < 0)
                ck_assert_ptr_eq(text, untouched);
        else
                free(text);
        inventory = ub_inventory_free(inventory);
        return r;
}

/* More keys than the scanner remembers without the heap. */
static int scan_many_keys(void)
{
        static const struct scan_rules rules = { .max_bytes = 100000, .max_depth = 4 };
        char text[16384];
        size_t offset;
        size_t n = 0;
        int i;

        text[n++] = '{';
        for (i = 0; i < 1000; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"key%d\":0", i ? "," : "", i);
        text[n++] = '}';
        return scan_text(text, n, &rules, &offset, NULL);
}

static int file_read(void)
{
        CLEANUP_CLOSE int fd = memfd_create("file", MFD_CLOEXEC);
        char *text = untouched;
        int r;

        /* No ck_assert before the call: it allocates, too. */
        if (write(fd, "text", 4) != 4 || lseek(fd, 0, SEEK_SET) != 0)
                return -EIO;
        r = file_read_fd(fd, 100, &text, NULL);
        if (r < 0)
                ck_assert_ptr_eq(text, untouched);
        else
                free(text);
        return r;
}

static int values(void)
{
        struct values *values = untouched;
        int r = values_new(1000, &values);
        int i;

        if (r < 0) {
                ck_assert_ptr_eq(values, untouched);
                return r;
        }
        for (i = 0; i < 20 && r >= 0; i++) {
                char key[16];

                (void)snprintf(key, sizeof(key), "key%d", i % 10);
                r = values_put(values, key, "value", 5);
        }
        values = values_free(values);
        return r;
}

#define TORTURE(function)                                                      \
        START_TEST(function##_says_so_and_leaks_nothing)                       \
        {                                                                      \
                char why[256];                                                 \
                                                                               \
                ck_assert_msg(torture(#function, function, why, sizeof(why)), "%s", why); \
        }                                                                      \
        END_TEST

TORTURE(sdk_json_parse)
TORTURE(sdk_json_write)
TORTURE(sdk_desired_state)
TORTURE(sdk_feedback)
TORTURE(sdk_inventory)
TORTURE(scan_many_keys)
TORTURE(file_read)
TORTURE(values)

/* ------------------------------------------------------ the rack itself, with what it must find */

static void *volatile kept; /* volatile: or the compiler sees that nothing happens */

static int leaks(void)
{
        kept = malloc(1);
        return kept ? 0 : -ENOMEM;
}

static int swallows(void)
{
        kept = malloc(1);
        free(kept);
        return 0;
}

static int allocates_nothing(void)
{
        return 0;
}

START_TEST(faults_are_noticed)
{
        char why[256];

        ck_assert(!torture("leaks", leaks, why, sizeof(why)));
        ck_assert_ptr_nonnull(strstr(why, "1 blocks"));
        free(kept);
        ck_assert(!torture("swallows", swallows, why, sizeof(why)));
        ck_assert_ptr_nonnull(strstr(why, "does not say -ENOMEM"));
        ck_assert(!torture("nothing", allocates_nothing, why, sizeof(why)));
}
END_TEST

UNIT_MAIN("torture", sdk_json_parse_says_so_and_leaks_nothing,
          sdk_json_write_says_so_and_leaks_nothing, sdk_desired_state_says_so_and_leaks_nothing,
          sdk_feedback_says_so_and_leaks_nothing, sdk_inventory_says_so_and_leaks_nothing,
          scan_many_keys_says_so_and_leaks_nothing, file_read_says_so_and_leaks_nothing,
          values_says_so_and_leaks_nothing, faults_are_noticed)
