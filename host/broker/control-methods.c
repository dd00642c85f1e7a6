/* SPDX-License-Identifier: Apache-2.0
 *
 * One function per method, and one table that says who may call which.  A method answers, or
 * returns a negative errno and the sentence that its caller gets. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <systemd/sd-id128.h>

#include "host/broker/control-internal.h"
#include "host/model/desired_state.h"
#include "host/model/envelope.h"
#include "host/util/diag.h"

/* A call that is answered later. */
struct control_call {
        struct control *control; /* NULL: nobody waits any longer */
        struct control_call *next;
        sd_bus_message *m;
        bool has_text;
};

struct method {
        const char *name;
        enum control_access needed;
        int (*run)(struct control_peer *peer, sd_bus_message *m, struct diag *diag);
};

/* ----------------------------------------------------------------------------------- documents */

static int reply_document(struct control_peer *peer, sd_bus_message *m,
                          enum control_document document, struct diag *diag)
{
        const struct control *c = peer->control;
        CLEANUP_FREE char *text = NULL;
        int r;

        r = c->ops->get(c->data, document, &text, diag);
        return r < 0 ? r : control_peer_reply(peer, m, text);
}

static int run_status(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return reply_document(peer, m, CONTROL_DOCUMENT_STATUS, diag);
}

static int run_agents(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return reply_document(peer, m, CONTROL_DOCUMENT_AGENTS, diag);
}

static int run_history(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return reply_document(peer, m, CONTROL_DOCUMENT_HISTORY, diag);
}

/* ----------------------------------------------------------------------------------- activities */

static int read_option(sd_bus_message *m, const char **ret_activity, struct diag *diag)
{
        const char *key;
        int r;

        r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        if (strcmp(key, "activityId") != 0)
                return diag_set(diag, -EINVAL, "option %.64s: there is only activityId", key);
        r = sd_bus_message_read(m, "v", "s", ret_activity);
        if (r == -ENXIO)
                return diag_set(diag, -EINVAL, "option activityId: expected a string");
        if (r < 0)
                return r;
        if (!**ret_activity || strlen(*ret_activity) > PLACE_ID_MAX)
                return diag_set(diag, -EINVAL, "option activityId: 1 to %d bytes", PLACE_ID_MAX);
        return 0;
}

static int read_options(sd_bus_message *m, const char **ret_activity, struct diag *diag)
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'e', "sv");
                if (r <= 0)
                        break;
                r = read_option(m, ret_activity, diag);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

/* What to apply. */
struct request {
        struct envelope *envelope;
        struct desired_state *desired;
        char activity[PLACE_ID_MAX + 1];
};

static void request_done(struct request *request)
{
        (void)envelope_free(request->envelope);
        (void)desired_state_free(request->desired);
}

/* Puts the position in front of a fault, if it is one that has a position. */
static int locate_fault(const char *text, int r, struct diag *diag)
{
        const struct scan_rules rules = {
                .max_bytes = CONTROL_TEXT_MAX,
                .max_depth = PLACE_JSON_DEPTH_MAX,
                .object = true,
        };
        struct scan_position at;
        size_t offset = 0;

        if (r == -ENODATA)
                return -EBADMSG; /* an empty text is no desired state either */
        if (r != -EBADMSG || scan_text(text, strlen(text), &rules, &offset, NULL) != -EBADMSG)
                return r;
        at = scan_position(text, strlen(text), offset);
        return diag_prefix(diag, r, "line %u, column %u", at.line, at.column);
}

/* An envelope has a payload, were it null; everything else is bare, but may say its id all the
 * same. */
static bool has_payload(const struct json *root)
{
        const struct json *member;

        JSON_FOREACH(member, root)
                if (strcasecmp(json_get_key(member), "payload") == 0)
                        return true;
        return false;
}

static int read_text(const char *text, struct request *request, struct diag *diag)
{
        const struct envelope *e;
        int r;

        r = envelope_read(text, strlen(text), diag, &request->envelope);
        if (r < 0)
                return locate_fault(text, r, diag);
        e = request->envelope;
        (void)snprintf(request->activity, sizeof(request->activity), "%s", e->activity);
        return desired_state_read(has_payload(e->root) ? e->payload : e->root, diag,
                                  &request->desired);
}

static int name_activity(struct request *request, const char *wanted)
{
        sd_id128_t id;
        int r;

        if (wanted) {
                (void)snprintf(request->activity, sizeof(request->activity), "%s", wanted);
        } else if (!*request->activity) {
                r = sd_id128_randomize(&id);
                if (r < 0)
                        return r;
                (void)sd_id128_to_string(id, request->activity);
        }
        return 0;
}

static int run_apply(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        const struct control *c = peer->control;
        CLEANUP(request_done) struct request request = { .activity = "" };
        const char *wanted = NULL;
        const char *text;
        int r;

        r = sd_bus_message_read_basic(m, 's', &text);
        if (r >= 0)
                r = read_options(m, &wanted, diag);
        if (r < 0)
                return r;
        if (strlen(text) > CONTROL_TEXT_MAX)
                return diag_set(diag, -E2BIG, "a desired state of %zu bytes: at most %d are taken",
                                strlen(text), CONTROL_TEXT_MAX);
        r = read_text(text, &request, diag);
        if (r >= 0)
                r = name_activity(&request, wanted);
        if (r >= 0)
                r = c->ops->apply(c->data, request.activity, TAKE_PTR(request.desired), diag);
        return r < 0 ? r : control_peer_reply(peer, m, request.activity);
}

static int run_cancel(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        const struct control *c = peer->control;
        char cancelled[PLACE_ID_MAX + 1] = "";
        const char *activity;
        int r;

        r = sd_bus_message_read_basic(m, 's', &activity);
        if (r >= 0)
                r = c->ops->cancel(c->data, activity, cancelled, diag);
        return r < 0 ? r : control_peer_reply(peer, m, cancelled);
}

/* --------------------------------------------------------------------------------------- agents */

static int set_running(struct control_peer *peer, sd_bus_message *m, bool running,
                       struct diag *diag)
{
        const struct control *c = peer->control;
        const char *agent;
        int r;

        r = sd_bus_message_read_basic(m, 's', &agent);
        if (r >= 0)
                r = c->ops->set_running(c->data, agent, running, diag);
        return r < 0 ? r : control_peer_reply(peer, m, NULL);
}

static int run_enable(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return set_running(peer, m, true, diag);
}

static int run_disable(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return set_running(peer, m, false, diag);
}

/* ------------------------------------------------------------------------- what takes its time */

static int call_new(struct control *control, sd_bus_message *m, bool has_text, struct diag *diag,
                    struct control_call **ret)
{
        struct control_call *call;

        if (control->n_calls >= CONTROL_CALLS_MAX)
                return diag_set(diag, -ENOBUFS, "too many calls at a time");
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        call->control = control;
        call->m = sd_bus_message_ref(m);
        call->has_text = has_text;
        call->next = control->calls;
        control->calls = call;
        control->n_calls++;
        *ret = call;
        return 0;
}

static int run_inventory(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        const struct control_ops *ops = peer->control->ops;
        struct control_call *call = NULL;
        int r;

        if (!ops->inventory)
                return reply_document(peer, m, CONTROL_DOCUMENT_INVENTORY, diag);
        r = call_new(peer->control, m, true, diag, &call);
        if (r < 0)
                return r;
        ops->inventory(peer->control->data, call);
        return 0;
}

static int run_reload(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        struct control_call *call = NULL;
        int r;

        r = call_new(peer->control, m, false, diag, &call);
        if (r < 0)
                return r;
        peer->control->ops->reload(peer->control->data, call);
        return 0;
}

static int run_check_config(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        struct control_call *call = NULL;
        int r;

        r = call_new(peer->control, m, true, diag, &call);
        if (r < 0)
                return r;
        peer->control->ops->check_config(peer->control->data, call);
        return 0;
}

/* The connection that a message came in on, as long as it is one of ours. */
static struct control_peer *find_peer(const struct control *control, sd_bus_message *m)
{
        sd_bus *bus = sd_bus_message_get_bus(m);
        struct control_peer *peer;

        if (control->system_bus && control->system_bus->bus == bus)
                return control->system_bus;
        for (peer = control->peers; peer; peer = peer->next)
                if (peer->bus == bus)
                        return peer;
        return NULL;
}

static void forget(struct control_call *call)
{
        struct control_call **link = &call->control->calls;

        while (*link != call)
                link = &(*link)->next;
        *link = call->next;
        call->control->n_calls--;
        call->control = NULL;
}

void control_call_done(struct control_call *take_call, int r, const char *text)
{
        struct control *control = take_call->control;
        struct control_peer *peer = control ? find_peer(control, take_call->m) : NULL;

        if (control)
                forget(take_call);
        if (!text)
                text = "";
        /* A client that is gone by now is no fault of anybody's. */
        if (peer && r < 0)
                (void)control_peer_refuse(peer, take_call->m, r, text);
        else if (peer)
                (void)control_peer_reply(peer, take_call->m, take_call->has_text ? text : NULL);
        (void)sd_bus_message_unref(take_call->m);
        free(take_call);
}

void control_calls_forget(struct control *control)
{
        while (control->calls)
                forget(control->calls);
}

/* -------------------------------------------------------------------------------------- signals */

static int set_subscribed(struct control_peer *peer, sd_bus_message *m, bool on, struct diag *diag)
{
        const struct control_peer *other;
        size_t n = 0;
        int r = 0;

        if (peer->is_system_bus)
                r = control_bus_subscribe(peer, m, on, diag);
        for (other = peer->control->peers; other; other = other->next)
                n += other->subscribed;
        if (on && !peer->is_system_bus && !peer->subscribed && n >= CONTROL_SUBSCRIBERS_MAX)
                return diag_set(diag, -ENOBUFS, "there are %zu subscribers already", n);
        if (r < 0)
                return r;
        peer->subscribed = on;
        return control_peer_reply(peer, m, NULL);
}

static int run_subscribe(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return set_subscribed(peer, m, true, diag);
}

static int run_unsubscribe(struct control_peer *peer, sd_bus_message *m, struct diag *diag)
{
        return set_subscribed(peer, m, false, diag);
}

/* ---------------------------------------------------------------------------------------- calls */

static const struct method methods[] = {
        { "Status", CONTROL_ACCESS_READ, run_status },
        { "Agents", CONTROL_ACCESS_READ, run_agents },
        { "Inventory", CONTROL_ACCESS_READ, run_inventory },
        { "History", CONTROL_ACCESS_READ, run_history },
        { "CheckConfig", CONTROL_ACCESS_READ, run_check_config },
        { "Subscribe", CONTROL_ACCESS_READ, run_subscribe },
        { "Unsubscribe", CONTROL_ACCESS_READ, run_unsubscribe },
        { "Apply", CONTROL_ACCESS_WRITE, run_apply },
        { "Cancel", CONTROL_ACCESS_WRITE, run_cancel },
        { "Reload", CONTROL_ACCESS_WRITE, run_reload },
        { "Enable", CONTROL_ACCESS_WRITE, run_enable },
        { "Disable", CONTROL_ACCESS_WRITE, run_disable },
};

static const struct method *find_method(const char *name)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(methods) - 1; i++)
                if (strcmp(methods[i].name, name) == 0)
                        break;
        return &methods
                [i]; /* sd-bus passes on what is in the vtable only, and that has the same rows */
}

int control_call_run(struct control_peer *peer, sd_bus_message *m, enum control_access access)
{
        const struct method *method = find_method(sd_bus_message_get_member(m));
        struct diag diag = DIAG_INIT;
        int r;

        if (access < method->needed)
                r = control_refuse(peer->control, method->needed, &diag);
        else
                r = method->run(peer, m, &diag);
        return r < 0 ? control_peer_refuse(peer, m, r, diag.text) : 1;
}

static int on_call(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct control_peer *peer = data;

        (void)error;
        if (peer->is_system_bus)
                return control_bus_ask(peer, m);
        return control_call_run(peer, m, control_access_of(peer->control, &peer->user));
}

/* Who may do what is decided above, for each call; UNPRIVILEGED keeps sd-bus from deciding before
 * that. */
#define METHOD(name, in, out) SD_BUS_METHOD(name, in, out, on_call, SD_BUS_VTABLE_UNPRIVILEGED)

const sd_bus_vtable control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Status", NULL, "s"),
        METHOD("Agents", NULL, "s"),
        METHOD("Inventory", NULL, "s"),
        METHOD("History", NULL, "s"),
        METHOD("CheckConfig", NULL, "s"),
        METHOD("Subscribe", NULL, NULL),
        METHOD("Unsubscribe", NULL, NULL),
        METHOD("Apply", "sa{sv}", "s"),
        METHOD("Cancel", "s", "s"),
        METHOD("Reload", NULL, NULL),
        METHOD("Enable", "s", NULL),
        METHOD("Disable", "s", NULL),
        SD_BUS_SIGNAL("Feedback", "ss", 0),
        SD_BUS_SIGNAL("CurrentState", "ss", 0),
        SD_BUS_SIGNAL("AgentChanged", "ss", 0),
        SD_BUS_VTABLE_END,
};
