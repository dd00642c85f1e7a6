/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules C1 to C12 of conf.d on real folders.  Each test has three of them, lowest precedence
 * first. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config/change.h"
#include "host/config/confd.h"
#include "host/json/json.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

enum { LOW,
       MID,
       HIGH,
       DIRS };

struct folders {
        char root[32];
        char dirs[DIRS][40];
        const char *list[DIRS];
        struct confd_options options;
};

static void folders_init(struct folders *f)
{
        static const char *const names[] = { "low", "mid", "high" };
        int i;

        memset(f, 0, sizeof(*f));
        (void)snprintf(f->root, sizeof(f->root), "/tmp/ub-confd.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(f->root));
        for (i = 0; i < DIRS; i++) {
                (void)snprintf(f->dirs[i], sizeof(f->dirs[i]), "%s/%s", f->root, names[i]);
                ck_assert_int_eq(mkdir(f->dirs[i], 0755), 0);
                f->list[i] = f->dirs[i];
        }
        f->options = (struct confd_options){ .dirs = f->list, .n_dirs = DIRS, .owner = geteuid() };
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static void folders_done(struct folders *f)
{
        (void)nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define FOLDERS(f) \
        CLEANUP(folders_done) struct folders f; \
        folders_init(&f)

static char *path_of(const struct folders *f, int dir, const char *name)
{
        static char path[300];

        (void)snprintf(path, sizeof(path), "%s/%s", f->dirs[dir], name);
        return path;
}

static void put_bytes(const struct folders *f, int dir, const char *name, const char *text,
                      size_t n)
{
        CLEANUP_FCLOSE FILE *file = fopen(path_of(f, dir, name), "w");

        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(text, 1, n, file), n);
        ck_assert_int_eq(fchmod(fileno(file), 0644), 0);
}

static void put(const struct folders *f, int dir, const char *name, const char *text)
{
        put_bytes(f, dir, name, text, strlen(text));
}

static struct confd *load(const struct folders *f)
{
        struct confd *confd = NULL;

        ck_assert_int_eq(confd_load(&f->options, &confd), 0);
        return confd;
}

#define LOAD(set, f) CLEANUP(confd_freep) struct confd *set = load(&(f))

static const struct registration *get(const struct confd *confd, const char *id)
{
        const struct registration *reg = confd_find(confd, id);

        ck_assert_msg(reg, "no registration %s", id);
        return reg;
}

static void is_state(const struct confd *confd, const char *id, enum registration_state state)
{
        const struct registration *reg = get(confd, id);

        ck_assert_msg(reg->state == state, "%s is %s: %s", id,
                      registration_state_to_string(reg->state), reg->message ? reg->message : "");
}

/* The n-th problem as a line, with the root folder left out. */
static const char *problem(const struct folders *f, const struct confd *confd, size_t n)
{
        static struct diag text;

        ck_assert_msg(n < confd->problems.n, "there are %zu problems", confd->problems.n);
        problem_format(&confd->problems.items[n], &text);
        if (strncmp(text.text, f->root, strlen(f->root)) == 0)
                return text.text + strlen(f->root) + 1;
        return text.text;
}

static void says(const struct folders *f, const struct confd *confd, const char *expected)
{
        ck_assert_str_eq(problem(f, confd, 0), expected);
        ck_assert_uint_eq(confd->problems.n, 1);
}

static void origin_is(const struct confd *confd, const char *id, const char *pointer,
                      const char *name, unsigned line, unsigned column)
{
        struct confd_origin origin;

        ck_assert_int_eq(confd_get_origin(get(confd, id), pointer, &origin), 0);
        ck_assert_str_eq(origin.fragment->name, name);
        ck_assert_uint_eq(origin.at.line, line);
        ck_assert_uint_eq(origin.at.column, column);
}

/* ------------------------------------------------------------------------------------------- C1 */

START_TEST(c1_comments_are_blanked_where_they_stand)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf",
            "// \xc3\xa4 first\n{ /* two\n lines */ \"agent\": \"a\", // \"x\": 1\n"
            "  /* \xc3\xa4 */ \"plugin\": \"p\",\n  \"settings\": {\"u\": \"http://x/*y*/\\\"//\"} "
            "}\n// end");
        LOAD(confd, f);

        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        ck_assert_uint_eq(confd->problems.n, 0);
        ck_assert_str_eq(get(confd, "a")->settings, "{\"u\":\"http://x/*y*/\\\"//\"}");
        origin_is(confd, "a", "/agent", "50-a.conf", 3, 11);
        origin_is(confd, "a", "/plugin", "50-a.conf", 4, 11);
        origin_is(confd, "a", "/settings/u", "50-a.conf", 5, 16);
}
END_TEST

START_TEST(c1_nothing_else_is_allowed_beyond_json)
{
        static const struct {
                const char *text;
                const char *says;
        } rows[] = {
                { "{\"agent\":\"a\",\n\"plugin\":\"p\",}",
                  "low/50-a.conf:2:13: a comma before \"}\"" },
                { "{\"agent\":\"a\",\"agent\":\"b\"}",
                  "low/50-a.conf:1:14: the key \"agent\" stands here twice" },
                { "[]", "low/50-a.conf:1:1: expected an object" },
                { "# x\n{}", "low/50-a.conf:1:1: expected an object" },
                { "{\"agent\":\"a\" /* x", "low/50-a.conf:1:14: this comment does not end" },
                { "{\"agent\":\"a\" /* x /", "low/50-a.conf:1:14: this comment does not end" },
                { "{\"agent\":\"a\" /*/", "low/50-a.conf:1:14: this comment does not end" },
                { "{} / x", "low/50-a.conf:1:4: something follows the end of the object" },
                { "// \xff\n{}", "low/50-a.conf:1:4: not valid UTF-8, or a NUL byte" },
                { "{\"agent\":\"a\",\"plugin\":\"p\",\"settings\":{\"id\":9007199254740993}}",
                  "low/50-a.conf:1:44: integer beyond 9007199254740991, which would lose digits; "
                  "write it "
                  "as a string" },
                { " \n ", "low/50-a.conf:2:2: expected an object" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                FOLDERS(f);

                put(&f, LOW, "50-a.conf", rows[i].text);
                LOAD(confd, f);
                says(&f, confd, rows[i].says);
                is_state(confd, "a", REGISTRATION_STATE_BAD_CONFIG);
        }
}
END_TEST

START_TEST(c1_length_and_depth_are_limited)
{
        CLEANUP_FREE char *text = malloc(FRAGMENT_BYTES_MAX + 2);
        char deep[200] = "{\"agent\":\"deep\",\"plugin\":\"p\",\"x-deep\":";
        FOLDERS(f);

        memset(text, ' ', FRAGMENT_BYTES_MAX + 1);
        memcpy(text, "{\"agent\":\"a\",\"plugin\":\"p\"}", 26);
        put_bytes(&f, LOW, "50-a.conf", text, FRAGMENT_BYTES_MAX);
        memcpy(text, "{\"agent\":\"b\",\"plugin\":\"p\"}", 26);
        put_bytes(&f, LOW, "50-b.conf", text, FRAGMENT_BYTES_MAX + 1);
        memset(deep + strlen(deep), '[', 32);
        put(&f, LOW, "50-deep.conf", deep);
        LOAD(confd, f);

        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        is_state(confd, "b", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "deep", REGISTRATION_STATE_BAD_CONFIG);
        ck_assert_str_eq(problem(&f, confd, 0), "low/50-b.conf: longer than 262144 bytes");
        ck_assert_str_eq(problem(&f, confd, 1),
                         "low/50-deep.conf:1:70: more than 32 levels of objects and arrays");
}
END_TEST

START_TEST(c1_only_files_with_the_suffix_count)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf~", "nonsense");
        put(&f, LOW, "50-a.conf.dpkg-new", "nonsense");
        put(&f, LOW, ".50-a.conf", "nonsense");
        put(&f, LOW, "README", "nonsense");
        put(&f, LOW, ".conf", "nonsense");
        LOAD(confd, f);
        ck_assert_uint_eq(confd->n_registrations, 0);
        ck_assert_uint_eq(confd->problems.n, 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------- C2 */

START_TEST(c2_a_file_replaces_the_one_of_the_same_name_below)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"low\",\"seccomp\":true}");
        put(&f, HIGH, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"high\"}");
        LOAD(confd, f);
        ck_assert_str_eq(get(confd, "a")->plugin, "high");
        ck_assert(!get(confd, "a")->seccomp);
}
END_TEST

START_TEST(c2_an_empty_file_or_a_link_to_dev_null_masks)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\"}");
        put(&f, LOW, "50-b.conf", "{\"agent\":\"b\",\"plugin\":\"p\"}");
        put(&f, LOW, "50-c.conf", "{\"agent\":\"c\",\"plugin\":\"p\"}");
        put(&f, MID, "50-a.conf", "");
        ck_assert_int_eq(symlink("/dev/null", path_of(&f, HIGH, "50-b.conf")), 0);
        put(&f, MID, "50-c.conf", "");
        put(&f, HIGH, "50-c.conf", "{\"agent\":\"c\",\"plugin\":\"back\"}");
        LOAD(confd, f);
        ck_assert_ptr_null(confd_find(confd, "a"));
        ck_assert_ptr_null(confd_find(confd, "b"));
        ck_assert_str_eq(get(confd, "c")->plugin, "back");
        ck_assert_uint_eq(confd->problems.n, 0);
}
END_TEST

START_TEST(a_folder_that_does_not_exist_is_empty)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\"}");
        ck_assert_int_eq(rmdir(f.dirs[MID]), 0);
        LOAD(confd, f);
        ck_assert_uint_eq(confd->n_registrations, 1);
        ck_assert_uint_eq(confd->problems.n, 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------- C3 */

START_TEST(c3_files_merge_in_the_order_of_their_names_whatever_their_folder)
{
        FOLDERS(f);

        /* 9- comes after 60-: bytes, not numbers.  The folder says nothing. */
        put(&f, HIGH, "50-a.conf",
            "{\"agent\":\"a\",\"plugin\":\"rauc\",\"topics\":[\"x\"],\n"
            "\"settings\":{\"keep\":1,\"reboot\":\"on\",\"gone\":{\"x\":1},\"list\":[1,2,3]}}");
        put(&f, LOW, "60-a.conf",
            "{\"agent\":\"a\",\"enabled\":true,\"topics\":null,\n"
            " \"settings\":{\"reboot\":\"never\",\"gone\":null,\"list\":[4]}}");
        put(&f, MID, "9-a.conf", "{\"agent\":\"a\",\"settings\":{\"last\":{\"y\":true}}}");
        LOAD(confd, f);

        ck_assert_uint_eq(confd->n_registrations, 1);
        ck_assert_str_eq(get(confd, "a")->settings,
                         "{\"keep\":1,\"reboot\":\"never\",\"list\":[4],\"last\":{\"y\":true}}");
        ck_assert_ptr_null(get(confd, "a")->topics);
        is_state(confd, "a", REGISTRATION_STATE_ENABLED);

        origin_is(confd, "a", "/plugin", "50-a.conf", 1, 14);
        origin_is(confd, "a", "/enabled", "60-a.conf", 1, 14);
        origin_is(confd, "a", "/settings/keep", "50-a.conf", 2, 13);
        origin_is(confd, "a", "/settings/reboot", "60-a.conf", 2, 14);
        origin_is(confd, "a", "/settings/list", "60-a.conf", 2, 43);
        origin_is(confd, "a", "/settings/last/y", "9-a.conf", 1, 34);
}
END_TEST

/* ------------------------------------------------------------------------------------------- C4 */

START_TEST(c4_a_name_that_does_not_tell_the_id_is_worth_a_warning)
{
        FOLDERS(f);

        put(&f, LOW, "50-b.conf", "{\"agent\":\"a\",\"plugin\":\"p\"}");
        LOAD(confd, f);
        says(&f, confd,
             "low/50-b.conf: the name should be NN-a.conf with two digits, after the id inside");
        ck_assert_uint_eq(confd->problems.n_errors, 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------- C5 */

START_TEST(c5_keys_are_closed_but_for_those_with_x)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\",\"x-note\":{\"any\":[1]}}");
        put(&f, LOW, "50-b.conf", "{\"agent\":\"b\",\"plugin\":\"p\",\n  \"isolaton\": \"none\"}");
        put(&f, LOW, "50-c.conf",
            "{\"agent\":\"c\",\"plugin\":\"p\",\"limits\":{\"openfiles\":3}}");
        put(&f, LOW, "50-d.conf", "{\"agent\":\"d\",\"plugin\":\"p\",\"zzzzz\":null}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        is_state(confd, "b", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "c", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "d", REGISTRATION_STATE_BAD_CONFIG);
        ck_assert_uint_eq(confd->problems.n, 3);
        ck_assert_str_eq(problem(&f, confd, 0),
                         "low/50-b.conf:2:3: isolaton: unknown key; did you mean \"isolation\"?");
        ck_assert_str_eq(problem(&f, confd, 1), "low/50-d.conf:1:27: zzzzz: unknown key");
        ck_assert_str_eq(problem(&f, confd, 2),
                         "low/50-c.conf:1:37: limits.openfiles: unknown key; "
                         "did you mean \"openFiles\"?");
}
END_TEST

static int schema_of(void *data, const char *plugin, char **ret, struct diag *diag)
{
        (void)data;
        if (strcmp(plugin, "none") == 0)
                return 0;
        if (strcmp(plugin, "lost") == 0)
                return diag_set(diag, -ENOENT, "lost.so: there is no such plugin");
        if (strcmp(plugin, "odd") == 0)
                *ret = strdup("{\"type\":\"int\"}");
        else
                *ret = strdup("{\"type\":\"object\",\"required\":[\"key\"],"
                              "\"additionalProperties\":false,"
                              "\"properties\":{\"key\":{\"type\":\"string\"},"
                              "\"list\":{\"items\":{\"type\":\"integer\"}}}}");
        ck_assert_ptr_nonnull(*ret);
        return 0;
}

START_TEST(c5_settings_are_checked_against_the_schema_of_the_plugin)
{
        FOLDERS(f);

        f.options.schema = schema_of;
        put(&f, LOW, "50-a.conf",
            "{\"agent\":\"a\",\"plugin\":\"p\",\"settings\":{\"key\":\"x\",\"list\":[1]}}");
        put(&f, LOW, "50-b.conf",
            "{\"agent\":\"b\",\"plugin\":\"p\",\n\"settings\":{\"key\":1,\"lsit\":2,\n  "
            "\"list\":[1,\"2\"]}}");
        put(&f, LOW, "50-c.conf", "{\"agent\":\"c\",\"plugin\":\"p\"}");
        put(&f, LOW, "50-d.conf", "{\"agent\":\"d\",\"plugin\":\"none\",\"settings\":{\"any\":1}}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        is_state(confd, "b", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "c", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "d", REGISTRATION_STATE_DISABLED);
        ck_assert_uint_eq(confd->problems.n, 4);
        ck_assert_str_eq(problem(&f, confd, 0),
                         "low/50-b.conf:2:13: settings.key: expected a string");
        ck_assert_str_eq(problem(&f, confd, 1),
                         "low/50-b.conf:2:21: settings.lsit: unknown key; did you mean \"list\"?");
        ck_assert_str_eq(problem(&f, confd, 2),
                         "low/50-b.conf:3:13: settings.list[1]: expected an integer");
        /* what is missing is shown where it is missed */
        ck_assert_str_eq(problem(&f, confd, 3), "low/50-c.conf:1:1: settings: \"key\" is missing");
}
END_TEST

START_TEST(c5_a_plugin_that_cannot_be_asked_stops_only_who_needs_it)
{
        FOLDERS(f);

        f.options.schema = schema_of;
        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"lost\",\"enabled\":true}");
        put(&f, LOW, "50-b.conf", "{\"agent\":\"b\",\"plugin\":\"lost\"}");
        put(&f, LOW, "50-c.conf", "{\"agent\":\"c\",\"plugin\":\"odd\",\"enabled\":true}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "b", REGISTRATION_STATE_DISABLED);
        is_state(confd, "c", REGISTRATION_STATE_ENABLED);
        ck_assert_uint_eq(confd->problems.n_errors, 1);
        ck_assert_str_eq(problem(&f, confd, 0),
                         "low/50-a.conf:1:14: plugin: lost.so: there is no such plugin");
        ck_assert_str_eq(problem(&f, confd, 2),
                         "low/50-c.conf:1:14: plugin: the schema of this plugin's settings: /type: "
                         "expected the name of a type");
}
END_TEST

/* ---------------------------------------------------------------------- members and their types */

START_TEST(every_member_is_read)
{
        const struct registration *reg;
        FOLDERS(f);

        put(&f, LOW, "50-a.conf",
            "{\"agent\":\"a\",\"plugin\":\"p-1\",\"domain\":\"d\",\"enabled\":true,\"isolation\":"
            "\"process\","
            "\"services\":[\"mqtt\",\"spawn\"],\"topics\":[\"a/+/#\",\"#\"],\"settings\":{},"
            "\"user\":\"ub-rauc\",\"seccomp\":true,"
            "\"limits\":{\"memory\":268435456,\"openFiles\":64,\"processes\":4,\"cpuSeconds\":600}"
            "}");
        LOAD(confd, f);
        reg = get(confd, "a");
        ck_assert_uint_eq(confd->problems.n, 0);
        ck_assert_int_eq(reg->role, FRAGMENT_ROLE_AGENT);
        ck_assert_str_eq(reg->plugin, "p-1");
        ck_assert_str_eq(reg->domain, "d");
        ck_assert(reg->enabled && reg->isolated && reg->seccomp);
        ck_assert_uint_eq(reg->services, REGISTRATION_SERVICE_MQTT | REGISTRATION_SERVICE_SPAWN);
        ck_assert_str_eq(reg->topics[0], "a/+/#");
        ck_assert_str_eq(reg->topics[1], "#");
        ck_assert_ptr_null(reg->topics[2]);
        ck_assert_str_eq(reg->user, "ub-rauc");
        ck_assert_uint_eq(reg->limits.memory_bytes, 268435456);
        ck_assert_uint_eq(reg->limits.open_files, 64);
        ck_assert_uint_eq(reg->limits.processes, 4);
        ck_assert_uint_eq(reg->limits.cpu_sec, 600);
}
END_TEST

START_TEST(every_member_has_its_default)
{
        const struct registration *reg;
        FOLDERS(f);

        put(&f, LOW, "50-self-update.conf", "{\"agent\":\"self-update\",\"plugin\":\"rauc\"}");
        LOAD(confd, f);
        reg = get(confd, "self-update");
        ck_assert_uint_eq(confd->problems.n, 0);
        ck_assert(!reg->enabled && reg->isolated && !reg->seccomp);
        ck_assert_str_eq(reg->domain, "self-update");
        ck_assert_str_eq(reg->settings, "{}");
        ck_assert_uint_eq(reg->services, 0);
        ck_assert_ptr_null(reg->topics);
        ck_assert_ptr_null(reg->user);
        ck_assert_uint_eq(reg->limits.memory_bytes, 0);
}
END_TEST

START_TEST(each_wrong_value_has_its_sentence)
{
        static const struct {
                const char *members;
                const char *says;
        } rows[] = {
                { "\"plugin\":1", "plugin: expected a string" },
                { "\"plugin\":\"/usr/lib/x.so\"",
                  "plugin: expected the name of a plugin, not a path" },
                { "\"plugin\":\"Rauc\"",
                  "plugin: expected 1 to 32 small letters, digits or \"-\"" },
                { "\"plugin\":\"p\",\"domain\":\"a b\"",
                  "domain: expected 1 to 64 letters, digits, \".\", \"_\" or \"-\"" },
                { "\"plugin\":\"p\",\"enabled\":\"yes\"", "enabled: expected true or false" },
                { "\"plugin\":\"p\",\"enabled\":1", "enabled: expected true or false" },
                { "\"plugin\":\"p\",\"isolation\":\"proces\"",
                  "isolation: unknown word \"proces\"; did you mean \"process\"?" },
                { "\"plugin\":\"p\",\"isolation\":\"thread\"",
                  "isolation: unknown word \"thread\"; expected \"process\" or \"none\"" },
                { "\"plugin\":\"p\",\"isolation\":false", "isolation: expected a string" },
                { "\"plugin\":\"p\",\"services\":\"mqtt\"", "services: expected an array" },
                { "\"plugin\":\"p\",\"services\":[\"spawn\",\"mqqt\"]",
                  "services[1]: unknown word \"mqqt\"; did you mean \"mqtt\"?" },
                { "\"plugin\":\"p\",\"services\":[3]", "services[0]: expected a string" },
                { "\"plugin\":\"p\",\"services\":[\"mqtt\"],\"topics\":[\"a/#/b\",\"x\"]",
                  "topics[0]: expected an MQTT topic filter" },
                { "\"plugin\":\"p\",\"services\":[\"mqtt\"],\"topics\":[\"a+\"]",
                  "topics[0]: expected an MQTT topic filter" },
                { "\"plugin\":\"p\",\"services\":[\"mqtt\"],\"topics\":[\"\"]",
                  "topics[0]: expected an MQTT topic filter" },
                { "\"plugin\":\"p\",\"settings\":[]", "settings: expected an object" },
                { "\"plugin\":\"p\",\"user\":\"-x\"", "user: expected the name of a user" },
                { "\"plugin\":\"p\",\"limits\":3", "limits: expected an object" },
                { "\"plugin\":\"p\",\"limits\":{\"memory\":0}",
                  "limits.memory: expected an integer of at least 1" },
                { "\"plugin\":\"p\",\"limits\":{\"processes\":1.5}",
                  "limits.processes: expected an integer of at least 1" },
                { "\"plugin\":\"p\",\"seccomp\":null,\"plugin\":1",
                  "the key \"plugin\" stands here twice" },
                { "\"enabled\":true", "\"plugin\" is missing" },
                { "\"plugin\":\"p\",\"connector\":\"a\"",
                  "connector: a registration is an agent or a connector, not both" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[400];
                FOLDERS(f);

                (void)snprintf(text, sizeof(text), "{\"agent\":\"a\",%s}", rows[i].members);
                put(&f, LOW, "50-a.conf", text);
                LOAD(confd, f);
                is_state(confd, "a", REGISTRATION_STATE_BAD_CONFIG);
                ck_assert_uint_eq(confd->problems.n, 1);
                ck_assert_msg(strstr(problem(&f, confd, 0), rows[i].says), "%s\n%s",
                              problem(&f, confd, 0), rows[i].says);
                ck_assert_ptr_nonnull(strstr(get(confd, "a")->message, rows[i].says));
        }
}
END_TEST

START_TEST(members_that_mean_nothing_together_are_worth_a_warning)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf",
            "{\"agent\":\"a\",\"plugin\":\"p\",\"isolation\":\"none\",\"user\":\"u\",\"topics\":["
            "\"x\"]}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        ck_assert_uint_eq(confd->problems.n, 2);
        ck_assert_str_eq(problem(&f, confd, 0),
                         "low/50-a.conf:1:46: user: has no effect with \"isolation\": \"none\"");
        ck_assert_str_eq(
                problem(&f, confd, 1),
                "low/50-a.conf:1:57: topics: has no effect without \"mqtt\" in \"services\"");
}
END_TEST

/* ------------------------------------------------------------------------------------------- C6 */

START_TEST(c6_the_key_selects_the_role_and_a_plugin_may_serve_many)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-b.conf", "{\"agent\":\"b\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-c.conf", "{\"connector\":\"c\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-d.conf", "{\"connector\":\"d\",\"plugin\":\"p\",\"domain\":\"x\"}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_ENABLED);
        is_state(confd, "b", REGISTRATION_STATE_ENABLED);
        is_state(confd, "c", REGISTRATION_STATE_ENABLED);
        ck_assert_int_eq(get(confd, "c")->role, FRAGMENT_ROLE_CONNECTOR);
        ck_assert_ptr_null(get(confd, "c")->domain);
        says(&f, confd, "low/50-d.conf:1:31: domain: a connector serves no domain");
}
END_TEST

START_TEST(c6_an_id_is_one_or_the_other)
{
        CLEANUP_FREE char *expected = NULL;
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\"}");
        put(&f, LOW, "60-a.conf", "{\"connector\":\"a\",\"enabled\":true}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_BAD_CONFIG);
        ck_assert_int_ge(asprintf(&expected,
                                  "low/60-a.conf:1:2: connector: \"a\" is already the id of an "
                                  "agent, in %s/low/50-a.conf",
                                  f.root),
                         0);
        says(&f, confd, expected);
}
END_TEST

/* ------------------------------------------------------------------------------------------- C7 */

START_TEST(c7_files_that_others_may_write_are_ignored_with_the_reason)
{
        static const char text[] = "{\"agent\":\"a\",\"plugin\":\"high\"}";
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"low\"}");
        put(&f, HIGH, "50-a.conf", text);
        ck_assert_int_eq(chmod(path_of(&f, HIGH, "50-a.conf"), 0664), 0);
        put(&f, HIGH, "51-a.conf", text);
        ck_assert_int_eq(chmod(path_of(&f, HIGH, "51-a.conf"), 0646), 0);
        ck_assert_int_eq(mkdir(path_of(&f, HIGH, "52-a.conf"), 0755), 0);
        ck_assert_int_eq(mkfifo(path_of(&f, HIGH, "53-a.conf"), 0644), 0);
        ck_assert_int_eq(symlink("nowhere", path_of(&f, HIGH, "54-a.conf")), 0);
        ck_assert_int_eq(symlink("55-a.conf", path_of(&f, HIGH, "55-a.conf")), 0);
        LOAD(confd, f);

        /* neither replaced nor masked nor disabled by any of them */
        ck_assert_str_eq(get(confd, "a")->plugin, "low");
        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        ck_assert_uint_eq(confd->problems.n, 6);
        ck_assert_uint_eq(confd->problems.n_errors, 0);
        ck_assert_str_eq(problem(&f, confd, 0), "high/50-a.conf: ignored: writable by its group");
        ck_assert_str_eq(problem(&f, confd, 1), "high/51-a.conf: ignored: writable by others");
        ck_assert_str_eq(problem(&f, confd, 2), "high/52-a.conf: ignored: not a regular file");
        ck_assert_str_eq(problem(&f, confd, 3), "high/53-a.conf: ignored: not a regular file");
        ck_assert_str_eq(problem(&f, confd, 4),
                         "high/54-a.conf: ignored: No such file or directory");
        ck_assert_str_eq(problem(&f, confd, 5),
                         "high/55-a.conf: ignored: Too many levels of symbolic links");
}
END_TEST

START_TEST(c7_files_of_strangers_are_ignored)
{
        char expected[100];
        uid_t stranger = geteuid() ? geteuid() : 12345;
        FOLDERS(f);

        /* Root gives the file away; anybody else plays a daemon of another user. */
        f.options.owner = geteuid() ? geteuid() + 1 : 0;
        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\"}");
        ck_assert_int_eq(symlink("/dev/null", path_of(&f, LOW, "51-a.conf")), 0);
        if (geteuid() == 0) {
                ck_assert_int_eq(chown(path_of(&f, LOW, "50-a.conf"), stranger, 0), 0);
                ck_assert_int_eq(lchown(path_of(&f, LOW, "51-a.conf"), stranger, 0), 0);
        }
        LOAD(confd, f);
        ck_assert_uint_eq(confd->n_registrations, 0);
        ck_assert_uint_eq(confd->problems.n, 2);
        (void)snprintf(expected, sizeof(expected),
                       "low/50-a.conf: ignored: owned by uid %u, not by root", stranger);
        ck_assert_str_eq(problem(&f, confd, 0), expected);
        (void)snprintf(expected, sizeof(expected),
                       "low/51-a.conf: ignored: the link is owned by uid %u, not by root",
                       stranger);
        ck_assert_str_eq(problem(&f, confd, 1), expected);
}
END_TEST

START_TEST(c7_a_link_to_a_proper_file_counts)
{
        FOLDERS(f);

        put(&f, LOW, "real", "{\"agent\":\"a\",\"plugin\":\"p\"}");
        ck_assert_int_eq(symlink("../low/real", path_of(&f, HIGH, "50-a.conf")), 0);
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_DISABLED);
        ck_assert_uint_eq(confd->problems.n, 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------- C8 */

START_TEST(c8_a_bad_fragment_disables_its_agent_and_no_other)
{
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-b.conf", "{\"agent\":\"b\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, HIGH, "60-a.conf", "{\"agent\":\"a\", oops}");
        LOAD(confd, f);
        is_state(confd, "a", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "b", REGISTRATION_STATE_ENABLED);
        ck_assert_ptr_nonnull(strstr(get(confd, "a")->message,
                                     "high/60-a.conf:1:15: expected a key in double quotes"));
        ck_assert_uint_eq(confd->problems.n, 1);
}
END_TEST

START_TEST(c8_a_fragment_that_tells_no_id_is_known_by_its_name)
{
        FOLDERS(f);

        put(&f, LOW, "50-self-update.conf", "{\"plugin\":\"p\"}");
        put(&f, LOW, "51-x.conf", "{\"agent\":\"a b\",\"plugin\":\"p\"}");
        put(&f, LOW, "52-y.conf", "{\"connector\":7,\"plugin\":\"p\"}");
        put(&f, LOW, "unnamed.conf", "{");
        put(&f, LOW, "60-...conf", "{");
        LOAD(confd, f);
        ck_assert_uint_eq(confd->n_registrations, 3);
        is_state(confd, "self-update", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "x", REGISTRATION_STATE_BAD_CONFIG);
        is_state(confd, "y", REGISTRATION_STATE_BAD_CONFIG);
        ck_assert_uint_eq(confd->problems.n_errors, 5);
        ck_assert_str_eq(problem(&f, confd, 0),
                         "low/50-self-update.conf:1:1: \"agent\" or \"connector\" with "
                         "an id is missing");
        ck_assert_str_eq(problem(&f, confd, 1),
                         "low/51-x.conf:1:2: agent: expected 1 to 64 letters, "
                         "digits, \".\", \"_\" or \"-\"");
        ck_assert_str_eq(problem(&f, confd, 2), "low/52-y.conf:1:2: connector: expected a string");
        ck_assert_str_eq(problem(&f, confd, 4),
                         "low/unnamed.conf:1:2: expected a key in double quotes");
}
END_TEST

/* ------------------------------------------------------------------------------------------ C10 */

static const char *action_for(const struct change *changes, size_t n, const char *id)
{
        size_t i;

        for (i = 0; i < n; i++) {
                const struct registration *reg =
                        changes[i].after ? changes[i].after : changes[i].before;

                if (strcmp(reg->id, id) == 0)
                        return change_action_to_string(changes[i].action);
        }
        return "nothing";
}

START_TEST(c10_the_difference_of_two_sets_is_found_per_agent)
{
        CLEANUP_FREE struct change *changes = NULL;
        size_t n = 0;
        FOLDERS(f);

        put(&f, LOW, "50-same.conf",
            "{\"agent\":\"same\",\"plugin\":\"p\",\"enabled\":true,\"settings\":{\"a\":1,\"b\":2}"
            "}");
        put(&f, LOW, "50-set.conf", "{\"agent\":\"set\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-frame.conf", "{\"agent\":\"frame\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-off.conf", "{\"agent\":\"off\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-bad.conf", "{\"agent\":\"bad\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-gone.conf", "{\"agent\":\"gone\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-on.conf", "{\"agent\":\"on\",\"plugin\":\"p\"}");
        put(&f, LOW, "50-idle.conf", "{\"agent\":\"idle\",\"plugin\":\"p\"}");
        LOAD(before, f);
        put(&f, HIGH, "60-same.conf", "{\"agent\":\"same\",\"settings\":{\"b\":2,\"a\":1.0}}");
        put(&f, HIGH, "60-set.conf", "{\"agent\":\"set\",\"settings\":{\"a\":1}}");
        put(&f, HIGH, "60-frame.conf",
            "{\"agent\":\"frame\",\"settings\":{\"a\":1},\"limits\":{\"openFiles\":10}}");
        put(&f, HIGH, "60-off.conf", "{\"agent\":\"off\",\"enabled\":false}");
        put(&f, HIGH, "60-bad.conf", "{\"agent\":\"bad\",\"enabeld\":true}");
        put(&f, HIGH, "50-gone.conf", "");
        put(&f, HIGH, "60-on.conf", "{\"agent\":\"on\",\"enabled\":true}");
        put(&f, HIGH, "60-idle.conf", "{\"agent\":\"idle\",\"plugin\":\"q\"}");
        put(&f, HIGH, "60-new.conf", "{\"agent\":\"new\",\"plugin\":\"p\",\"enabled\":true}");
        LOAD(after, f);

        ck_assert_int_eq(change_compute(before, after, &changes, &n), 0);
        ck_assert_uint_eq(n, 9);
        ck_assert_str_eq(action_for(changes, n, "same"), "leave");
        ck_assert_str_eq(action_for(changes, n, "set"), "reload");
        ck_assert_str_eq(action_for(changes, n, "frame"), "restart");
        ck_assert_str_eq(action_for(changes, n, "off"), "stop");
        ck_assert_str_eq(action_for(changes, n, "bad"), "stop");
        ck_assert_str_eq(action_for(changes, n, "gone"), "stop");
        ck_assert_str_eq(action_for(changes, n, "on"), "start");
        ck_assert_str_eq(action_for(changes, n, "idle"), "leave");
        ck_assert_str_eq(action_for(changes, n, "new"), "start");
        ck_assert_ptr_null(changes[2].after); /* gone */
        ck_assert_str_eq(changes[2].before->id, "gone");
}
END_TEST

START_TEST(c10_at_first_everything_enabled_starts)
{
        CLEANUP_FREE struct change *changes = NULL;
        size_t n = 0;
        FOLDERS(f);

        put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\",\"enabled\":true}");
        put(&f, LOW, "50-b.conf", "{\"agent\":\"b\",\"plugin\":\"p\"}");
        LOAD(after, f);
        ck_assert_int_eq(change_compute(NULL, after, &changes, &n), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_str_eq(action_for(changes, n, "a"), "start");
        ck_assert_str_eq(action_for(changes, n, "b"), "leave");
}
END_TEST

START_TEST(c10_each_member_that_frames_an_instance_restarts_it)
{
        static const char *const members[] = {
                "\"plugin\":\"q\"",
                "\"domain\":\"d\"",
                "\"isolation\":\"none\"",
                "\"services\":[\"spawn\"]",
                "\"services\":[\"mqtt\"],\"topics\":[\"a\"]",
                "\"user\":\"u\"",
                "\"seccomp\":true",
                "\"limits\":{\"memory\":1}",
                "\"limits\":{\"processes\":1}",
                "\"limits\":{\"cpuSeconds\":1}",
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(members); i++) {
                CLEANUP_FREE struct change *changes = NULL;
                char text[200];
                size_t n = 0;
                FOLDERS(f);

                put(&f, LOW, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"p\",\"enabled\":true}");
                LOAD(before, f);
                (void)snprintf(text, sizeof(text), "{\"agent\":\"a\",%s}", members[i]);
                put(&f, HIGH, "60-a.conf", text);
                LOAD(after, f);
                ck_assert_int_eq(change_compute(before, after, &changes, &n), 0);
                ck_assert_msg(changes[0].action == CHANGE_ACTION_RESTART, "%s", members[i]);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------ C12 */

START_TEST(c12_of_two_agents_for_one_domain_the_later_file_wins)
{
        FOLDERS(f);

        put(&f, LOW, "50-docker.conf",
            "{\"agent\":\"docker\",\"plugin\":\"p\",\"domain\":\"containers\",\"enabled\":true}");
        put(&f, LOW, "50-podman.conf",
            "{\"agent\":\"podman\",\"plugin\":\"p\",\"domain\":\"containers\",\"enabled\":true}");
        put(&f, LOW, "51-off.conf",
            "{\"agent\":\"off\",\"plugin\":\"p\",\"domain\":\"containers\"}");
        {
                LOAD(confd, f);

                is_state(confd, "podman", REGISTRATION_STATE_ENABLED);
                is_state(confd, "docker", REGISTRATION_STATE_SHADOWED);
                is_state(confd, "off", REGISTRATION_STATE_DISABLED);
                says(&f, confd,
                     "low/50-docker.conf:1:54: enabled: the domain \"containers\" is served by "
                     "\"podman\", which is enabled in a later file, 50-podman.conf");
                ck_assert_uint_eq(confd->problems.n_errors, 0);
        }
        /* The file that enables is the one that counts: the administrator decides. */
        put(&f, HIGH, "60-docker.conf", "{\"agent\":\"docker\",\"enabled\":true}");
        LOAD(confd, f);
        is_state(confd, "docker", REGISTRATION_STATE_ENABLED);
        is_state(confd, "podman", REGISTRATION_STATE_SHADOWED);
}
END_TEST

UNIT_MAIN("confd", c1_comments_are_blanked_where_they_stand, c1_nothing_else_is_allowed_beyond_json,
          c1_length_and_depth_are_limited, c1_only_files_with_the_suffix_count,
          c2_a_file_replaces_the_one_of_the_same_name_below,
          c2_an_empty_file_or_a_link_to_dev_null_masks, a_folder_that_does_not_exist_is_empty,
          c3_files_merge_in_the_order_of_their_names_whatever_their_folder,
          c4_a_name_that_does_not_tell_the_id_is_worth_a_warning,
          c5_keys_are_closed_but_for_those_with_x,
          c5_settings_are_checked_against_the_schema_of_the_plugin,
          c5_a_plugin_that_cannot_be_asked_stops_only_who_needs_it, every_member_is_read,
          every_member_has_its_default, each_wrong_value_has_its_sentence,
          members_that_mean_nothing_together_are_worth_a_warning,
          c6_the_key_selects_the_role_and_a_plugin_may_serve_many, c6_an_id_is_one_or_the_other,
          c7_files_that_others_may_write_are_ignored_with_the_reason,
          c7_files_of_strangers_are_ignored, c7_a_link_to_a_proper_file_counts,
          c8_a_bad_fragment_disables_its_agent_and_no_other,
          c8_a_fragment_that_tells_no_id_is_known_by_its_name,
          c10_the_difference_of_two_sets_is_found_per_agent, c10_at_first_everything_enabled_starts,
          c10_each_member_that_frames_an_instance_restarts_it,
          c12_of_two_agents_for_one_domain_the_later_file_wins)
