/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-config - config.json with a command line and an environment
 *
 * Input: the text of the file, and behind a NUL words that end in one each: what begins with "-" or
 * follows such a word is an argument, everything else is a variable.  Reports can be written of
 * whatever loads, and what loads without an error reads back from its own report as the same. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host/config/check.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

enum { WORDS_MAX = 16 };

static const struct scan_rules rules = { .max_bytes = 8 * 1024 * 1024, .max_depth = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void free_text(char **text)
{
        free(*text);
}

/* Both reports; the one for machines is returned, to be freed. */
static char *report(const struct check *check)
{
        CLEANUP(free_text) char *text = NULL;
        char *json = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        CHECK(f && check_print(check, f) == 0);
        (void)fclose(f);
        f = open_memstream(&json, &size);
        CHECK(f && check_print_json(check, f) == 0);
        (void)fclose(f);
        return json;
}

/* What the report hides cannot be read back. */
static bool is_hidden(const struct setting *row)
{
        return row->secret || row->offset == offsetof(struct settings, connection.broker);
}

static void read_back(const struct settings *settings, const char *text)
{
        const char *argv[] = { "update-brokerd" };
        const struct settings_sources sources = { .argc = 1, .argv = (char *const *)argv };
        CLEANUP(settings_freep) struct settings *again = NULL;
        const struct setting *changed[SETTINGS_ROWS_MAX];
        CLEANUP_JSON struct json *json = NULL;
        CLEANUP_FREE char *effective = NULL;
        enum setting_effect effect;
        int n;

        CHECK(json_parse(text, strlen(text), &rules, NULL, NULL, &json) == 0);
        CHECK(json_print(json_locate(json, "/configuration/effective"), JSON_LAYOUT_PRETTY,
                         &effective) == 0);
        CHECK(settings_load_text(&sources, "again", effective, strlen(effective), NULL, &again) ==
              0);
        CHECK(again->problems.n_errors == 0);
        n = settings_compare(settings, again, changed, &effect);
        while (n-- > 0)
                CHECK(!changed[n]->key || is_hidden(changed[n]));
}

static void check_domains(const struct domains *domains)
{
        size_t i;

        for (i = 0; i < domains->n; i++) {
                CHECK(!*domains->items[i].prefix ||
                      strlen(domains->items[i].prefix) >= strlen("update"));
                CHECK(domains_find(domains, domains->items[i].id) == &domains->items[i]);
        }
}

static void try_settings(const struct settings *settings)
{
        CLEANUP(domains_freep) struct domains *domains = NULL;
        CLEANUP(confd_freep) struct confd *confd = NULL;
        const struct confd_options none = { .n_dirs = 0 };
        CLEANUP_FREE char *text = NULL;
        struct check check = { .settings = settings };
        size_t i;

        for (i = 0; i < settings->problems.n; i++)
                CHECK(*settings->problems.items[i].file && *settings->problems.items[i].text);
        CHECK(confd_load(&none, &confd) == 0);
        CHECK(domains_new(settings, confd, &domains) == 0);
        check_domains(domains);
        check.confd = confd;
        check.domains = domains;
        text = report(&check);
        if (settings->problems.n_errors == 0)
                read_back(settings, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(settings_freep) struct settings *settings = NULL;
        CLEANUP_FREE char *text = malloc(size + 1);
        const char *argv[WORDS_MAX + 2] = { "update-brokerd" };
        const char *environment[WORDS_MAX + 1] = { NULL };
        struct settings_sources sources = {
                .argc = 1,
                .argv = (char *const *)argv,
                .environment = environment,
        };
        struct diag diag = DIAG_INIT;
        size_t n_environment = 0;
        bool is_value = false;
        size_t length;
        size_t at;
        int r;

        CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';
        length = strlen(text);
        for (at = length + 1; at < size && sources.argc + n_environment <= WORDS_MAX;
             at += strlen(text + at) + 1) {
                if (text[at] == '-' || is_value)
                        argv[sources.argc++] = text + at;
                else
                        environment[n_environment++] = text + at;
                is_value = text[at] == '-' && !is_value && !strchr(text + at, '=');
        }
        r = settings_load_text(&sources, "fuzz", text, length, &diag, &settings);
        CHECK(r == 0 || (r == -EINVAL && *diag.text));
        if (r == 0)
                try_settings(settings);
        return 0;
}
