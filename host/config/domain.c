/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/domain.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/confd.h"
#include "host/config/registration.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"
#include "host/util/time.h"

#define KANTO_DOMAIN "containers" /* what Kanto drives when nobody names an agent */

const struct setting domain_settings[DOMAIN_SETTINGS] = {
        [DOMAIN_READ_TIMEOUT] = {
                .key = "readTimeout",
                .option = "read-timeout",
                .variable = "READ_TIMEOUT",
                .type = &setting_duration,
                .offset = offsetof(struct domain, read_timeout_usec),
                .max = 24 * 60 * USEC_PER_MINUTE,
                .standard = "1m",
                .help = "how long to wait for the current state of this domain",
        },
        [DOMAIN_REBOOT_REQUIRED] = {
                .key = "rebootRequired",
                .option = "reboot-required",
                .variable = "REBOOT_REQUIRED",
                .type = &setting_bool,
                .offset = offsetof(struct domain, reboot_required),
                .standard = "false",
                .help = "reboot after an update of this domain",
        },
};

int domain_init(struct domain *domain, const char *id)
{
        size_t i;
        int r;

        *domain = (struct domain){ .id = strdup(id) };
        if (!domain->id)
                return -ENOMEM;
        for (i = 0; i < DOMAIN_SETTINGS; i++) {
                r = settings_set(&domain_settings[i], SETTING_SOURCE_DEFAULT,
                                 domain_settings[i].standard, domain, &domain->origins[i], NULL);
                assert(r == 0); /* neither type allocates, and a row takes its own default */
        }
        return 0;
}

void domain_done(struct domain *domain)
{
        free(domain->id);
}

struct domains *domains_free(struct domains *domains)
{
        size_t i;

        if (!domains)
                return NULL;
        for (i = 0; i < domains->n; i++)
                domain_done(&domains->items[i]);
        free(domains->items);
        problems_done(&domains->problems);
        free(domains);
        return NULL;
}

static struct domain *find(const struct domains *domains, const char *id)
{
        size_t i;

        for (i = 0; i < domains->n; i++) {
                if (strcmp(domains->items[i].id, id) == 0)
                        return &domains->items[i];
        }
        return NULL;
}

const struct domain *domains_find(const struct domains *domains, const char *id)
{
        return find(domains, id);
}

/* ------------------------------------------------------------------------------ which there are */

/* An empty place at the end. */
static int add(struct domains *domains, const char *id, struct domain **ret)
{
        struct domain *items;
        int r;

        items = reallocarray(domains->items, domains->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        domains->items = items;
        r = domain_init(&items[domains->n], id);
        if (r < 0)
                return r;
        *ret = &items[domains->n++];
        return 0;
}

/* The entry of the file, or one with defaults. */
static int add_from_settings(struct domains *domains, const struct settings *settings,
                             const char *id)
{
        const struct settings_agents *agents = &settings->agents;
        struct domain *domain;
        size_t i;
        int r;

        if (find(domains, id))
                return 0;
        r = add(domains, id, &domain);
        if (r < 0)
                return r;
        for (i = 0; i < agents->n; i++) {
                if (strcmp(agents->items[i].id, id) != 0)
                        continue;
                domain->read_timeout_usec = agents->items[i].read_timeout_usec;
                domain->reboot_required = agents->items[i].reboot_required;
                memcpy(domain->origins, agents->items[i].origins, sizeof(domain->origins));
        }
        return 0;
}

/* Of a faulty registration only what the fragments say can be asked.  One that says nothing at all,
 * since none of it can be read, is taken for one that was to run. */
static bool is_to_run(const struct registration *registration)
{
        bool enabled = !json_get_first(registration->effective);

        (void)json_get_bool(json_get_member(registration->effective, "enabled"), &enabled);
        return enabled;
}

static const char *get_faulty_domain(const struct registration *registration)
{
        const char *domain = json_get_string(json_get_member(registration->effective, "domain"));

        return domain && fragment_id_is_valid(domain) ? domain : registration->id;
}

/* The domain that a registration keeps; NULL: none. */
static const char *get_claim(const struct registration *registration)
{
        if (registration->role != FRAGMENT_ROLE_AGENT)
                return NULL;
        switch (registration->state) {
        case REGISTRATION_STATE_ENABLED:
                return registration->domain;
        case REGISTRATION_STATE_BAD_CONFIG:
                return is_to_run(registration) ? get_faulty_domain(registration) : NULL;
        case REGISTRATION_STATE_DISABLED:
        case REGISTRATION_STATE_SHADOWED:
                return NULL;
        }
        return NULL;
}

static int add_registered(struct domains *domains, const struct settings *settings,
                          const struct registration *registration)
{
        const char *id = get_claim(registration);
        struct domain *domain;
        int r;

        if (!id)
                return 0;
        r = add_from_settings(domains, settings, id);
        if (r < 0)
                return r;
        domain = find(domains, id);
        /* Of a faulty registration and a sound one for the same domain the sound one runs. */
        if (!domain->registration || registration->state == REGISTRATION_STATE_ENABLED)
                domain->registration = registration;
        return 0;
}

static int add_named(struct domains *domains, const struct settings *settings)
{
        const struct settings_agents *agents = &settings->agents;
        size_t i;
        int r = 0;

        for (i = 0; settings->domains && settings->domains[i] && r == 0; i++)
                r = add_from_settings(domains, settings, settings->domains[i]);
        for (i = 0; !settings->domains && i < agents->n && r == 0; i++)
                r = add_from_settings(domains, settings, agents->items[i].id);
        return r;
}

static int collect(struct domains *domains, const struct settings *settings,
                   const struct confd *confd)
{
        size_t i;
        int r;

        r = add_named(domains, settings);
        for (i = 0; i < confd->n_registrations && r == 0; i++)
                r = add_registered(domains, settings, confd->registrations[i]);
        if (r == 0 && domains->n == 0 && !settings->agents.given && !settings->domains)
                r = add_from_settings(domains, settings, KANTO_DOMAIN);
        return r;
}

/* ------------------------------------------------------------------ their variables and options */

static int complain(struct domains *domains, const char *where, bool error, const char *text)
{
        struct problem problem = { .error = error, .file = (char *)where, .text = (char *)text };

        return problems_add(&domains->problems, &problem, NULL);
}

void domain_variable(const char *id, const struct setting *row, struct diag *ret)
{
        char *p;

        (void)diag_set(ret, 0, "%s_%s", id, row->variable);
        for (p = ret->text; *p; p++)
                *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

static int apply_variable(struct domains *domains, const struct settings *settings,
                          struct domain *domain, size_t i)
{
        const struct setting *row = &domain_settings[i];
        struct diag text = DIAG_INIT;
        struct diag where;
        struct diag name;
        const char *value;
        int r;

        domain_variable(domain->id, row, &name);
        value = settings_getenv(settings, name.text);
        if (!value)
                return 0;
        r = settings_set(row, SETTING_SOURCE_ENVIRONMENT, value, domain, &domain->origins[i],
                         &text);
        if (r != -EINVAL)
                return r;
        (void)diag_set(&where, 0, "variable %s", name.text);
        return complain(domains, where.text, settings->run.check_config, text.text);
}

static int apply_variables(struct domains *domains, const struct settings *settings)
{
        size_t i;
        size_t j;
        int r = 0;

        for (i = 0; i < domains->n; i++) {
                for (j = 0; j < DOMAIN_SETTINGS && r == 0; j++)
                        r = apply_variable(domains, settings, &domains->items[i], j);
        }
        return r;
}

static int complain_of_stranger(struct domains *domains, const char *where, const char *id)
{
        struct nearest near = NEAREST_INIT(id);
        struct diag text;
        size_t i;

        for (i = 0; i < domains->n; i++)
                nearest_offer(&near, domains->items[i].id);
        if (near.best)
                (void)diag_set(&text, 0, "there is no domain \"%.64s\"; did you mean \"%s\"?", id,
                               near.best);
        else
                (void)diag_set(&text, 0, "there is no domain \"%.64s\"", id);
        return complain(domains, where, true, text.text);
}

static int apply_option(struct domains *domains, const struct argument *argument)
{
        struct domain *domain = find(domains, argument->domain);
        size_t i = (size_t)(argument->setting - domain_settings);
        struct diag text = DIAG_INIT;
        struct diag where;
        int r;

        (void)diag_set(&where, 0, "option -%s", argument->name);
        if (!domain)
                return complain_of_stranger(domains, where.text, argument->domain);
        r = settings_set(argument->setting, SETTING_SOURCE_OPTION, argument->value, domain,
                         &domain->origins[i], &text);
        return r == -EINVAL ? complain(domains, where.text, true, text.text) : r;
}

static int apply_options(struct domains *domains, const struct settings *settings)
{
        size_t i;
        int r = 0;

        for (i = 0; i < settings->arguments.n && r == 0; i++) {
                if (settings->arguments.items[i].domain)
                        r = apply_option(domains, &settings->arguments.items[i]);
        }
        return r;
}

/* --------------------------------------------------------------------------------------- topics */

/* Adds an error that is about a domain, at the place where config.json or conf.d has it. */
static int complain_of(struct domains *domains, const struct settings *settings,
                       const struct domain *domain, const char *text)
{
        struct problem problem = { .error = true, .text = (char *)text };
        struct confd_origin origin;
        struct diag pointer;
        struct diag where;

        (void)diag_set(&where, 0, "domain %.64s", domain->id);
        (void)diag_set(&pointer, 0, "/agents/%.64s", domain->id);
        problem.file = where.text;
        if (settings_locate(settings, pointer.text, &problem.at)) {
                problem.file = settings->path;
                return problems_add(&domains->problems, &problem, pointer.text);
        }
        if (domain->registration &&
            (confd_get_origin(domain->registration, "/domain", &origin) == 0 ||
             confd_get_origin(domain->registration, "/agent", &origin) == 0)) {
                problem.id = domain->registration->id;
                problem.file = origin.fragment->path;
                problem.at = origin.at;
        }
        return problems_add(&domains->problems, &problem, NULL);
}

static int check_prefix(struct domains *domains, const struct settings *settings, size_t i,
                        const char *own)
{
        const struct domain *domain = &domains->items[i];
        struct diag text;
        size_t j;

        if (!fragment_id_is_valid(domain->id))
                return complain_of(
                        domains, settings, domain,
                        "a domain is made of 1 to 64 letters, digits, \".\", \"_\" or \"-\"");
        if (strcmp(domain->prefix, own) == 0) {
                (void)diag_set(&text, 0,
                               "domain \"%s\" has the topics of the device's own domain \"%s\", "
                               "%s/...",
                               domain->id, settings->domain, own);
                return complain_of(domains, settings, domain, text.text);
        }
        for (j = 0; j < i; j++) {
                if (strcmp(domains->items[j].prefix, domain->prefix) != 0)
                        continue;
                (void)diag_set(&text, 0, "domain \"%s\" has the topics of domain \"%s\", %s/...",
                               domain->id, domains->items[j].id, domain->prefix);
                return complain_of(domains, settings, domain, text.text);
        }
        return 0;
}

static int settle_prefixes(struct domains *domains, const struct settings *settings)
{
        char own[PREFIX_SIZE] = "";
        size_t i;
        int r = 0;

        (void)prefix_make(settings->domain, own); /* settings_load() has looked at it */
        for (i = 0; i < domains->n && r == 0; i++) {
                (void)prefix_make(domains->items[i].id, domains->items[i].prefix);
                r = check_prefix(domains, settings, i, own); /* says so when there is none */
        }
        return r;
}

int domains_new(const struct settings *settings, const struct confd *confd, struct domains **ret)
{
        CLEANUP(domains_freep) struct domains *domains = calloc(1, sizeof(*domains));
        int r;

        assert(settings && confd && ret);

        if (!domains)
                return -ENOMEM;
        r = collect(domains, settings, confd);
        if (r == 0)
                r = apply_variables(domains, settings);
        if (r == 0)
                r = apply_options(domains, settings);
        if (r == 0)
                r = settle_prefixes(domains, settings);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(domains);
        return 0;
}
