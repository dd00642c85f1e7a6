/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/registration.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/merge.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"

enum { PLUGIN_NAME_MAX = 32, USER_NAME_MAX = 32 };

/* A walk over one effective object. */
struct reader {
        struct registration *registration;
        registration_fault_fn fn;
        void *data;
        struct pointer at;
};

int registration_new(const char *id, enum fragment_role role, struct registration **ret)
{
        CLEANUP(registration_freep) struct registration *reg = calloc(1, sizeof(*reg));

        if (!reg)
                return -ENOMEM;
        reg->role = role;
        reg->state = REGISTRATION_STATE_DISABLED;
        reg->isolated = true;
        reg->id = strdup(id);
        reg->effective = json_new_object();
        if (!reg->id || !reg->effective)
                return -ENOMEM;
        *ret = TAKE_PTR(reg);
        return 0;
}

static void free_topics(char **topics)
{
        size_t i;

        for (i = 0; topics && topics[i]; i++)
                free(topics[i]);
        free(topics);
}

struct registration *registration_free(struct registration *registration)
{
        if (!registration)
                return NULL;
        free(registration->id);
        free(registration->message);
        free(registration->plugin);
        free(registration->domain);
        free_topics(registration->topics);
        free(registration->settings);
        free(registration->user);
        json_free(registration->effective);
        free(registration->fragments);
        free(registration);
        return NULL;
}

int registration_add(struct registration *registration, struct fragment *fragment)
{
        struct fragment **fragments;

        fragments = reallocarray(registration->fragments, registration->n_fragments + 1,
                                 sizeof(*fragments));
        if (!fragments)
                return -ENOMEM;
        registration->fragments = fragments;
        fragments[registration->n_fragments++] = fragment;
        return fragment->json ? merge_patch(&registration->effective, fragment->json) : 0;
}

/* -------------------------------------------------------------------------------- single values */

static int fault(struct reader *reader, const char *text)
{
        reader->fn(reader->data, true, pointer_text(&reader->at), text);
        return 0;
}

static int expected(struct reader *reader, const char *what)
{
        struct diag text;

        (void)diag_set(&text, 0, "expected %s", what);
        return fault(reader, text.text);
}

/* A word that is none of those that may stand here. */
static int unknown_word(struct reader *reader, const char *word, const char *const *words, size_t n)
{
        struct nearest near = NEAREST_INIT(word);
        struct diag text;
        size_t i;

        for (i = 0; i < n; i++)
                nearest_offer(&near, words[i]);
        if (near.best)
                (void)diag_set(&text, 0, "unknown word \"%s\"; did you mean \"%s\"?", word,
                               near.best);
        else
                (void)diag_set(&text, 0, "unknown word \"%s\"; expected \"%s\" or \"%s\"", word,
                               words[0], words[1]);
        return fault(reader, text.text);
}

/* Each word table has two words, which is what unknown_word() can list. */
static int find_word(const char *word, const char *const *words, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                if (strcmp(words[i], word) == 0)
                        return (int)i;
        }
        return -ENOENT;
}

static int read_text(struct reader *reader, const struct json *json, char **target)
{
        char *text;

        if (!json_get_string(json))
                return expected(reader, "a string");
        text = strdup(json_get_string(json));
        if (!text)
                return -ENOMEM;
        free(*target);
        *target = text;
        return 0;
}

static int read_bool(struct reader *reader, const struct json *json, bool *target)
{
        return json_get_bool(json, target) < 0 ? expected(reader, "true or false") : 0;
}

static bool is_made_of(const char *text, const char *letters, size_t max)
{
        size_t n = strlen(text);

        return n >= 1 && n <= max && strspn(text, letters) == n;
}

/* ------------------------------------------------------------------------------- one per member */

/* The id has been checked with its fragment. */
static int read_id(struct reader *reader, const struct json *json)
{
        (void)reader;
        (void)json;
        return 0;
}

static int read_domain(struct reader *reader, const struct json *json)
{
        const char *domain = json_get_string(json);

        if (reader->registration->role == FRAGMENT_ROLE_CONNECTOR)
                return fault(reader, "a connector serves no domain");
        if (domain && !fragment_id_is_valid(domain))
                return expected(reader, "1 to 64 letters, digits, \".\", \"_\" or \"-\"");
        return read_text(reader, json, &reader->registration->domain);
}

static int read_plugin(struct reader *reader, const struct json *json)
{
        const char *name = json_get_string(json);

        if (name && strchr(name, '/'))
                return fault(reader, "expected the name of a plugin, not a path");
        if (name && !is_made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-", PLUGIN_NAME_MAX))
                return expected(reader, "1 to 32 small letters, digits or \"-\"");
        return read_text(reader, json, &reader->registration->plugin);
}

static int read_enabled(struct reader *reader, const struct json *json)
{
        return read_bool(reader, json, &reader->registration->enabled);
}

static int read_seccomp(struct reader *reader, const struct json *json)
{
        return read_bool(reader, json, &reader->registration->seccomp);
}

static int read_isolation(struct reader *reader, const struct json *json)
{
        static const char *const words[] = { "process", "none" };
        const char *word = json_get_string(json);
        int i;

        if (!word)
                return expected(reader, "a string");
        i = find_word(word, words, ARRAY_SIZE(words));
        if (i < 0)
                return unknown_word(reader, word, words, ARRAY_SIZE(words));
        reader->registration->isolated = i == 0;
        return 0;
}

/* Calls fn for each element with the pointer at it. */
static int read_array(struct reader *reader, const struct json *json,
                      int (*fn)(struct reader *reader, const struct json *element))
{
        size_t mark = reader->at.length;
        const struct json *element;
        size_t i = 0;
        int r;

        JSON_FOREACH(element, json) {
                r = pointer_push_index(&reader->at, i++);
                if (r == 0)
                        r = fn(reader, element);
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

static int read_service(struct reader *reader, const struct json *element)
{
        static const char *const words[] = { "spawn", "mqtt" }; /* in the order of the bits */
        const char *word = json_get_string(element);
        int bit;

        if (!word)
                return expected(reader, "a string");
        bit = find_word(word, words, ARRAY_SIZE(words));
        if (bit < 0)
                return unknown_word(reader, word, words, ARRAY_SIZE(words));
        reader->registration->services |= 1U << bit;
        return 0;
}

static int read_services(struct reader *reader, const struct json *json)
{
        if (json_get_type(json) != JSON_TYPE_ARRAY)
                return expected(reader, "an array");
        return read_array(reader, json, read_service);
}

/* MQTT 3.1.1, 4.7: "#" is a whole last level, "+" a whole level. */
static bool is_filter(const char *filter)
{
        size_t n = strlen(filter);
        const char *p;

        if (n == 0 || n > REGISTRATION_TOPIC_BYTES_MAX)
                return false;
        for (p = filter; *p; p++) {
                if (*p != '#' && *p != '+')
                        continue;
                if (p > filter && p[-1] != '/')
                        return false;
                if (p[1] != '\0' && (*p == '#' || p[1] != '/'))
                        return false;
        }
        return true;
}

static int read_topic(struct reader *reader, const struct json *element)
{
        const char *filter = json_get_string(element);
        char **end = reader->registration->topics;

        if (!filter || !is_filter(filter))
                return expected(reader, "an MQTT topic filter");
        while (*end)
                end++;
        *end = strdup(filter);
        return *end ? 0 : -ENOMEM;
}

static int read_topics(struct reader *reader, const struct json *json)
{
        size_t n = json_count(json);

        if (json_get_type(json) != JSON_TYPE_ARRAY)
                return expected(reader, "an array");
        if (n > REGISTRATION_TOPICS_MAX)
                return fault(reader, "more than 64 filters");
        if (n == 0)
                return 0;
        reader->registration->topics = calloc(n + 1, sizeof(char *));
        if (!reader->registration->topics)
                return -ENOMEM;
        return read_array(reader, json, read_topic);
}

static int read_settings(struct reader *reader, const struct json *json)
{
        CLEANUP_FREE char *text = NULL;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return expected(reader, "an object");
        r = json_print(json, JSON_LAYOUT_COMPACT, &text);
        if (r < 0)
                return r;
        if (strlen(text) > REGISTRATION_SETTINGS_BYTES_MAX)
                return fault(reader, "longer than 1048576 bytes");
        free(reader->registration->settings);
        reader->registration->settings = TAKE_PTR(text);
        return 0;
}

static int read_user(struct reader *reader, const struct json *json)
{
        const char *name = json_get_string(json);

        if (name && (*name == '-' || !is_made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_-",
                                                 USER_NAME_MAX)))
                return expected(reader, "the name of a user");
        return read_text(reader, json, &reader->registration->user);
}

static int read_limit(struct reader *reader, const struct json *json, uint64_t *target)
{
        int64_t value;

        if (json_get_integer(json, &value) < 0 || value < 1)
                return expected(reader, "an integer of at least 1");
        *target = (uint64_t)value;
        return 0;
}

static int report_unknown(struct reader *reader, const char *key, struct nearest *near)
{
        struct diag text;
        size_t mark = reader->at.length;
        int r;

        (void)diag_set(&text, 0, "unknown key");
        if (near->best)
                (void)diag_set(&text, 0, "unknown key; did you mean \"%s\"?", near->best);
        r = pointer_push_key(&reader->at, key);
        if (r < 0)
                return r;
        (void)fault(reader, text.text);
        pointer_cut(&reader->at, mark);
        return 0;
}

static int read_limits(struct reader *reader, const struct json *json)
{
        struct registration_limits *limits = &reader->registration->limits;
        const struct {
                const char *key;
                uint64_t *target;
        } rows[] = {
                { "memory", &limits->memory_bytes },
                { "openFiles", &limits->open_files },
                { "processes", &limits->processes },
                { "cpuSeconds", &limits->cpu_sec },
        };
        size_t mark = reader->at.length;
        const struct json *member;
        size_t i;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return expected(reader, "an object");
        JSON_FOREACH(member, json) {
                struct nearest near = NEAREST_INIT(json_get_key(member));

                for (i = 0; i < ARRAY_SIZE(rows) && strcmp(rows[i].key, near.word) != 0; i++)
                        nearest_offer(&near, rows[i].key);
                if (i == ARRAY_SIZE(rows)) {
                        r = report_unknown(reader, near.word, &near);
                } else {
                        r = pointer_push_key(&reader->at, near.word);
                        if (r == 0)
                                r = read_limit(reader, member, rows[i].target);
                }
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

/* ----------------------------------------------------------------------------------- the object */

static const struct field {
        const char *key;
        int (*read)(struct reader *reader, const struct json *json);
        bool isolated; /* says something about a process of its own */
} fields[] = {
        { .key = "agent", .read = read_id },
        { .key = "connector", .read = read_id },
        { .key = "domain", .read = read_domain },
        { .key = "plugin", .read = read_plugin },
        { .key = "enabled", .read = read_enabled },
        { .key = "isolation", .read = read_isolation },
        { .key = "services", .read = read_services },
        { .key = "topics", .read = read_topics },
        { .key = "settings", .read = read_settings },
        { .key = "user", .read = read_user, .isolated = true },
        { .key = "limits", .read = read_limits, .isolated = true },
        { .key = "seccomp", .read = read_seccomp, .isolated = true },
};

/* Reads one member, if it is there. */
static int read_field(struct reader *reader, const struct field *field)
{
        const struct json *json = json_get_member(reader->registration->effective, field->key);
        int r;

        if (!json)
                return 0;
        r = pointer_push_key(&reader->at, field->key);
        if (r == 0)
                r = field->read(reader, json);
        if (r < 0)
                return r;
        pointer_cut(&reader->at, 0);
        return 0;
}

/* Members that are fine alone and mean nothing together. */
static int check_combinations(struct reader *reader)
{
        const struct registration *reg = reader->registration;
        size_t i;
        int r;

        for (i = 0; i < ARRAY_SIZE(fields) && !reg->isolated; i++) {
                if (!fields[i].isolated || !json_get_member(reg->effective, fields[i].key))
                        continue;
                r = pointer_push_key(&reader->at, fields[i].key);
                if (r < 0)
                        return r;
                reader->fn(reader->data, false, pointer_text(&reader->at),
                           "has no effect with \"isolation\": \"none\"");
                pointer_cut(&reader->at, 0);
        }
        if (reg->topics && !(reg->services & REGISTRATION_SERVICE_MQTT))
                reader->fn(reader->data, false, "/topics",
                           "has no effect without \"mqtt\" in \"services\"");
        return 0;
}

static int set_defaults(struct registration *registration)
{
        if (!registration->domain && registration->role == FRAGMENT_ROLE_AGENT) {
                registration->domain = strdup(registration->id);
                if (!registration->domain)
                        return -ENOMEM;
        }
        if (!registration->settings) {
                registration->settings = strdup("{}");
                if (!registration->settings)
                        return -ENOMEM;
        }
        return 0;
}

int registration_read(struct registration *registration, registration_fault_fn fn, void *data)
{
        struct reader reader = { .registration = registration, .fn = fn, .data = data };
        size_t i;
        int r = 0;

        assert(registration && fn);

        for (i = 0; i < ARRAY_SIZE(fields) && r == 0; i++)
                r = read_field(&reader, &fields[i]);
        if (r == 0 && !json_get_member(registration->effective, "plugin"))
                (void)fault(&reader, "\"plugin\" is missing");
        if (r == 0)
                r = check_combinations(&reader);
        pointer_done(&reader.at);
        return r < 0 ? r : set_defaults(registration);
}

int registration_check_keys(const struct json *fragment, registration_fault_fn fn, void *data)
{
        struct reader reader = { .fn = fn, .data = data };
        const struct json *member;
        int r = 0;

        JSON_FOREACH(member, fragment) {
                struct nearest near = NEAREST_INIT(json_get_key(member));
                size_t i;

                if (strncmp(near.word, "x-", 2) == 0)
                        continue;
                for (i = 0; i < ARRAY_SIZE(fields) && strcmp(fields[i].key, near.word) != 0; i++)
                        nearest_offer(&near, fields[i].key);
                if (i == ARRAY_SIZE(fields))
                        r = report_unknown(&reader, near.word, &near);
                if (r < 0)
                        break;
        }
        pointer_done(&reader.at);
        return r;
}

const char *registration_state_to_string(enum registration_state state)
{
        switch (state) {
        case REGISTRATION_STATE_ENABLED:
                return "enabled";
        case REGISTRATION_STATE_DISABLED:
                return "disabled";
        case REGISTRATION_STATE_BAD_CONFIG:
                return "bad-config";
        case REGISTRATION_STATE_SHADOWED:
                return "shadowed";
        }
        return "?";
}

const char *registration_role_to_string(enum fragment_role role)
{
        switch (role) {
        case FRAGMENT_ROLE_AGENT:
                return "agent";
        case FRAGMENT_ROLE_CONNECTOR:
                return "connector";
        }
        return "?";
}
