/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* asprintf */

#include "host/broker/setup.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/plugin/probe.h"
#include "host/plugin/schemas.h"
#include "host/plugin/trust.h"
#include "host/util/diag.h"
#include "host/util/time.h"

/* ------------------------------------------------------------------------------ what plugins say */

struct asking {
        const struct settings_run *run;
        struct schemas *schemas;
};

/* In a throw-away process, so that reading a configuration never runs foreign code in this one. */
static int get_schema(void *data, const char *plugin, char **ret, struct diag *diag)
{
        const struct asking *asking = data;
        const struct trust_rules rules = trust_rules_default();
        struct probe_config probe = {
                .agent_host = asking->run->agent_host,
                .timeout_usec = PROBE_TIMEOUT_USEC,
        };
        CLEANUP_FREE char *path = NULL;
        int r;

        r = trust_find(asking->run->plugin_dir, plugin, &rules, diag, &path);
        if (r < 0)
                return r;
        probe.plugin = path;
        return schemas_get(asking->schemas, &probe, diag, ret);
}

static int load_confd(struct settings *settings, struct schemas *schemas, struct confd **ret)
{
        CLEANUP(schemas_freep) struct schemas *own = NULL;
        struct asking asking = { .run = &settings->run, .schemas = schemas };
        const struct confd_options options = {
                .dirs = (const char *const *)settings->run.conf_dirs,
                .n_dirs = words_count(settings->run.conf_dirs),
                .owner = geteuid(),
                .schema = get_schema,
                .schema_data = &asking,
        };
        int r = schemas ? 0 : schemas_new(&own);

        if (r < 0)
                return r;
        if (own)
                asking.schemas = own;
        schemas_begin_round(asking.schemas);
        return confd_load(&options, ret);
}

/* -------------------------------------------------------------------------------- remote agents */

/* The text is ours, so the reader can have nothing to say about it. */
static void no_fault(void *data, bool error, const char *pointer, const char *text)
{
        (void)data;
        (void)error;
        (void)pointer;
        (void)text;
        assert(!error);
}

static int make_remote(const char *path, const struct domain *domain,
                       struct fragment **ret_fragment, struct registration **ret)
{
        struct problems problems = {
                .items = NULL
        }; /* that the file is not one of conf.d: no matter */
        CLEANUP(registration_freep) struct registration *registration = NULL;
        CLEANUP(fragment_freep) struct fragment *fragment = NULL;
        CLEANUP_FREE char *text = NULL;
        int r;

        /* Neither an id nor a prefix can have a character that JSON would escape. */
        if (asprintf(&text,
                     "{\"agent\":\"%s\",\"plugin\":\"" SETUP_REMOTE_PLUGIN "\",\"enabled\":true,"
                     "\"services\":[\"mqtt\"],\"topics\":[\"%s/#\"],"
                     "\"settings\":{\"readTimeout\":%" PRIu64 "}}",
                     domain->id, domain->prefix, domain->read_timeout_usec / USEC_PER_MSEC) < 0) {
                text = NULL; /* asprintf(3) leaves it undefined */
                return -ENOMEM;
        }
        r = fragment_new(path, text, strlen(text), &problems, &fragment);
        problems_done(&problems);
        if (r == 0)
                r = registration_new(domain->id, FRAGMENT_ROLE_AGENT, &registration);
        if (r == 0)
                r = registration_add(registration, fragment);
        if (r == 0)
                r = registration_read(registration, no_fault, NULL);
        if (r < 0)
                return r;
        registration->state = REGISTRATION_STATE_ENABLED;
        *ret_fragment = TAKE_PTR(fragment);
        *ret = TAKE_PTR(registration);
        return 0;
}

static int make_remotes(struct setup *setup)
{
        const struct domains *domains = setup->domains;
        const char *path = setup->settings->path ? setup->settings->path : "default";
        size_t i;
        int r = 0;

        setup->remotes = calloc(domains->n + 1, sizeof(*setup->remotes));
        setup->fragments = calloc(domains->n + 1, sizeof(struct fragment *));
        if (!setup->remotes || !setup->fragments)
                return -ENOMEM;
        for (i = 0; i < domains->n && r == 0; i++) {
                const struct domain *domain = &domains->items[i];

                if (!domain->registration && fragment_id_is_valid(domain->id))
                        r = make_remote(path, domain, &setup->fragments[i], &setup->remotes[i]);
        }
        return r;
}

const struct registration *setup_get_registration(const struct setup *setup,
                                                  const struct domain *domain)
{
        return domain->registration ? domain->registration
                                    : setup->remotes[domain - setup->domains->items];
}

/* ----------------------------------------------------------------------------------- the object */

int setup_complete(struct settings *take_settings, struct schemas *schemas, struct setup **ret)
{
        CLEANUP(setup_unrefp) struct setup *setup = calloc(1, sizeof(*setup));
        int r;

        if (!setup) {
                (void)settings_free(take_settings);
                return -ENOMEM;
        }
        setup->refs = 1;
        setup->settings = take_settings;
        r = load_confd(setup->settings, schemas, &setup->confd);
        if (r == 0)
                r = domains_new(setup->settings, setup->confd, &setup->domains);
        if (r == 0)
                r = make_remotes(setup);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(setup);
        return 0;
}

int setup_load(const struct settings_sources *sources, struct schemas *schemas, struct diag *diag,
               struct setup **ret)
{
        struct settings *settings = NULL;
        int r;

        r = settings_load(sources, diag, &settings);
        return r < 0 ? r : setup_complete(settings, schemas, ret);
}

struct setup *setup_ref(struct setup *setup)
{
        setup->refs++;
        return setup;
}

struct setup *setup_unref(struct setup *setup)
{
        size_t i;

        if (!setup || --setup->refs > 0)
                return NULL;
        for (i = 0; setup->domains && setup->remotes && i < setup->domains->n; i++)
                (void)registration_free(setup->remotes[i]);
        for (i = 0; setup->domains && setup->fragments && i < setup->domains->n; i++)
                (void)fragment_free(setup->fragments[i]);
        free(setup->remotes);
        free(setup->fragments);
        (void)domains_free(setup->domains);
        (void)confd_free(setup->confd);
        (void)settings_free(setup->settings);
        free(setup);
        return NULL;
}

struct check setup_get_check(const struct setup *setup)
{
        return (struct check){
                .settings = setup->settings,
                .confd = setup->confd,
                .domains = setup->domains,
        };
}

struct log_options setup_log_options(const struct settings_log *s)
{
        return (struct log_options){
                .level = s->level,
                .file = s->file,
                .file_bytes_max = s->file_megabytes * 1024 * 1024,
                .files_max = (unsigned)s->file_count,
                .age_max_days = (unsigned)s->max_age_days,
        };
}
