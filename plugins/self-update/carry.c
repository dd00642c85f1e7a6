/* SPDX-License-Identifier: Apache-2.0
 *
 * carry - carries out what the machine wants, in order
 *
 * Two things hold the list up, and while they do events go on to be given to the machine; what it
 * adds waits in line:
 *
 *     EFFECT_STORE      until the record is on disk.  What was told, asked of RAUC or fetched is
 *                       then never more than a power failure leaves behind
 *     a host's request  until its call has returned: a host does not expect feedback on what it
 *                       has not finished saying
 *
 * When the record cannot be stored, everything behind it is dropped but what only tells something,
 * and the machine hears of it.
 *
 * The outcomes carry the serial number of their effect.  RAUC's client keeps the numbers itself,
 * because it has several calls under way; of downloads, readings and checks there is one at a time,
 * and its number is kept here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/self-update/fetch.h"
#include "plugins/self-update/health.h"
#include "plugins/self-update/inventory.h"
#include "plugins/self-update/rauc.h"
#include "plugins/self-update/reader.h"
#include "plugins/self-update/self-update.h"
#include "plugins/self-update/watch.h"

/* Serial numbers of questions about bundles that were found, which are not the machine's: it counts
 * from 1 and never comes here. */
#define FOUND_SERIAL (UINT64_C(1) << 62)

static void carry(struct self_update *self);

/* --------------------------------------------------------------------------------------- events */

/* The one door of the machine.  It has no clock, so each event brings the time along. */
void carry_give(struct self_update *self, struct event *event)
{
        struct timespec now;

        if (!self->running)
                return;
        (void)clock_gettime(CLOCK_BOOTTIME, &now); /* the clocks are always there */
        event->time_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        event->wall_sec = now.tv_sec;
        if (!event->text)
                event->text = ""; /* the machine need not ask */
        machine_handle(&self->machine, event);
        carry(self);
}

static void on_later(void *data)
{
        struct self_update *self = data;

        self->later = NULL;
        carry(self);
}

int carry_request(struct self_update *self, struct event *event)
{
        int r = 0;

        if (!self->later)
                r = ub_defer(self->host, on_later, self, &self->later);
        if (r >= 0)
                carry_give(self, event);
        return r;
}

static void on_surveyed(void *data, uint64_t serial, int result, const char *text,
                        const struct survey *survey)
{
        carry_give(data, &(struct event){ .kind = EVENT_SURVEYED,
                                          .serial = serial,
                                          .result = result,
                                          .text = text,
                                          .survey = survey });
}

/* A bundle on a stick: worth telling when it is another version than the one that runs. */
static void on_found_inspected(struct self_update *self, size_t i, int result, const char *text,
                               const struct bundle *bundle)
{
        const char *running = machine_version(&self->machine);
        char url[SETTINGS_PATH_MAX + 16];
        char path[SETTINGS_PATH_MAX];

        record_copy(path, sizeof(path), self->found[i]);
        self->found[i][0] = '\0';
        if (result == -EBUSY || result == -ENOTCONN || result == -ECONNRESET ||
            result == -ETIMEDOUT) { /* that says nothing of the bundle */
                ub_info(self->host, "%s: RAUC cannot be asked: %s", path, text);
                watch_again(self->watch, path);
                return;
        }
        if (result < 0) {
                ub_notice(self->host, "%s is no bundle for this device: %s", path, text);
                return;
        }
        if (strcmp(bundle->version, running) == 0 ||
            strcmp(bundle->compatible, self->machine.survey.compatible) != 0) {
                ub_info(self->host, "%s: version %s for %s, nothing to do", path, bundle->version,
                        bundle->compatible);
                return;
        }
        (void)snprintf(url, sizeof(url), "file://%s", path);
        ub_notice(self->host, "%s holds version %s; the image is %s", path, bundle->version, url);
        if (!self->settings.watch.install)
                return;
        if (machine_is_free(&self->machine))
                carry_give(self, &(struct event){ .kind = EVENT_LOCAL,
                                                  .text = url,
                                                  .version = bundle->version });
        else
                watch_again(self->watch, path);
}

static void on_inspected(void *data, uint64_t serial, int result, const char *text,
                         const struct bundle *bundle, bool vague)
{
        if (serial >= FOUND_SERIAL)
                on_found_inspected(data, (size_t)(serial - FOUND_SERIAL), result, text, bundle);
        else
                carry_give(data, &(struct event){ .kind = EVENT_INSPECTED,
                                                  .serial = serial,
                                                  .result = result,
                                                  .text = text,
                                                  .bundle = bundle,
                                                  .vague = vague });
}

static void on_installing(void *data, uint64_t serial, int result, const char *text)
{
        carry_give(data, &(struct event){ .kind = EVENT_INSTALLING,
                                          .serial = serial,
                                          .result = result,
                                          .text = text });
}

static void on_install_progress(void *data, uint64_t serial, int percent, const char *text)
{
        carry_give(data, &(struct event){ .kind = EVENT_PROGRESS,
                                          .serial = serial,
                                          .percent = percent,
                                          .text = text });
}

static void on_installed(void *data, uint64_t serial, int result, const char *text)
{
        carry_give(data, &(struct event){ .kind = EVENT_INSTALLED,
                                          .serial = serial,
                                          .result = result,
                                          .text = text });
}

static void on_marked(void *data, uint64_t serial, int result, const char *text)
{
        carry_give(data, &(struct event){ .kind = EVENT_MARKED,
                                          .serial = serial,
                                          .result = result,
                                          .text = text });
}

static void on_rauc_changed(void *data, bool up)
{
        carry_give(data, &(struct event){ .kind = up ? EVENT_RAUC_UP : EVENT_RAUC_GONE });
}

/* Every outcome of RAUC's has its event, so these only translate. */
static const struct rauc_events rauc_events = {
        .surveyed = on_surveyed,
        .inspected = on_inspected,
        .installing = on_installing,
        .progress = on_install_progress,
        .installed = on_installed,
        .marked = on_marked,
        .changed = on_rauc_changed,
};

static void on_fetch_progress(void *data, uint64_t now, uint64_t total)
{
        struct self_update *self = data;

        carry_give(self, &(struct event){ .kind = EVENT_FETCHING,
                                          .serial = self->fetch_serial,
                                          .now = now,
                                          .total = total });
}

static void on_fetched(void *data, int result, const char *text, uint64_t total)
{
        struct self_update *self = data;

        carry_give(self, &(struct event){ .kind = EVENT_FETCHED,
                                          .serial = self->fetch_serial,
                                          .result = result,
                                          .text = text,
                                          .total = total,
                                          .retries = fetch_retries(self->fetch) });
}

static const struct fetch_events fetch_events = {
        .progress = on_fetch_progress,
        .done = on_fetched,
};

static void on_reading(void *data, uint64_t now, uint64_t total)
{
        struct self_update *self = data;

        carry_give(self, &(struct event){ .kind = EVENT_READING,
                                          .serial = self->read_serial,
                                          .now = now,
                                          .total = total });
}

static void on_read(void *data, int result, const char *text, const struct reading *found)
{
        struct self_update *self = data;

        carry_give(self, &(struct event){ .kind = EVENT_READ,
                                          .serial = self->read_serial,
                                          .result = result,
                                          .text = text,
                                          .reading = found });
}

static const struct reader_events reader_events = {
        .progress = on_reading,
        .done = on_read,
};

static void on_health(void *data, int result, const char *text)
{
        struct self_update *self = data;

        carry_give(self, &(struct event){ .kind = EVENT_HEALTH,
                                          .serial = self->health_serial,
                                          .result = result,
                                          .text = text });
}

static void on_timer(void *data)
{
        struct timer *timer = data;
        struct self_update *self = timer->self;
        uint64_t serial = timer->serial;

        *timer = (struct timer){ .self = NULL }; /* first: the machine may want another one */
        carry_give(self, &(struct event){ .kind = EVENT_TIMER, .serial = serial });
}

/* A bundle in the watched folder: RAUC is asked what it is.  The place in the list is the number of
 * the question. */
static bool on_found(void *data, const char *path)
{
        struct self_update *self = data;
        size_t i;

        if (strlen(path) >= sizeof(self->found[0])) {
                ub_warning(self->host, "%s: the path is too long", path);
                return true;
        }
        if (!machine_is_free(&self->machine))
                return false; /* RAUC answers nobody while it installs */
        for (i = 0; i < FOUND_MAX; i++) {
                if (self->found[i][0])
                        continue;
                record_copy(self->found[i], sizeof(self->found[i]), path);
                rauc_inspect(self->rauc, FOUND_SERIAL + i, path, NULL, 0);
                return true;
        }
        return false;
}

/* -------------------------------------------------------------------------------------- storing */

/* Nothing that was to come after the record may happen; what only tells something may. */
static void drop_deeds(struct self_update *self)
{
        struct effects kept = { .failed = false };
        struct effects *effects = &self->machine.effects;
        struct effect effect;

        while (effects_take(effects, &effect)) {
                if (effect.kind == EFFECT_LOG || effect.kind == EFFECT_INVENTORY)
                        effects_add(&kept, &effect);
                effect_done(&effect);
        }
        effects_done(effects);
        *effects = kept;
}

/* The effects are dropped first: what the machine says to this is not. */
static void unstored(struct self_update *self, int r)
{
        drop_deeds(self);
        carry_give(self, &(struct event){ .kind = EVENT_UNSTORED,
                                          .result = r,
                                          .text = strerror(-r) });
}

static void on_synced(void *data, int result)
{
        struct self_update *self = data;

        self->n_syncs--;
        if (!self->running)
                return;
        if (result < 0)
                unstored(self, result);
        else
                carry(self);
}

/* Writing is quick and in memory; it is the sync that takes its time and is awaited. */
static void store(struct self_update *self)
{
        char *text = NULL;
        int r;

        r = record_write(&self->machine.record, &text);
        if (r >= 0)
                r = ub_state_write(self->host, RECORD_KEY, text);
        free(text);
        if (r >= 0) {
                self->n_syncs++;
                r = ub_state_sync(self->host, on_synced, self);
                if (r < 0)
                        self->n_syncs--;
        }
        if (r < 0)
                unstored(self, r);
}

/* -------------------------------------------------------------------------------------- effects */

static void send_feedback(struct self_update *self, const struct effect *effect)
{
        int r = ub_feedback(self->host, effect->a, effect->b);

        /* The activity has ended on the host's side, which is nobody's fault. */
        if (r == -ENOENT || r == -ESTALE)
                ub_info(self->host, "nobody waits for this word on %s: %s", effect->a, effect->b);
        else if (r < 0)
                ub_err(self->host, "feedback is lost: %s", strerror(-r));
}

static void send_inventory(struct self_update *self, const struct effect *effect)
{
        int r = inventory_send(&self->machine, self->host, effect->a);

        if (r < 0)
                ub_warning(self->host, "the inventory is not reported: %s", strerror(-r));
}

/* A timer that cannot be started is one that the machine waits for in vain; the log is all that is
 * left to do.  TIMERS_MAX is several times what the machine ever has under way. */
static void start_timer(struct self_update *self, const struct effect *effect)
{
        struct timer *timer = self->timers;
        int r = -E2BIG;

        while (timer < self->timers + TIMERS_MAX && timer->self)
                timer++;
        if (timer < self->timers + TIMERS_MAX) {
                *timer = (struct timer){ .self = self, .serial = effect->serial };
                r = ub_timer(self->host, (uint64_t)effect->number, on_timer, timer,
                             &timer->source);
                if (r < 0)
                        timer->self = NULL;
        }
        if (r < 0)
                ub_err(self->host, "a timer cannot be started: %s", strerror(-r));
}

static void start_health(struct self_update *self, const struct effect *effect)
{
        const struct survey *survey = &self->machine.survey;
        const struct slot *booted = survey_booted(survey);
        const struct health_subject subject = {
                .version = machine_version(&self->machine),
                .slot = booted ? booted->name : "",
                .trial = self->machine.record.pending.trial == TRIAL_RUNNING,
        };

        self->health_serial = effect->serial;
        health_start(self->health, &subject, on_health, self);
}

static void start_fetch(struct self_update *self, const struct effect *effect)
{
        const struct fetch_request request = {
                .url = effect->a,
                .path = self->machine.path,
                .sha256 = effect->b,
                .size = (uint64_t)effect->number,
        };

        self->fetch_serial = effect->serial;
        fetch_start(self->fetch, &request);
}

static void start_reading(struct self_update *self, const struct effect *effect)
{
        const struct reader_request request = {
                .path = effect->a,
                .size = (uint64_t)effect->number,
                .stamp = effect->b,
        };
        int r;

        self->read_serial = effect->serial;
        r = reader_start(self->reader, &request);
        if (r < 0) /* what the machine wants next waits in line behind this effect */
                on_read(self, r, strerror(-r), NULL);
}

/* Of the system itself, past the host: only out of a slot that is not well, or for an update that
 * nobody asked for. */
static void reboot(struct self_update *self, const struct effect *effect)
{
        int r;

        ub_notice(self->host, "restarting the device: %s", effect->a);
        r = rauc_reboot(self->rauc);
        if (r < 0)
                ub_err(self->host, "logind cannot be asked for a restart: %s", strerror(-r));
}

static void ask_for_boot(struct self_update *self, const struct effect *effect)
{
        int r = ub_reboot_request(self->host, effect->a, effect->b);

        if (r < 0 && r != -ENOENT) /* the host has ended the activity meanwhile */
                ub_warning(self->host, "the boot is not asked for: %s", strerror(-r));
}

/* As the download has it.  Without what cannot be read the server says no, and then the download,
 * which says why. */
static struct rauc_access get_access(const struct self_update *self, const struct effect *effect,
                                     struct fetch_headers *headers)
{
        const struct settings *s = &self->settings;
        struct ub_error error = UB_ERROR_INIT;
        int r = *effect->a == '/' ? -ENOENT
                                  : fetch_read_headers(self->host, s, headers, &error);

        if (r < 0 && *effect->a != '/')
                ub_warning(self->host, "download.headersFile: %s", error.text);
        return (struct rauc_access){ .cert = s->download.cert_file,
                                     .key = s->download.key_file,
                                     .ca = s->download.ca_file,
                                     .headers = r < 0 ? NULL : headers->list };
}

static void inspect(struct self_update *self, const struct effect *effect)
{
        struct fetch_headers headers;
        const struct rauc_access access = get_access(self, effect, &headers);

        rauc_inspect(self->rauc, effect->serial, effect->a, &access, (uint64_t)effect->number);
}

static void install(struct self_update *self, const struct effect *effect)
{
        struct fetch_headers headers;
        const struct rauc_access access = get_access(self, effect, &headers);

        rauc_install(self->rauc, effect->serial, effect->a, effect->b, effect->c, &access);
}

static void do_effect(struct self_update *self, const struct effect *effect)
{
        switch (effect->kind) {
        case EFFECT_LOG:
                ub_log(self->host, (int)effect->number, "%s", effect->a);
                break;
        case EFFECT_STORE:
                store(self);
                break;
        case EFFECT_FEEDBACK:
                send_feedback(self, effect);
                break;
        case EFFECT_INVENTORY:
                send_inventory(self, effect);
                break;
        case EFFECT_SURVEY:
                rauc_survey(self->rauc, effect->serial);
                break;
        case EFFECT_INSPECT:
                inspect(self, effect);
                break;
        case EFFECT_INSTALL:
                install(self, effect);
                break;
        case EFFECT_ATTACH:
                rauc_attach(self->rauc, effect->serial);
                break;
        case EFFECT_MARK:
                rauc_mark(self->rauc, effect->serial, effect->a, effect->b);
                break;
        case EFFECT_FETCH:
                start_fetch(self, effect);
                break;
        case EFFECT_FETCH_STOP:
                fetch_stop(self->fetch);
                break;
        case EFFECT_FETCH_DELETE:
                fetch_delete(self->fetch);
                break;
        case EFFECT_READ:
                start_reading(self, effect);
                break;
        case EFFECT_READ_STOP:
                reader_stop(self->reader);
                break;
        case EFFECT_HEALTH:
                start_health(self, effect);
                break;
        case EFFECT_TIMER:
                start_timer(self, effect);
                break;
        case EFFECT_REBOOT_REQUEST:
                ask_for_boot(self, effect);
                break;
        case EFFECT_REBOOT:
                reboot(self, effect);
                break;
        case EFFECT_COUNT:
                break;
        }
}

static void carry(struct self_update *self)
{
        struct effect effect;

        if (self->carrying)
                return; /* the loop below is at it, further down the stack */
        self->carrying = true;
        while (self->running && self->n_syncs == 0 && !self->later &&
               effects_take(&self->machine.effects, &effect)) {
                do_effect(self, &effect);
                effect_done(&effect);
        }
        self->carrying = false;
        /* The update hangs where the effect is missing, and the host's time limit ends it. */
        if (self->machine.effects.failed) {
                self->machine.effects.failed = false;
                ub_err(self->host, "out of memory: something of the update is not done");
        }
}

/* ----------------------------------------------------------------------------------------- life */

int carry_start(struct self_update *self)
{
        const struct settings *s = &self->settings;
        const struct watch_folder folder = { s->watch.folder, s->watch.interval_usec };
        int r;

        r = rauc_new(self->host, s->rauc.bus, s->rauc.autostart, &rauc_events, self, &self->rauc);
        if (r >= 0)
                r = fetch_new(self->host, s, &fetch_events, self, &self->fetch);
        if (r >= 0)
                r = health_new(self->host, s, self->rauc, self->fetch, &self->health);
        if (r >= 0)
                r = reader_new(self->host, &reader_events, self, &self->reader);
        if (r >= 0 && *s->watch.folder)
                r = watch_new(self->host, &folder, on_found, self, &self->watch);
        self->running = r >= 0;
        return r;
}

/* Health and watch use the others, so they go first.  Nothing is undone: what is under way in RAUC
 * goes on, and is found again by the next life. */
void carry_stop(struct self_update *self)
{
        size_t i;

        self->running = false;
        ub_source_drop(self->host, &self->later);
        for (i = 0; i < TIMERS_MAX; i++)
                if (self->timers[i].self)
                        ub_source_drop(self->host, &self->timers[i].source);
        self->watch = watch_free(self->watch);
        self->health = health_free(self->health);
        self->reader = reader_free(self->reader);
        self->fetch = fetch_free(self->fetch);
        self->rauc = rauc_free(self->rauc);
}
