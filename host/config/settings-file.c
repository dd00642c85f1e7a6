/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/settings-file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/config/domain.h"
#include "host/config/fragment.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"

enum { FACT_NAME_MAX = 64, TOPIC_MAX = 1024 };

/* A walk over the file. */
struct reader {
        struct settings *settings;
        struct pointer at;
};

/* A table of which a walk looks up keys: those below `section`, without its name. */
struct table {
        const struct setting *rows;
        size_t n;
        const char *section; /* "" at the top */
};

/* ------------------------------------------------------------------------------------- problems */

static int report(struct reader *reader, bool error, const char *text)
{
        struct settings *settings = reader->settings;
        struct problem problem = { .error = error, .file = settings->path, .text = (char *)text };
        const char *pointer = pointer_text(&reader->at);

        (void)settings_locate(settings, pointer,
                              &problem.at); /* what is not there stands nowhere */
        return problems_add(&settings->problems, &problem, pointer);
}

/* A fault that starting survives. */
static int report_mild(struct reader *reader, const char *text)
{
        return report(reader, reader->settings->run.check_config, text);
}

static int report_type(struct reader *reader, const struct json *json, const char *expected)
{
        struct diag text;

        (void)diag_set(&text, 0, "expected %s, not %s", expected,
                       json_type_to_string(json_get_type(json)));
        return report(reader, true, text.text);
}

/* -------------------------------------------------------------------------------- finding a key */

/* What is left of a row's key below a section; NULL: the row is not there. */
static const char *get_rest(const struct setting *row, const char *section)
{
        size_t n = strlen(section);

        if (!row->key)
                return NULL;
        if (n == 0)
                return row->key;
        return strncmp(row->key, section, n) == 0 && row->key[n] == '.' ? row->key + n + 1 : NULL;
}

/* The row, or one row of the section, that this key names. */
static const struct setting *find_row(const struct table *table, const char *key, bool exact,
                                      bool *ret_section)
{
        int (*compare)(const char *a, const char *b, size_t n) = exact ? strncmp : strncasecmp;
        size_t n = strlen(key);
        size_t i;

        for (i = 0; i < table->n && n > 0 && !strchr(key, '.'); i++) {
                const char *rest = get_rest(&table->rows[i], table->section);

                if (rest && compare(rest, key, n) == 0 && (rest[n] == '\0' || rest[n] == '.')) {
                        *ret_section = rest[n] == '.';
                        return &table->rows[i];
                }
        }
        return NULL;
}

static int report_unknown(struct reader *reader, const struct table *table, const char *key)
{
        struct nearest near = NEAREST_INIT(key);
        struct diag text;
        size_t i;

        (void)diag_set(&text, 0, "unknown key");
        for (i = 0; i < table->n; i++) {
                const char *rest = get_rest(&table->rows[i], table->section);
                const char *dot = table->rows[i].key ? strrchr(table->rows[i].key, '.') : NULL;

                if (rest && !strchr(rest, '.'))
                        nearest_offer(&near, rest);
                if (dot && strcasecmp(dot + 1, key) == 0)
                        (void)diag_set(&text, 0, "unknown key; \"%s\" belongs into \"%.*s\"",
                                       dot + 1, (int)(dot - table->rows[i].key),
                                       table->rows[i].key);
        }
        if (near.best)
                (void)diag_set(&text, 0, "unknown key; did you mean \"%s\"?", near.best);
        return report_mild(reader, text.text);
}

static int report_spelling(struct reader *reader, const char *rest)
{
        struct diag text;

        (void)diag_set(&text, 0, "this key is written \"%.*s\"", (int)strcspn(rest, "."), rest);
        return report(reader, false, text.text);
}

/* -------------------------------------------------------------------------------- single values */

static int report_value(struct reader *reader, const struct setting *row, int r, struct diag *text)
{
        struct diag kept;

        if (r == -EBADMSG)
                return report(reader, true, text->text);
        if (reader->settings->run.check_config || !row->standard)
                return report_mild(reader, text->text);
        (void)diag_set(&kept, 0, "%s; taken as \"%s\"", text->text, row->standard);
        return report_mild(reader, kept.text);
}

static int read_value(struct reader *reader, const struct setting *row, const struct json *json,
                      void *base, struct setting_origin *origin)
{
        struct setting_origin here = { .source = SETTING_SOURCE_FILE };
        struct diag text = DIAG_INIT;
        int r;

        if (origin->source == SETTING_SOURCE_FILE)
                return report(reader, true, "given twice, in other letters");
        r = row->type->from_json(row, json, (char *)base + row->offset, &text);
        if (r == -EINVAL || r == -EBADMSG)
                return report_value(reader, row, r, &text);
        if (r < 0)
                return r;
        (void)settings_locate(reader->settings, pointer_text(&reader->at), &here.at);
        *origin = here;
        return 0;
}

/* --------------------------------------------------------------------------------------- agents */

static const struct table agent_table = {
        .rows = domain_settings,
        .n = DOMAIN_SETTINGS,
        .section = "",
};

static int read_agent_member(struct reader *reader, const struct json *json, struct domain *agent)
{
        const char *key = json_get_key(json);
        const struct setting *row;
        bool section;
        int r;

        if (strcasecmp(key, "name") == 0)
                return 0; /* stands in the field's files, and nobody has ever read it */
        row = find_row(&agent_table, key, true, &section);
        if (!row) {
                row = find_row(&agent_table, key, false, &section);
                if (!row)
                        return report_unknown(reader, &agent_table, key);
                r = report_spelling(reader, row->key);
                if (r < 0)
                        return r;
        }
        if (json_get_type(json) == JSON_TYPE_NULL)
                return 0;
        return read_value(reader, row, json, agent, &agent->origins[row - domain_settings]);
}

static int read_agent(struct reader *reader, const struct json *json, struct domain *agent)
{
        size_t mark = reader->at.length;
        const struct json *member;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT && json_get_type(json) != JSON_TYPE_NULL)
                return report_type(reader, json, "an object");
        JSON_FOREACH(member, json)
        {
                r = pointer_push_key(&reader->at, json_get_key(member));
                if (r == 0)
                        r = read_agent_member(reader, member, agent);
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

static int read_agents(struct reader *reader, const struct json *json)
{
        struct settings_agents *agents = &reader->settings->agents;
        size_t mark = reader->at.length;
        size_t n = json_count(json);
        const struct json *member;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return report_type(reader, json, "an object");
        if (n > SETTINGS_AGENTS_MAX)
                return report(reader, true, "more than 1024 agents");
        agents->given = true;
        agents->items = calloc(n ? n : 1, sizeof(*agents->items));
        if (!agents->items)
                return -ENOMEM;
        JSON_FOREACH(member, json)
        {
                const char *id = json_get_key(member);

                r = pointer_push_key(&reader->at, id);
                if (r == 0 && !fragment_id_is_valid(id)) {
                        r = report(reader, true,
                                   "a domain is made of 1 to 64 letters, digits, \".\", "
                                   "\"_\" or \"-\"");
                } else if (r == 0) {
                        r = domain_init(&agents->items[agents->n], id);
                        if (r == 0)
                                r = read_agent(reader, member, &agents->items[agents->n++]);
                }
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

static struct json *agents_to_json(const void *target)
{
        CLEANUP_JSON struct json *object = json_new_object();
        const struct settings_agents *agents = target;
        size_t i;
        size_t j;

        if (!agents->given)
                return json_new_null();
        for (i = 0; object && i < agents->n; i++) {
                struct json *agent = json_new_object();

                if (json_set(object, agents->items[i].id, agent) < 0)
                        return NULL;
                for (j = 0; j < DOMAIN_SETTINGS; j++) {
                        const struct setting *row = &domain_settings[j];
                        const char *base = (const char *)&agents->items[i];

                        if (json_set(agent, row->key, row->type->to_json(base + row->offset)) < 0)
                                return NULL;
                }
        }
        return TAKE_PTR(object);
}

static void clear_agents(void *target)
{
        struct settings_agents *agents = target;
        size_t i;

        for (i = 0; i < agents->n; i++)
                domain_done(&agents->items[i]);
        free(agents->items);
        *agents = (struct settings_agents){ .items = NULL };
}

const struct setting_type settings_type_agents = {
        .to_json = agents_to_json,
        .clear = clear_agents,
};

/* ---------------------------------------------------------------------------------------- facts */

/* As precondition.h has names. */
static bool is_fact_name(const char *name)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789._-/";
        size_t n = strlen(name);

        return n >= 1 && n <= FACT_NAME_MAX && strchr(letters, name[0]) &&
               strspn(name, others) == n;
}

/* Checks a member of a fact and takes it when all is well. */
static int read_fact_member(struct reader *reader, const struct json *json,
                            struct settings_fact *fact)
{
        const char *key = json_get_key(json);
        const char *text = json_get_string(json);
        bool topic = strcasecmp(key, "topic") == 0;
        char **target = topic ? &fact->topic : &fact->pointer;
        char *copy;

        if (!topic && strcasecmp(key, "pointer") != 0)
                return report_mild(reader, "unknown key; a fact has \"topic\" and \"pointer\"");
        if (!text)
                return report_type(reader, json, "a string");
        if (topic && (!*text || strpbrk(text, "+#") || strlen(text) > TOPIC_MAX))
                return report(reader, true, "expected an MQTT topic without \"+\" and \"#\"");
        if (!topic && !pointer_is_valid(text))
                return report(reader, true, "expected a JSON pointer, such as \"/mode\"");
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*target);
        *target = copy;
        return 0;
}

static int read_fact(struct reader *reader, const struct json *json, struct settings_fact *fact)
{
        size_t mark = reader->at.length;
        const struct json *member;
        int r;

        fact->name = strdup(json_get_key(json));
        fact->topic = strdup("");
        fact->pointer = strdup("");
        if (!fact->name || !fact->topic || !fact->pointer)
                return -ENOMEM;
        if (!is_fact_name(fact->name))
                return report(reader, true,
                              "a fact's name is a letter and up to 63 letters, digits, "
                              "\".\", \"_\", \"-\" or \"/\"");
        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return report_type(reader, json, "an object");
        if (!json_get_member(json, "topic"))
                return report(reader, true, "\"topic\" is missing");
        JSON_FOREACH(member, json)
        {
                r = pointer_push_key(&reader->at, json_get_key(member));
                if (r == 0)
                        r = read_fact_member(reader, member, fact);
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

static int read_facts(struct reader *reader, const struct json *json)
{
        struct settings_facts *facts = &reader->settings->facts;
        size_t mark = reader->at.length;
        size_t n = json_count(json);
        const struct json *member;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return report_type(reader, json, "an object");
        if (n > SETTINGS_FACTS_MAX)
                return report(reader, true, "more than 64 facts");
        facts->items = calloc(n ? n : 1, sizeof(*facts->items));
        if (!facts->items)
                return -ENOMEM;
        JSON_FOREACH(member, json)
        {
                r = pointer_push_key(&reader->at, json_get_key(member));
                if (r == 0)
                        r = read_fact(reader, member, &facts->items[facts->n++]);
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

static struct json *facts_to_json(const void *target)
{
        CLEANUP_JSON struct json *object = json_new_object();
        const struct settings_facts *facts = target;
        size_t i;

        for (i = 0; object && i < facts->n; i++) {
                const struct settings_fact *fact = &facts->items[i];
                struct json *member = json_new_object();

                if (json_set(object, fact->name, member) < 0 ||
                    json_set(member, "topic", json_new_string(fact->topic)) < 0 ||
                    json_set(member, "pointer", json_new_string(fact->pointer)) < 0)
                        return NULL;
        }
        return TAKE_PTR(object);
}

static void clear_facts(void *target)
{
        struct settings_facts *facts = target;
        size_t i;

        for (i = 0; i < facts->n; i++) {
                free(facts->items[i].name);
                free(facts->items[i].topic);
                free(facts->items[i].pointer);
        }
        free(facts->items);
        *facts = (struct settings_facts){ .items = NULL };
}

const struct setting_type settings_type_facts = {
        .to_json = facts_to_json,
        .clear = clear_facts,
};

/* ------------------------------------------------------------------------------------- the file */

static int read_row(struct reader *reader, const struct setting *row, const struct json *json)
{
        struct settings *settings = reader->settings;
        size_t n;
        struct setting_origin *origin = &settings->origins[row - settings_rows(&n)];
        struct setting_origin here = { .source = SETTING_SOURCE_FILE };

        if (json_get_type(json) == JSON_TYPE_NULL)
                return 0; /* as though it were not there */
        if (row->type->from_json)
                return read_value(reader, row, json, settings, origin);
        if (origin->source == SETTING_SOURCE_FILE)
                return report(reader, true, "given twice, in other letters");
        (void)settings_locate(settings, pointer_text(&reader->at), &here.at);
        *origin = here;
        return row->type == &settings_type_agents ? read_agents(reader, json) :
                                                    read_facts(reader, json);
}

static int read_object(struct reader *reader, const struct table *table, const struct json *object);

static int read_section(struct reader *reader, const struct table *above, const char *name,
                        const struct json *json)
{
        struct table table = { .rows = above->rows, .n = above->n, .section = name };

        if (json_get_type(json) == JSON_TYPE_NULL) {
                if (strcmp(name, "connection") == 0)
                        reader->settings->connection.none = true;
                return 0;
        }
        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return report_type(reader, json, "an object");
        return read_object(reader, &table, json);
}

static int read_member(struct reader *reader, const struct table *table, const struct json *json)
{
        const char *key = json_get_key(json);
        const struct setting *row;
        bool section = false;
        char name[32] = "";
        int r;

        row = find_row(table, key, true, &section);
        if (!row) {
                row = find_row(table, key, false, &section);
                if (!row)
                        return report_unknown(reader, table, key);
                r = report_spelling(reader, get_rest(row, table->section));
                if (r < 0)
                        return r;
        }
        if (!section)
                return read_row(reader, row, json);
        memcpy(name, row->key,
               strcspn(row->key, ".")); /* sections have one level, and short names */
        return read_section(reader, table, name, json);
}

static int read_object(struct reader *reader, const struct table *table, const struct json *object)
{
        size_t mark = reader->at.length;
        const struct json *member;
        int r;

        JSON_FOREACH(member, object)
        {
                r = pointer_push_key(&reader->at, json_get_key(member));
                if (r == 0)
                        r = read_member(reader, table, member);
                if (r < 0)
                        return r;
                pointer_cut(&reader->at, mark);
        }
        return 0;
}

/* A fault of the file as a whole.  Nothing is looked up in its text from then on. */
static int refuse(struct settings *settings, size_t offset, const char *text)
{
        struct problem problem = {
                .error = true,
                .file = settings->path,
                .at = scan_position(settings->text, settings->text_length, offset),
                .text = (char *)text,
        };
        int r;

        r = problems_add(&settings->problems, &problem, NULL);
        free(settings->text);
        settings->text = NULL;
        return r;
}

static int parse(struct settings *settings, struct json **ret)
{
        static const struct scan_rules rules = {
                .max_bytes = SETTINGS_BYTES_MAX,
                .max_depth = SETTINGS_DEPTH_MAX,
                .object = true,
                .exact_integers = true,
        };
        struct diag diag = DIAG_INIT;
        size_t offset = 0;
        int r;

        r = fragment_blank_comments(settings->text, settings->text_length, &offset);
        if (r < 0)
                return refuse(settings, offset, "this comment does not end");
        r = json_parse(settings->text, settings->text_length, &rules, &offset, &diag, ret);
        if (r == -ENOMEM)
                return r;
        return r < 0 ? refuse(settings, offset, diag.text) : 0;
}

int settings_file_read(struct settings *settings, const char *path, const char *text, size_t length)
{
        struct reader reader = { .settings = settings, .at = POINTER_INIT };
        CLEANUP_JSON struct json *json = NULL;
        struct table table = { .section = "" };
        int r;

        settings->path = strdup(path);
        settings->text = malloc(length + 1);
        if (!settings->path || !settings->text)
                return -ENOMEM;
        memcpy(settings->text, text, length);
        settings->text[length] = '\0';
        settings->text_length = length;

        r = parse(settings, &json);
        if (r < 0 || !json)
                return r;
        table.rows = settings_rows(&table.n);
        r = read_object(&reader, &table, json);
        pointer_done(&reader.at);
        return r;
}
