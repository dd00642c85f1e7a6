/* SPDX-License-Identifier: Apache-2.0
 *
 * desired-state - see <update-broker/sdk/desired-state.h>
 *
 * The parsed JSON is kept: all texts point into it, and only the arrays are allocated here.  One
 * function per level of the message.  A half-built desired state can always be freed. */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/json.h>

struct state {
        struct ub_desired_state public; /* first: the caller holds a pointer to it */
        struct ub_json *json;
        struct ub_component *components;
        struct ub_baseline *baselines;
};

/* -------------------------------------------------------------------------------------- freeing */

static void state_free(struct state *s)
{
        size_t i;

        if (!s)
                return;
        for (i = 0; i < s->public.n_components; i++)
                free((void *)s->components[i].config);
        for (i = 0; i < s->public.n_baselines; i++)
                free((void *)s->baselines[i].components);
        free(s->components);
        free(s->baselines);
        free((void *)s->public.config);
        (void)ub_json_free(s->json);
        free(s);
}

struct ub_desired_state *ub_desired_state_free(struct ub_desired_state *desired)
{
        state_free((struct state *)desired);
        return NULL;
}

/* -------------------------------------------------------------------------------- small readers */

/* The text of a member, "" when it is not there. */
static int read_text(const struct ub_json *object, const char *key, struct ub_error *error,
                     const char **ret)
{
        const struct ub_json *value = ub_json_member_nocase(object, key);

        *ret = "";
        return value ? ub_json_as_string(value, error, ret) : 0;
}

static int read_id(const struct ub_json *object, struct ub_error *error, const char **ret)
{
        int r;

        r = ub_json_as_object(object, error);
        if (r < 0)
                return r;
        r = read_text(object, "id", error, ret);
        if (r == 0 && !**ret)
                r = ub_json_fault(object, error, -EBADMSG, "\"id\" is missing");
        return r;
}

/* An array member, NULL when it is not there. */
static int read_array(const struct ub_json *object, const char *key, struct ub_error *error,
                      const struct ub_json **ret)
{
        *ret = ub_json_member_nocase(object, key);
        if (*ret && ub_json_type(*ret) != UB_JSON_ARRAY)
                return ub_json_fault(*ret, error, -EBADMSG, "expected an array");
        return 0;
}

/* "value" of a pair: a string, or the text of a number or boolean. */
static int read_value(const struct ub_json *value, const struct ub_json *pair,
                      struct ub_error *error, const char **ret)
{
        const char *text = value ? ub_json_text(value) : "";

        if (!text)
                return ub_json_fault(pair, error, -EBADMSG,
                                     "the value is neither a text nor a number");
        *ret = value && ub_json_type(value) == UB_JSON_NULL ? "" : text;
        return 0;
}

static int read_pair(const struct ub_json *element, struct ub_error *error, struct ub_pair *pair)
{
        int r;

        /* {"k":"v"}: the member is the pair. */
        if (ub_json_key(element)) {
                pair->key = ub_json_key(element);
                return read_value(element, element, error, &pair->value);
        }
        r = ub_json_as_object(element, error);
        if (r < 0)
                return r;
        r = read_text(element, "key", error, &pair->key);
        if (r < 0)
                return r;
        return read_value(ub_json_member_nocase(element, "value"), element, error, &pair->value);
}

static int read_config(const struct ub_json *owner, struct ub_error *error,
                       const struct ub_pair **ret, size_t *ret_n)
{
        const struct ub_json *config = ub_json_member_nocase(owner, "config");
        const struct ub_json *element;
        struct ub_pair *pairs;
        size_t n = 0;
        int r;

        if (!config)
                return 0;
        if (ub_json_type(config) != UB_JSON_ARRAY && ub_json_type(config) != UB_JSON_OBJECT)
                return ub_json_fault(config, error, -EBADMSG, "expected an array");
        pairs = (struct ub_pair *)calloc(ub_json_count(config) + 1, sizeof(*pairs));
        if (!pairs)
                return ub_error_set(error, -ENOMEM, "out of memory");
        for (element = ub_json_first(config); element; element = ub_json_next(element)) {
                r = read_pair(element, error, &pairs[n++]);
                if (r < 0) {
                        free(pairs);
                        return r;
                }
        }
        *ret = pairs;
        *ret_n = n;
        return 0;
}

/* ----------------------------------------------------------------------------------- components */

static int read_component(struct state *s, const struct ub_json *element, struct ub_error *error)
{
        struct ub_component *c = &s->components[s->public.n_components];
        int r;

        r = read_id(element, error, &c->id);
        if (r < 0)
                return r;
        if (ub_desired_state_component(&s->public, c->id))
                return ub_json_fault(element, error, -EBADMSG, "component \"%s\" is there twice",
                                     c->id);
        r = read_text(element, "version", error, &c->version);
        if (r < 0)
                return r;
        r = read_config(element, error, &c->config, &c->n_config);
        if (r < 0)
                return r;
        s->public.n_components++;
        return 0;
}

static int read_components(struct state *s, const struct ub_json *domain, struct ub_error *error)
{
        const struct ub_json *array;
        const struct ub_json *element;
        int r;

        r = read_array(domain, "components", error, &array);
        if (r < 0 || !array)
                return r;
        if (ub_json_count(array) > UB_COMPONENTS_MAX)
                return ub_json_fault(array, error, -E2BIG, "more than %d components",
                                     UB_COMPONENTS_MAX);
        s->components =
                (struct ub_component *)calloc(ub_json_count(array) + 1, sizeof(*s->components));
        if (!s->components)
                return ub_error_set(error, -ENOMEM, "out of memory");
        s->public.components = s->components;
        for (element = ub_json_first(array); element; element = ub_json_next(element)) {
                r = read_component(s, element, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------ baselines */

/* "DOMAIN:COMPONENT" without "DOMAIN:", or NULL for another domain's. */
static const char *without_domain(const char *name, const char *domain)
{
        size_t length = strlen(domain);

        if (strncmp(name, domain, length) != 0 || name[length] != ':')
                return NULL;
        return name + length + 1;
}

/* The names in a baseline that are of this domain, into an array with room for all of them. */
static int read_names(const struct state *s, const struct ub_json *array, struct ub_error *error,
                      const char **names, size_t *n)
{
        const struct ub_json *element;
        const char *name;
        int r;

        for (element = ub_json_first(array); element; element = ub_json_next(element)) {
                r = ub_json_as_string(element, error, &name);
                if (r < 0)
                        return r;
                name = without_domain(name, s->public.domain);
                if (!name)
                        continue;
                if (!ub_desired_state_component(&s->public, name))
                        return ub_json_fault(element, error, -EBADMSG,
                                             "there is no component \"%s\" in the domain", name);
                names[(*n)++] = name;
        }
        return 0;
}

static int read_baseline(struct state *s, const struct ub_json *element, struct ub_error *error)
{
        struct ub_baseline *b = &s->baselines[s->public.n_baselines++];
        const struct ub_json *array;
        const char **names;
        int r;

        r = ub_json_as_object(element, error);
        if (r < 0)
                return r;
        r = read_text(element, "title", error, &b->title);
        if (r < 0)
                return r;
        r = read_text(element, "description", error, &b->description);
        if (r < 0)
                return r;
        r = read_text(element, ub_json_member_nocase(element, "preconditions") ? "preconditions"
                                                                              : "precondition",
                      error, &b->preconditions);
        if (r < 0)
                return r;
        r = read_array(element, "components", error, &array);
        if (r < 0 || !array)
                return r;

        names = (const char **)calloc(ub_json_count(array) + 1, sizeof(*names));
        if (!names)
                return ub_error_set(error, -ENOMEM, "out of memory");
        b->components = names;
        return read_names(s, array, error, names, &b->n_components);
}

static int read_baselines(struct state *s, struct ub_error *error)
{
        const struct ub_json *array;
        const struct ub_json *element;
        int r;

        r = read_array(s->json, "baselines", error, &array);
        if (r < 0 || !array)
                return r;
        s->baselines =
                (struct ub_baseline *)calloc(ub_json_count(array) + 1, sizeof(*s->baselines));
        if (!s->baselines)
                return ub_error_set(error, -ENOMEM, "out of memory");
        s->public.baselines = s->baselines;
        for (element = ub_json_first(array); element; element = ub_json_next(element)) {
                r = read_baseline(s, element, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---------------------------------------------------------------------------------------- whole */

static int read_state(struct state *s, struct ub_error *error)
{
        const struct ub_json *domains;
        const struct ub_json *domain;
        int r;

        r = ub_json_as_object(s->json, error);
        if (r < 0)
                return r;
        r = read_array(s->json, "domains", error, &domains);
        if (r < 0)
                return r;
        if (!domains || ub_json_count(domains) != 1)
                return ub_json_fault(s->json, error, -EBADMSG, "expected one domain, got %zu",
                                     domains ? ub_json_count(domains) : 0);
        domain = ub_json_first(domains);
        r = read_id(domain, error, &s->public.domain);
        if (r < 0)
                return r;
        r = read_config(domain, error, &s->public.config, &s->public.n_config);
        if (r < 0)
                return r;
        r = read_components(s, domain, error);
        if (r < 0)
                return r;
        return read_baselines(s, error);
}

int ub_desired_state_parse(const char *json, struct ub_error *error, struct ub_desired_state **ret)
{
        struct state *s;
        int r;

        s = (struct state *)calloc(1, sizeof(*s));
        if (!s)
                return ub_error_set(error, -ENOMEM, "out of memory");
        r = ub_json_parse(json, "desired state", error, &s->json);
        if (r == 0)
                r = read_state(s, error);
        if (r < 0) {
                state_free(s);
                return r;
        }
        *ret = &s->public;
        return 0;
}

const struct ub_component *ub_desired_state_component(const struct ub_desired_state *desired,
                                                      const char *id)
{
        size_t i;

        for (i = 0; i < desired->n_components; i++)
                if (strcmp(desired->components[i].id, id) == 0)
                        return &desired->components[i];
        return NULL;
}

const struct ub_baseline *ub_desired_state_baseline(const struct ub_desired_state *desired,
                                                    const char *title)
{
        size_t i;

        for (i = 0; i < desired->n_baselines; i++)
                if (strcmp(desired->baselines[i].title, title) == 0)
                        return &desired->baselines[i];
        return NULL;
}

const char *ub_config_get(const struct ub_pair *config, size_t n_config, const char *key)
{
        size_t i;

        for (i = 0; i < n_config; i++)
                if (strcmp(config[i].key, key) == 0)
                        return config[i].value;
        return NULL;
}

bool ub_desired_state_concerns(const struct ub_desired_state *desired, const char *baseline,
                               const char *component)
{
        const struct ub_baseline *b;
        size_t i;

        if (!*baseline || strcmp(baseline, "*") == 0)
                return true;
        b = ub_desired_state_baseline(desired, baseline);
        for (i = 0; b && i < b->n_components; i++)
                if (strcmp(b->components[i], component) == 0)
                        return true;
        return false;
}
