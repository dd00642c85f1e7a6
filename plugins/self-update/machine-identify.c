/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-identify - a desired state: is there anything to do, and may it be done?
 *
 *     m1, a look at RAUC, then one of
 *       m2                                   it is to be done
 *       IDENTIFIED without actions, m4       it runs already
 *       m3                                   it cannot be done, and why
 *
 * A request that cannot even be read is answered under its own id and leaves the activity that
 * waits alone.
 *
 * Where requests have to be signed (signers.h), one that is not is such a request.  A good one may
 * be begun once, and before it expires: its id is remembered with the activity, so that what was
 * seen on the wire cannot be sent again later, when it would be a downgrade or break off a newer
 * activity.  Repeated while its activity is under way, as MQTT and a host that was restarted do, it
 * is answered as ever; and so it is when there is nothing to do.  For "before" the clock has to be
 * set, which is waited for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/desired-state.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/policy.h"
#include "plugins/self-update/settings.h"
#include "plugins/self-update/signers.h"

#define USED                                                                                 \
        "The request was used before, or expires before one that was: a signed request is good " \
        "for one activity."
#define MISSING "mandatory %s is missing"

/* -------------------------------------------------------------------------------------- reading */

static int copy_member(const char *text, size_t size, const char *what, struct ub_error *error,
                       char *to)
{
        if (strlen(text) >= size)
                return ub_error_set(error, -EBADMSG, "%s is longer than %zu bytes", what, size - 1);
        record_copy(to, size, text);
        return 0;
}

static int check_signature(const struct machine *m, const char *activity,
                           const struct ub_component *c, struct ub_error *error,
                           struct request *ret)
{
        const struct claim claim = {
                .activity = activity,
                .domain = m->domain,
                .component = c->id,
                .version = c->version,
                .image = ub_config_get(c->config, c->n_config, "image"),
                .sha256 = ub_config_get(c->config, c->n_config, "sha256"),
                .size = ub_config_get(c->config, c->n_config, "size"),
                .expires = ub_config_get(c->config, c->n_config, "expires"),
        };

        if (!m->signers)
                return 0;
        return signers_check(m->signers, &claim,
                             ub_config_get(c->config, c->n_config, "signature"), error,
                             &ret->expires_sec);
}

static int read_component(const struct ub_component *c, struct ub_error *error,
                          struct request *ret)
{
        const char *image = ub_config_get(c->config, c->n_config, "image");
        const char *sha256 = ub_config_get(c->config, c->n_config, "sha256");
        const char *size = ub_config_get(c->config, c->n_config, "size");
        char *end;
        int r;

        if (!image)
                return ub_error_set(error, -EBADMSG, MISSING, "config entry with bundle url");
        if (!*c->version)
                return ub_error_set(error, -EBADMSG, "mandatory bundle version is empty");
        if (!*image)
                return ub_error_set(error, -EBADMSG, "mandatory bundle download url is empty");
        r = copy_member(c->version, sizeof(ret->version), "bundle version", error, ret->version);
        if (r >= 0)
                r = copy_member(image, sizeof(ret->url), "bundle download url", error, ret->url);
        if (r >= 0)
                r = copy_member(sha256 ? sha256 : "", sizeof(ret->sha256), "sha256", error,
                                ret->sha256);
        if (r < 0 || !size)
                return r;
        errno = 0;
        ret->size = strtoull(size, &end, 10);
        if (errno || *end || *size < '0' || *size > '9')
                return ub_error_set(error, -EBADMSG, "size: \"%s\" is no number of bytes", size);
        return 0;
}

static int read_desired(const struct machine *m, const char *activity,
                        const struct ub_desired_state *desired, struct ub_error *error,
                        struct request *ret)
{
        const char *name = m->settings->component;
        const struct ub_component *c = ub_desired_state_component(desired, name);
        size_t i;
        int r;

        if (strcmp(desired->domain, m->domain) != 0)
                return ub_error_set(error, -EBADMSG, "mandatory domain with 'id'='%s' is missing",
                                    m->domain);
        for (i = 0; i < desired->n_components && m->settings->strict_components; i++)
                if (strcmp(desired->components[i].id, name) != 0)
                        return ub_error_set(error, -EBADMSG, "unsupported component '%s'",
                                            desired->components[i].id);
        if (!c)
                return ub_error_set(error, -EBADMSG,
                                    "mandatory component with 'id'='%s' is missing", name);
        r = read_component(c, error, ret);
        return r < 0 ? r : check_signature(m, activity, c, error, ret);
}

static int read_request(const struct machine *m, const struct event *e, struct ub_error *error,
                        struct request *ret)
{
        struct ub_desired_state *desired;
        int r;

        *ret = (struct request){ .size = 0 };
        r = ub_desired_state_parse(e->json, error, &desired);
        if (r < 0)
                return r;
        r = read_desired(m, e->activity, desired, error, ret);
        (void)ub_desired_state_free(desired);
        return r;
}

static bool is_same_request(const struct request *a, const struct request *b)
{
        return strcmp(a->version, b->version) == 0 && strcmp(a->url, b->url) == 0 &&
               strcmp(a->sha256, b->sha256) == 0 && a->size == b->size;
}

/* ----------------------------------------------------------------------------------- the answer */

/* The activity that was there before stays, and goes on with what it was at. */
static void refuse(struct machine *m, const char *text)
{
        machine_say_to(m, m->wanted_id, MESSAGE_NOT_IDENTIFIED, "", text);
        if (m->record.activity.state == STATE_DOWNLOADING && m->known)
                download_go_on(m); /* it was held up for the look at RAUC */
        machine_drive_local(m); /* which may have been held up by what was refused */
}

/* Makes what is wanted the activity. */
static void take_over(struct machine *m, enum state state)
{
        struct activity *a = &m->record.activity;

        if (a->state != STATE_IDLE && strcmp(a->id, m->wanted_id) != 0)
                machine_log(m, UB_LOG_NOTICE, "activity %s gives way to %s", a->id, m->wanted_id);
        free(a->last);
        *a = (struct activity){ .state = state,
                                .request = m->wanted,
                                .local = m->wanted_local };
        RECORD_SET(a->id, m->wanted_id);
        RECORD_SET(a->from, machine_version(m));
        if (m->signers)
                record_use(&m->record, a->id, m->wanted.expires_sec);
        download_name(m);
        m->known = true;
        m->told_rollback = false;
        m->verify_asked = false;
}

static void nothing_to_do(struct machine *m)
{
        take_over(m, STATE_IDLE);
        if (m->signers)
                machine_store(m);
        machine_say(m, MESSAGE_NOTHING, NULL, 0);
        machine_say(m, MESSAGE_SKIPPED, NULL, 0);
}

/* The version that runs is wanted, while another one would boot: it must not any more. */
static void on_reverted(struct machine *m, const struct event *e)
{
        if (e->result < 0) {
                refuse(m, e->text);
                return;
        }
        m->record.pending = (struct pending){ .trial = TRIAL_NONE };
        machine_store(m);
        nothing_to_do(m);
}

static bool is_running(const struct machine *m)
{
        return strcmp(m->wanted.version, machine_version(m)) == 0;
}

/* Is an update that waits for its boot to be taken back? */
static bool is_to_revert(const struct machine *m)
{
        const struct slot *booted = survey_booted(&m->survey);
        const struct pending *pending = &m->record.pending;

        return is_running(m) && pending->trial == TRIAL_OUTSTANDING && booted &&
               *booted->bootname && strcmp(m->survey.primary, pending->to) == 0;
}

static void stay(struct machine *m)
{
        const struct slot *booted = survey_booted(&m->survey);

        if (is_to_revert(m))
                machine_mark(m, &m->main, "active", booted->name, on_reverted);
        else
                nothing_to_do(m);
}

/* `already`: the version was installed and activated by an earlier activity and waits for its boot.
 * Then every step is answered as done. */
static void accept(struct machine *m)
{
        const struct pending *pending = &m->record.pending;
        bool already = pending->trial == TRIAL_OUTSTANDING &&
                       strcmp(pending->version, m->wanted.version) == 0 &&
                       strcmp(m->survey.primary, pending->to) == 0;

        take_over(m, STATE_IDENTIFIED);
        m->record.activity.already = already;
        if (already)
                machine_log(m, UB_LOG_NOTICE, "version %s is installed and waits for a boot",
                            m->wanted.version);
        machine_conclude(m, STATE_IDENTIFIED, MESSAGE_IDENTIFIED, NULL, 0);
}

static void look(struct machine *m);

static void on_clock_retry(struct machine *m, const struct event *e)
{
        (void)e;
        look(m);
}

/* May a signed request be begun, as for its time and its id?  False: it waits, or was refused. */
static bool is_timely(struct machine *m)
{
        struct ub_error error = UB_ERROR_INIT;
        bool is_harmless = is_running(m) && !is_to_revert(m);
        int r;

        r = machine_await_clock(m, on_clock_retry, &error);
        if (r > 0)
                return false;
        if (r >= 0)
                r = policy_check_expiry(m->settings, m->wall_sec, m->wanted.expires_sec, &error);
        if (r >= 0 && !is_harmless &&
            record_is_used(&m->record, m->wanted_id, m->wanted.expires_sec))
                r = ub_error_set(&error, -EPERM, USED);
        if (r < 0)
                refuse(m, error.text);
        return r >= 0;
}

static void on_surveyed(struct machine *m, const struct event *e)
{
        struct ub_error error = UB_ERROR_INIT;
        bool remote;
        int r;

        if (e->result < 0 && !m->surveyed) {
                (void)ub_error_set(&error, 0, "RAUC cannot be asked: %s", e->text);
                refuse(m, error.text);
                return;
        }
        if (m->record.pending.trial == TRIAL_RUNNING || m->record.pending.trial == TRIAL_SICK) {
                refuse(m, "Booted image is not confirmed yet.");
                return;
        }
        if (m->signers && !is_timely(m))
                return;
        if (is_running(m)) {
                stay(m);
                return;
        }
        r = policy_check_version(m->settings, &m->record, &m->wanted, machine_version(m), &error);
        /* A scheme that is not allowed is told in answer to DOWNLOAD, as Leda's agent does. */
        if (r >= 0 && m->settings->profile == PROFILE_KANTO)
                r = policy_check_url(m->settings, m->wanted.url, &error, &remote);
        if (r < 0)
                refuse(m, error.text);
        else
                accept(m);
}

/* ------------------------------------------------------------------------------------- requests */

static void look(struct machine *m)
{
        machine_survey(m, &m->main, on_surveyed);
}

/* Does the activity stand somewhere between its desired state and the boot? */
static bool is_under_way(const struct activity *a)
{
        return a->state >= STATE_IDENTIFIED && a->state <= STATE_ACTIVATED;
}

/* True when the request needs no look at anything: it cannot be read, it came twice, or it comes at
 * a time when nothing can be changed. */
bool identify_screen(struct machine *m, const struct event *e)
{
        const struct activity *a = &m->record.activity;
        bool own = strcmp(a->id, e->activity) == 0;
        struct ub_error error = UB_ERROR_INIT;
        struct request wanted;
        int r;

        r = read_request(m, e, &error, &wanted);
        if (r >= 0 && own && is_under_way(a) && is_same_request(&a->request, &wanted)) {
                m->known = true;
                machine_say_to(m, a->id, MESSAGE_IDENTIFIED, a->request.version, NULL);
                return true;
        }
        if (r >= 0 && !own &&
            (a->state == STATE_UPDATING || a->state == STATE_ACTIVATING ||
             a->state == STATE_ACTIVATED || a->state == STATE_ROLLING_BACK))
                r = ub_error_set(&error, -EBUSY, "Another update activity in progress - %s", a->id);
        if (r >= 0)
                return false;
        machine_say_to(m, e->activity, MESSAGE_IDENTIFYING, "", NULL);
        machine_say_to(m, e->activity, MESSAGE_NOT_IDENTIFIED, "", error.text);
        return true;
}

void identify_begin(struct machine *m, const struct event *e)
{
        struct request wanted;

        if (read_request(m, e, NULL, &wanted) < 0) {
                m->effects.failed = true; /* it was readable a moment ago */
                return;
        }
        machine_say_to(m, e->activity, MESSAGE_IDENTIFYING, "", NULL);
        m->wanted = wanted;
        m->wanted_local = false;
        RECORD_SET(m->wanted_id, e->activity);
        look(m);
}

/* A bundle in the watched folder: done without being asked.  It never takes the place of what the
 * host has asked for, whose next command would be taken for one about the bundle. */
void identify_local(struct machine *m, const struct event *e)
{
        if (!machine_is_free(m)) {
                machine_log(m, UB_LOG_NOTICE, "%s: another update is in progress", e->text);
                return;
        }
        m->wanted = (struct request){ .size = 0 };
        RECORD_SET(m->wanted.version, e->version);
        RECORD_SET(m->wanted.url, e->text);
        (void)snprintf(m->wanted_id, sizeof(m->wanted_id), "local-%lld", (long long)m->wall_sec);
        m->wanted_local = true;
        look(m);
}
