/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's record, version 1: one JSON object with everything that must survive.
 *
 *     {"version":1,"boot":s,"rebootDue":bool,
 *      "outbox":[{"activityId":s,"feedback":s}],
 *      "waiting":{"activityId":s,"desiredState":{..}},
 *      "activity":{"activityId":s,"desiredState":{..},"phase":P,"gate":n,"refused":bool,"identified":bool,
 *                  "stuck":P,
 *                  "verdict":S,"verdictText":s,
 *                  "baselines":[{"failed":bool,"reason":s,"silence":bool}],
 *                  "domains":[{"step":s,"unit":n,"reboot":bool,"deaths":n,"actions":[..],
 *                              "units":[{"state":s,"touched":bool,"reason":s,"silence":bool}]}]},
 *      "history":[{"activityId":s,"status":S,"message":s}]}
 *
 * Baselines, domains and units stand in the order in which activity_new() makes them of the desired
 * state; so the record need not name them, only have as many.  Members that are false, 0 or empty
 * are left away.  What is unknown is ignored, so that an older daemon can read what a newer one
 * wrote as long as the version is the same. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/place.h"
#include "host/orchestrator/state.h"
#include "host/util/diag.h"

enum { RECORD_VERSION = 1,
       RECORD_BYTES_MAX = 32 * 1024 * 1024 };

/* -------------------------------------------------------------------------------------- writing */

static int put_bool(struct json *object, const char *key, bool value)
{
        return value ? json_set(object, key, json_new_bool(true)) : 0;
}

static int put_number(struct json *object, const char *key, size_t value)
{
        return value ? json_set(object, key, json_new_integer((int64_t)value)) : 0;
}

static int put_reason(struct json *object, const struct reason *reason)
{
        if (put_bool(object, "silence", reason->silence) < 0)
                return -ENOMEM;
        return place_put_text(object, "reason", reason->text);
}

static struct json *write_unit(const struct unit *unit)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || place_put_text(object, "state", unit_state_to_string(unit->state)) < 0 ||
            put_bool(object, "touched", unit->touched) < 0 || put_reason(object, &unit->reason) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static struct json *write_domain(const struct domain *d)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *units = json_new_array();
        CLEANUP_JSON struct json *actions = json_new_array();
        size_t k;

        if (!object || !units || !actions ||
            place_put_text(object, "step", step_to_string(d->step)) < 0 ||
            put_number(object, "unit", d->unit) < 0 || put_bool(object, "reboot", d->reboot) < 0 ||
            put_number(object, "deaths", d->deaths) < 0 ||
            actions_write(&d->actions, false, actions) < 0)
                return NULL;
        for (k = 0; k < d->n_units; k++)
                if (json_append(units, write_unit(&d->units[k])) < 0)
                        return NULL;
        if (json_set(object, "units", TAKE_PTR(units)) < 0 ||
            place_put_array(object, "actions", TAKE_PTR(actions)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static struct json *write_group(const struct group *group)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || put_bool(object, "failed", group->failed) < 0 ||
            put_reason(object, &group->reason) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static struct json *write_desired(const struct desired_state *desired)
{
        struct json *json = NULL;

        return desired_state_write(desired, &json) < 0 ? NULL : json;
}

static struct json *write_activity(const struct activity *a)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *groups = json_new_array();
        CLEANUP_JSON struct json *domains = json_new_array();
        size_t i;

        if (!object || !groups || !domains || place_put_text(object, "activityId", a->id) < 0 ||
            json_set(object, "desiredState", write_desired(a->desired)) < 0 ||
            place_put_text(object, "phase", phase_to_string(a->phase)) < 0 ||
            put_number(object, "gate", a->gate) < 0 ||
            put_bool(object, "refused", a->refused) < 0 ||
            put_bool(object, "identified", a->identified) < 0)
                return NULL;
        if (a->stuck != PHASE_COUNT &&
            place_put_text(object, "stuck", phase_to_string(a->stuck)) < 0)
                return NULL;
        if (a->abandoned &&
            (place_put_text(object, "verdict", status_to_string(a->verdict)) < 0 ||
             place_put_text(object, "verdictText", a->verdict_text) < 0))
                return NULL;
        for (i = 0; i < a->n_groups; i++)
                if (json_append(groups, write_group(&a->groups[i])) < 0)
                        return NULL;
        for (i = 0; i < a->n_domains; i++)
                if (json_append(domains, write_domain(&a->domains[i])) < 0)
                        return NULL;
        if (json_set(object, "baselines", TAKE_PTR(groups)) < 0 ||
            json_set(object, "domains", TAKE_PTR(domains)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static struct json *write_history(const struct history *history)
{
        CLEANUP_JSON struct json *array = json_new_array();
        size_t i;

        for (i = 0; array && i < history->n; i++) {
                const struct result *result = &history->results[i];
                CLEANUP_JSON struct json *object = json_new_object();

                if (!object || place_put_text(object, "activityId", result->activity) < 0 ||
                    place_put_text(object, "status", status_to_string(result->status)) < 0 ||
                    place_put_text(object, "message", result->message) < 0 ||
                    json_append(array, TAKE_PTR(object)) < 0)
                        return NULL;
        }
        return TAKE_PTR(array);
}

static struct json *write_outgoing(const struct orchestrator *o)
{
        CLEANUP_JSON struct json *array = json_new_array();
        size_t i;

        for (i = 0; array && i < o->n_outgoing; i++) {
                CLEANUP_JSON struct json *object = json_new_object();

                if (!object || place_put_text(object, "activityId", o->outgoing[i].activity) < 0 ||
                    place_put_text(object, "feedback", o->outgoing[i].text) < 0 ||
                    json_append(array, TAKE_PTR(object)) < 0)
                        return NULL;
        }
        return TAKE_PTR(array);
}

static struct json *write_waiting(const struct waiting *waiting)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || place_put_text(object, "activityId", waiting->activity) < 0 ||
            json_set(object, "desiredState", write_desired(waiting->desired)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

/* The history is as long as the rest, and changes once in an activity. */
static const char *history_text(struct history *history)
{
        CLEANUP_JSON struct json *array = NULL;

        if (history->text)
                return history->text;
        array = write_history(history);
        if (!array || json_print(array, JSON_LAYOUT_COMPACT, &history->text) < 0)
                return NULL;
        return history->text;
}

/* The history becomes the last member of the object that the text is. */
static int add_history(struct history *history, const char *text, char **ret)
{
        const char *more = history_text(history);
        char *whole;

        if (!more ||
            asprintf(&whole, "%.*s,\"history\":%s}", (int)strlen(text) - 1, text, more) < 0)
                return -ENOMEM;
        *ret = whole;
        return 0;
}

int record_write(struct orchestrator *o, char **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_FREE char *text = NULL;
        int r;

        if (!object || json_set(object, "version", json_new_integer(RECORD_VERSION)) < 0 ||
            place_put_text(object, "boot", o->boot_id) < 0 ||
            put_bool(object, "rebootDue", o->reboot_due) < 0 ||
            place_put_array(object, "outbox", write_outgoing(o)) < 0)
                return -ENOMEM;
        if (o->waiting.activity && json_set(object, "waiting", write_waiting(&o->waiting)) < 0)
                return -ENOMEM;
        if (o->activity && json_set(object, "activity", write_activity(o->activity)) < 0)
                return -ENOMEM;
        r = json_print(object, JSON_LAYOUT_COMPACT, &text);
        if (r == 0 && o->history.n)
                return add_history(&o->history, text, ret);
        if (r == 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* ----------------------------------------------------------------------------------------- reading
 * Strict where a guess could do harm; every index and word is checked, because a damaged record
 * must not take the daemon down at each start. */

static int bad(struct diag *diag, const char *what)
{
        return diag_set(diag, -EBADMSG, "%s", what);
}

static bool get_bool(const struct json *object, const char *key)
{
        bool value = false;

        (void)json_get_bool(json_get_member(object, key), &value); /* absent: false */
        return value;
}

static size_t get_number(const struct json *object, const char *key)
{
        int64_t value = 0;

        (void)json_get_integer(json_get_member(object, key), &value); /* absent: 0 */
        return value > 0 ? (size_t)value : 0;
}

static const char *get_text(const struct json *object, const char *key)
{
        const char *text = json_get_string(json_get_member(object, key));

        return text ? text : "";
}

static int read_reason(const struct json *object, struct reason *reason)
{
        return reason_set(reason, get_text(object, "reason"), get_bool(object, "silence"));
}

static int read_unit(const struct json *json, struct unit *unit, struct diag *diag)
{
        int state = unit_state_from_string(get_text(json, "state"));

        if (state < 0)
                return bad(diag, "no such state of a unit");
        unit->state = (enum unit_state)state;
        unit->touched = get_bool(json, "touched");
        return read_reason(json, &unit->reason);
}

static int read_domain(const struct json *json, struct domain *d, struct diag *diag)
{
        const struct json *units = json_get_member(json, "units");
        const char *step = get_text(json, "step");
        const struct json *item;
        size_t k = 0;
        int r;

        d->step = step_from_string(step);
        d->unit = get_number(json, "unit");
        d->reboot = get_bool(json, "reboot");
        d->deaths = get_number(json, "deaths") > 0;
        if (*step && d->step == STEP_NONE)
                return bad(diag, "no such step");
        if (json_count(units) != d->n_units || d->unit >= d->n_units)
                return bad(diag, "the units are not those of the desired state");
        JSON_FOREACH(item, units) {
                r = read_unit(item, &d->units[k++], diag);
                if (r < 0)
                        return r;
        }
        if (d->step != STEP_NONE && d->step != unit_step(d->units[d->unit].state))
                return bad(diag, "a step that does not belong to the state of its unit");
        return actions_read(&d->actions, json_get_member(json, "actions"));
}

static int read_parts(struct activity *a, const struct json *json, struct diag *diag)
{
        const struct json *groups = json_get_member(json, "baselines");
        const struct json *domains = json_get_member(json, "domains");
        const struct json *item;
        size_t i = 0;
        int r;

        if (json_count(groups) != a->n_groups || json_count(domains) != a->n_domains)
                return bad(diag, "the domains are not those of the desired state");
        JSON_FOREACH(item, groups) {
                a->groups[i].failed = get_bool(item, "failed");
                r = read_reason(item, &a->groups[i++].reason);
                if (r < 0)
                        return r;
        }
        i = 0;
        JSON_FOREACH(item, domains) {
                r = read_domain(item, &a->domains[i++], diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_head(struct activity *a, const struct json *json, struct diag *diag)
{
        const char *verdict_text = get_text(json, "verdictText");
        int phase = phase_from_string(get_text(json, "phase"));
        int stuck = phase_from_string(get_text(json, "stuck"));
        size_t gate = get_number(json, "gate");
        bool gated;

        if (phase < 0 || gate > GATE_CONSENT)
                return bad(diag, "no such phase");
        gated = phase == PHASE_DOWNLOAD || phase == PHASE_UPDATE || phase == PHASE_ACTIVATE;
        if (gate != GATE_OPEN && !gated)
                return bad(diag, "no such gate");
        a->phase = (enum phase)phase;
        a->gate = (enum gate)gate;
        a->refused = get_bool(json, "refused");
        a->identified = get_bool(json, "identified");
        a->stuck = stuck < 0 ? PHASE_COUNT : (enum phase)stuck;
        a->verdict = status_from_string(get_text(json, "verdict"));
        a->abandoned = a->verdict != STATUS_UNKNOWN;
        if (a->abandoned && !status_is_terminal(a->verdict))
                return bad(diag, "a verdict that is no end");
        if (!*verdict_text)
                return 0;
        a->verdict_text = strdup(verdict_text);
        return a->verdict_text ? 0 : -ENOMEM;
}

/* The id and the desired state that both the running activity and the waiting one have. */
static int read_desired(const struct json *json, struct diag *diag, const char **ret_id,
                        struct desired_state **ret)
{
        const char *id = get_text(json, "activityId");

        if (!*id || strlen(id) > PLACE_ID_MAX)
                return bad(diag, "an activity without an id");
        *ret_id = id;
        return desired_state_read(json_get_member(json, "desiredState"), diag, ret);
}

static int read_activity(struct orchestrator *o, const struct json *json, struct diag *diag)
{
        CLEANUP(activity_freep)
        struct activity *a = NULL;
        struct desired_state *desired = NULL;
        const char *id = NULL;
        int r;

        if (!json)
                return 0;
        r = read_desired(json, diag, &id, &desired);
        if (r == 0)
                r = activity_new(id, desired, &a);
        if (r == 0)
                r = read_head(a, json, diag);
        if (r == 0)
                r = read_parts(a, json, diag);
        if (r < 0)
                return r;
        o->activity = TAKE_PTR(a);
        return 0;
}

static int read_waiting(struct orchestrator *o, const struct json *json, struct diag *diag)
{
        const char *id = NULL;
        int r;

        if (!json)
                return 0;
        r = read_desired(json, diag, &id, &o->waiting.desired);
        if (r < 0)
                return r;
        o->waiting.activity = strdup(id);
        return o->waiting.activity ? 0 : -ENOMEM;
}

static int read_history(struct orchestrator *o, const struct json *array)
{
        const struct json *item;
        int r = 0;

        JSON_FOREACH(item, array) {
                enum status status = status_from_string(get_text(item, "status"));

                if (status_is_terminal(status))
                        r = history_add(&o->history, get_text(item, "activityId"), status,
                                        get_text(item, "message"));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_outgoing(struct orchestrator *o, const struct json *array)
{
        const struct json *item;
        int r = 0;

        JSON_FOREACH(item, array)
                if (r == 0)
                        r = outgoing_put(o, get_text(item, "activityId"),
                                         get_text(item, "feedback"));
        return r;
}

int record_read(struct orchestrator *o, const char *text, size_t length, struct diag *diag)
{
        static const struct scan_rules rules = {
                .max_bytes = RECORD_BYTES_MAX,
                .max_depth = PLACE_JSON_DEPTH_MAX + 4, /* around a desired state */
                .object = true,
        };
        CLEANUP_JSON struct json *root = NULL;
        int r;

        r = json_parse(text, length, &rules, NULL, diag, &root);
        if (r == -E2BIG)
                return -EBADMSG; /* ours are smaller: it is damaged */
        if (r < 0)
                return r;
        if (get_number(root, "version") != RECORD_VERSION)
                return bad(diag, "the record is not of version 1");
        o->reboot_due = get_bool(root, "rebootDue");
        r = read_history(o, json_get_member(root, "history"));
        if (r == 0)
                r = read_outgoing(o, json_get_member(root, "outbox"));
        if (r == 0)
                r = read_waiting(o, json_get_member(root, "waiting"), diag);
        if (r == 0)
                r = read_activity(o, json_get_member(root, "activity"), diag);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (strcmp(get_text(root, "boot"), o->boot_id) == 0)
                return 0;
        /* The device has booted: what waited for that goes on. */
        o->reboot_due = false;
        if (o->activity && o->activity->phase == PHASE_REBOOT)
                o->activity->phase = PHASE_VERIFY;
        return 0;
}
