/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/model/desired_state.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "host/model/place.h"
#include "host/model/precondition.h"
#include "host/util/diag.h"

/* ---------------------------------------------------------------------------------- destruction */

static void free_config(struct desired_setting *config, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                free(config[i].key);
                free(config[i].value);
        }
        free(config);
}

static void free_domain(struct desired_domain *domain)
{
        size_t i;

        for (i = 0; i < domain->n_components; i++) {
                struct desired_component *c = &domain->components[i];

                free(c->id);
                free(c->version);
                free_config(c->config, c->n_config);
                (void)json_free(c->others);
        }
        free(domain->components);
        free(domain->id);
        free_config(domain->config, domain->n_config);
        (void)json_free(domain->others);
}

static void free_baseline(struct desired_baseline *baseline)
{
        size_t i;

        for (i = 0; i < baseline->n_components; i++)
                free(baseline->components[i]);
        free(baseline->components);
        free(baseline->title);
        free(baseline->description);
        free(baseline->preconditions);
}

struct desired_state *desired_state_free(struct desired_state *d)
{
        size_t i;

        if (!d)
                return NULL;
        for (i = 0; i < d->n_baselines; i++)
                free_baseline(&d->baselines[i]);
        for (i = 0; i < d->n_domains; i++)
                free_domain(&d->domains[i]);
        free(d->baselines);
        free(d->domains);
        free(d);
        return NULL;
}

/* -------------------------------------------------------------------------------------- reading */

static int out_of_memory(struct diag *diag)
{
        return diag_set(diag, -ENOMEM, "out of memory");
}

static int read_setting(const struct place *at, const struct json *json, struct diag *diag,
                        void *element)
{
        struct desired_setting *setting = element;
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_text(at, json, "key", PLACE_NAME_MAX, diag, &setting->key);
        if (r == 0)
                r = place_take_text(at, json, "value", PLACE_JSON_MAX, diag, &setting->value);
        return r;
}

static const struct place_array config_array = {
        .key = "config",
        .max = DESIRED_STATE_CONFIG_MAX,
        .size = sizeof(struct desired_setting),
        .read = read_setting,
};

static int read_component(const struct place *at, const struct json *json, struct diag *diag,
                          void *element)
{
        static const char *const known[] = { "id", "version", "config", NULL };
        struct desired_component *c = element;
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_name(at, json, "id", PLACE_NAME_MAX, diag, &c->id);
        if (r == 0)
                r = place_take_text(at, json, "version", PLACE_NAME_MAX, diag, &c->version);
        if (r == 0)
                r = place_take_elements(at, json, &config_array, diag, (void **)&c->config,
                                        &c->n_config);
        if (r == 0)
                r = place_take_others(json, known, &c->others);
        return r;
}

static int read_domain(const struct place *at, const struct json *json, struct diag *diag,
                       void *element)
{
        static const char *const known[] = { "id", "config", "components", NULL };
        static const struct place_array components = {
                .key = "components",
                .max = DESIRED_STATE_COMPONENTS_MAX,
                .size = sizeof(struct desired_component),
                .read = read_component,
        };
        struct desired_domain *d = element;
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_name(at, json, "id", PLACE_ID_MAX, diag, &d->id);
        if (r == 0)
                r = place_take_elements(at, json, &config_array, diag, (void **)&d->config,
                                        &d->n_config);
        if (r == 0)
                r = place_take_elements(at, json, &components, diag, (void **)&d->components,
                                        &d->n_components);
        if (r == 0)
                r = place_take_others(json, known, &d->others);
        return r;
}

static int read_member_name(const struct place *at, const struct json *json, struct diag *diag,
                            void *element)
{
        const char *text = json_get_string(json);
        char **name = element;

        if (!text)
                return place_fault(at, diag, -EBADMSG, "expected a string, not %s",
                                   json_type_to_string(json_get_type(json)));
        if (strlen(text) > PLACE_ID_MAX + 1 + PLACE_NAME_MAX)
                return place_fault(at, diag, -E2BIG, "longer than %d bytes",
                                   PLACE_ID_MAX + 1 + PLACE_NAME_MAX);
        if (!strchr(text, ':'))
                return place_fault(at, diag, -EBADMSG, "expected DOMAIN:COMPONENT, not \"%s\"",
                                   text);
        *name = strdup(text);
        return *name ? 0 : out_of_memory(diag);
}

static int check_preconditions(const struct place *at, const char *key, const char *text,
                               struct diag *diag)
{
        const struct place here = { .parent = at, .key = key };
        struct precondition *p = NULL;
        struct diag why = DIAG_INIT;
        int r;

        r = precondition_new(text, &why, &p);
        if (r < 0)
                return place_fault(&here, diag, r, "%s", why.text);
        (void)precondition_free(p);
        return 0;
}

static int read_baseline(const struct place *at, const struct json *json, struct diag *diag,
                         void *element)
{
        static const struct place_array components = {
                .key = "components",
                .max = DESIRED_STATE_COMPONENTS_MAX,
                .size = sizeof(char *),
                .read = read_member_name,
        };
        struct desired_baseline *b = element;
        /* Kanto's own examples spell it both ways. */
        const char *key = place_member(json, "precondition") ? "precondition" : "preconditions";
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_name(at, json, "title", PLACE_ID_MAX, diag, &b->title);
        if (r == 0)
                r = place_take_text(at, json, "description", PLACE_TEXT_MAX, diag, &b->description);
        if (r == 0)
                r = place_take_text(at, json, key, PRECONDITION_TEXT_MAX, diag, &b->preconditions);
        if (r == 0)
                r = check_preconditions(at, key, b->preconditions, diag);
        if (r == 0)
                r = place_take_elements(at, json, &components, diag, (void **)&b->components,
                                        &b->n_components);
        return r;
}

/* ---------------------------------------------------------------------------------- consistency */

struct name {
        const char *text;
        size_t outer; /* index of the baseline or domain */
        size_t inner; /* index of the component in it */
};

static int compare_names(const void *a, const void *b)
{
        const struct name *x = a;
        const struct name *y = b;
        int c = strcmp(x->text, y->text);

        if (c)
                return c;
        if (x->outer != y->outer)
                return x->outer < y->outer ? -1 : 1;
        return x->inner < y->inner ? -1 : x->inner > y->inner;
}

/* Sorted, so that thousands of names cost no more than they must.  Returns the later one of two
 * that are the same, or NULL. */
static const struct name *find_twin(struct name *names, size_t n)
{
        size_t i;

        if (n > 1) /* names may be NULL otherwise */
                qsort(names, n, sizeof(*names), compare_names);
        for (i = 1; i < n; i++)
                if (strcmp(names[i - 1].text, names[i].text) == 0)
                        return &names[i];
        return NULL;
}

/* A second entry of a domain or of a component would silently take the place of the first. */
static int check_domains(const struct desired_state *d, struct diag *diag)
{
        const struct place domains = { .key = "domains" };
        CLEANUP_FREE struct name *names = calloc(d->n_domains + 1, sizeof(*names));
        struct place at = { .parent = &domains };
        const struct name *twin;
        size_t i;

        if (!names)
                return out_of_memory(diag);
        for (i = 0; i < d->n_domains; i++)
                names[i] = (struct name){ d->domains[i].id, i, 0 };
        twin = find_twin(names, d->n_domains);
        if (!twin)
                return 0;
        at.index = twin->outer;
        return place_fault(&at, diag, -EBADMSG, "domain \"%s\" is there twice", twin->text);
}

static int check_components(const struct desired_state *d, size_t domain, struct diag *diag)
{
        const struct place domains = { .key = "domains" };
        const struct place element = { .parent = &domains, .index = domain };
        const struct place components = { .parent = &element, .key = "components" };
        const struct desired_domain *dd = &d->domains[domain];
        CLEANUP_FREE struct name *names = calloc(dd->n_components + 1, sizeof(*names));
        struct place at = { .parent = &components };
        const struct name *twin;
        size_t i;

        if (!names)
                return out_of_memory(diag);
        for (i = 0; i < dd->n_components; i++)
                names[i] = (struct name){ dd->components[i].id, domain, i };
        twin = find_twin(names, dd->n_components);
        if (!twin)
                return 0;
        at.index = twin->inner;
        return place_fault(&at, diag, -EBADMSG, "component \"%s\" is there twice", twin->text);
}

static int check_titles(const struct desired_state *d, struct diag *diag)
{
        const struct place baselines = { .key = "baselines" };
        CLEANUP_FREE struct name *names = calloc(d->n_baselines + 1, sizeof(*names));
        struct place at = { .parent = &baselines };
        const struct name *twin;
        size_t i;

        if (!names)
                return out_of_memory(diag);
        for (i = 0; i < d->n_baselines; i++) {
                names[i] = (struct name){ d->baselines[i].title, i, 0 };
                at.index = i;
                if (d->baselines[i].title[0] == ':')
                        return place_fault(&at, diag, -EBADMSG,
                                           "titles with a : in front are ours");
        }
        twin = find_twin(names, d->n_baselines);
        if (!twin)
                return 0;
        at.index = twin->outer;
        return place_fault(&at, diag, -EBADMSG, "title \"%s\" is there twice", twin->text);
}

/* Tells each component of a domain which baseline names it. */
static int assign(struct desired_domain *domain, const struct name *names, size_t n,
                  struct diag *diag)
{
        size_t i;

        for (i = 0; i < domain->n_components; i++) {
                struct desired_component *c = &domain->components[i];
                CLEANUP_FREE char *text = NULL;
                size_t low = 0;
                size_t high = n;

                if (asprintf(&text, "%s:%s", domain->id, c->id) < 0) {
                        text = NULL; /* asprintf(3) leaves it undefined */
                        return out_of_memory(diag);
                }
                while (low < high) {
                        size_t middle = low + (high - low) / 2;

                        if (strcmp(names[middle].text, text) < 0)
                                low = middle + 1;
                        else
                                high = middle;
                }
                c->baseline = low < n && strcmp(names[low].text, text) == 0
                                      ? names[low].outer
                                      : DESIRED_STATE_NO_BASELINE;
        }
        return 0;
}

/* Each component moves with one baseline only. */
static int check_memberships(struct desired_state *d, struct diag *diag)
{
        CLEANUP_FREE struct name *names = NULL;
        const struct place baselines = { .key = "baselines" };
        struct place element = { .parent = &baselines };
        const struct place components = { .parent = &element, .key = "components" };
        struct place at = { .parent = &components };
        const struct name *twin;
        size_t n = 0;
        size_t i;
        size_t k;
        int r = 0;

        for (i = 0; i < d->n_baselines; i++)
                n += d->baselines[i].n_components;
        names = calloc(n + 1, sizeof(*names));
        if (!names)
                return out_of_memory(diag);
        for (n = 0, i = 0; i < d->n_baselines; i++)
                for (k = 0; k < d->baselines[i].n_components; k++)
                        names[n++] = (struct name){ d->baselines[i].components[k], i, k };
        twin = find_twin(names, n);
        if (twin) {
                element.index = twin->outer;
                at.index = twin->inner;
                return place_fault(&at, diag, -EBADMSG, "component \"%s\" is in a baseline already",
                                   twin->text);
        }
        for (i = 0; r == 0 && i < d->n_domains; i++)
                r = assign(&d->domains[i], names, n, diag);
        return r;
}

static int check(struct desired_state *d, struct diag *diag)
{
        size_t i;
        int r;

        r = check_domains(d, diag);
        for (i = 0; r == 0 && i < d->n_domains; i++)
                r = check_components(d, i, diag);
        if (r == 0)
                r = check_titles(d, diag);
        return r == 0 ? check_memberships(d, diag) : r;
}

int desired_state_read(const struct json *payload, struct diag *diag, struct desired_state **ret)
{
        static const struct place_array baselines = {
                .key = "baselines",
                .max = DESIRED_STATE_BASELINES_MAX,
                .size = sizeof(struct desired_baseline),
                .read = read_baseline,
        };
        static const struct place_array domains = {
                .key = "domains",
                .max = DESIRED_STATE_DOMAINS_MAX,
                .size = sizeof(struct desired_domain),
                .read = read_domain,
        };
        CLEANUP(desired_state_freep)
        struct desired_state *d = calloc(1, sizeof(*d));
        const struct json *inner;
        int r;

        if (!d)
                return out_of_memory(diag);
        r = payload ? place_check_object(&(struct place){ .key = "payload" }, payload, diag) : 0;
        if (r < 0)
                return r;
        /* As people write it who have read the page about things mode. */
        inner = place_member(payload, "desiredState");
        if (inner && !place_member(payload, "domains")) {
                r = place_check_object(&(struct place){ .key = "desiredState" }, inner, diag);
                if (r < 0)
                        return r;
                payload = inner;
        }
        r = place_take_elements(NULL, payload, &baselines, diag, (void **)&d->baselines,
                                &d->n_baselines);
        if (r == 0)
                r = place_take_elements(NULL, payload, &domains, diag, (void **)&d->domains,
                                        &d->n_domains);
        if (r == 0)
                r = check(d, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* ------------------------------------------------------------------------------------ questions */

static const char *after_prefix(const char *name, const char *domain)
{
        size_t length = strlen(domain);

        return strncmp(name, domain, length) == 0 && name[length] == ':' ? name + length + 1 : NULL;
}

bool desired_baseline_touches(const struct desired_baseline *baseline, const char *domain)
{
        size_t i;

        for (i = 0; i < baseline->n_components; i++)
                if (after_prefix(baseline->components[i], domain))
                        return true;
        return false;
}

/* -------------------------------------------------------------------------------------- writing */

static struct json *write_config(const struct desired_setting *config, size_t n)
{
        CLEANUP_JSON struct json *array = json_new_array();
        size_t i;

        for (i = 0; array && i < n; i++) {
                CLEANUP_JSON struct json *item = json_new_object();

                if (!item || place_put_text(item, "key", config[i].key) < 0 ||
                    place_put_text(item, "value", config[i].value) < 0 ||
                    json_append(array, TAKE_PTR(item)) < 0)
                        return NULL;
        }
        return TAKE_PTR(array);
}

static struct json *write_component(const struct desired_component *c)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || place_put_text(object, "id", c->id) < 0 ||
            place_put_text(object, "version", c->version) < 0 ||
            place_put_array(object, "config", write_config(c->config, c->n_config)) < 0 ||
            place_put_others(object, c->others) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static struct json *write_domain(const struct desired_domain *d)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *components = json_new_array();
        size_t i;

        if (!object || !components || place_put_text(object, "id", d->id) < 0 ||
            place_put_array(object, "config", write_config(d->config, d->n_config)) < 0)
                return NULL;
        for (i = 0; i < d->n_components; i++)
                if (json_append(components, write_component(&d->components[i])) < 0)
                        return NULL;
        if (place_put_array(object, "components", TAKE_PTR(components)) < 0 ||
            place_put_others(object, d->others) < 0)
                return NULL;
        return TAKE_PTR(object);
}

/* domain NULL: all components. */
static struct json *write_baseline(const struct desired_baseline *b, const char *domain)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *names = json_new_array();
        size_t i;

        if (!object || !names || place_put_text(object, "title", b->title) < 0 ||
            place_put_text(object, "description", b->description) < 0 ||
            place_put_text(object, "preconditions", b->preconditions) < 0)
                return NULL;
        for (i = 0; i < b->n_components; i++)
                if ((!domain || after_prefix(b->components[i], domain)) &&
                    json_append(names, json_new_string(b->components[i])) < 0)
                        return NULL;
        if (place_put_array(object, "components", TAKE_PTR(names)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

/* The components of the domain that no baseline names. */
static struct json *write_remaining(const struct desired_domain *domain, const char *title)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *names = json_new_array();
        size_t i;

        if (!object || !names || place_put_text(object, "title", title) < 0)
                return NULL;
        for (i = 0; i < domain->n_components; i++) {
                CLEANUP_FREE char *name = NULL;

                if (domain->components[i].baseline != DESIRED_STATE_NO_BASELINE)
                        continue;
                if (asprintf(&name, "%s:%s", domain->id, domain->components[i].id) < 0) {
                        name = NULL; /* asprintf(3) leaves it undefined */
                        return NULL;
                }
                if (json_append(names, json_new_string(name)) < 0)
                        return NULL;
        }
        if (place_put_array(object, "components", TAKE_PTR(names)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

int desired_state_write(const struct desired_state *d, struct json **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *baselines = json_new_array();
        CLEANUP_JSON struct json *domains = json_new_array();
        size_t i;

        if (!object || !baselines || !domains)
                return -ENOMEM;
        for (i = 0; i < d->n_baselines; i++)
                if (json_append(baselines, write_baseline(&d->baselines[i], NULL)) < 0)
                        return -ENOMEM;
        for (i = 0; i < d->n_domains; i++)
                if (json_append(domains, write_domain(&d->domains[i])) < 0)
                        return -ENOMEM;
        if (place_put_array(object, "baselines", TAKE_PTR(baselines)) < 0 ||
            place_put_array(object, "domains", TAKE_PTR(domains)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(object);
        return 0;
}

int desired_state_write_domain(const struct desired_state *d, const struct desired_domain *domain,
                               const char *remaining, char **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *baselines = json_new_array();
        CLEANUP_JSON struct json *domains = json_new_array();
        size_t i;

        if (!object || !baselines || !domains ||
            json_append(domains, write_domain(domain)) < 0)
                return -ENOMEM;
        for (i = 0; i < d->n_baselines; i++)
                if (desired_baseline_touches(&d->baselines[i], domain->id) &&
                    json_append(baselines, write_baseline(&d->baselines[i], domain->id)) < 0)
                        return -ENOMEM;
        if (remaining && json_append(baselines, write_remaining(domain, remaining)) < 0)
                return -ENOMEM;
        if (place_put_array(object, "baselines", TAKE_PTR(baselines)) < 0 ||
            place_put_array(object, "domains", TAKE_PTR(domains)) < 0)
                return -ENOMEM;
        return json_print(object, JSON_LAYOUT_COMPACT, ret);
}
