/* SPDX-License-Identifier: Apache-2.0
 *
 * Life and death of the daemon, and the one place that steps the orchestrator.
 *
 * There is no list of things to do when something has changed: broker_look() is called behind every
 * event and looks whether what somebody waits for has come about.  It is the only judge of "ready",
 * "may end" and "may take the other configuration", so they cannot contradict each other.
 *
 * The order in which it ends: the orchestrator says all that is to be said (EVENT_STOP); the plugins
 * wind down; what they still sent, and what was said, leaves for the MQTT server; the loop ends.  Each
 * has its time, and who is late is left behind: the journal has what matters. */
#include "config.h"

#include "host/broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "host/broker/chronicle.h"
#include "host/broker/inhibitor.h"
#include "host/broker/inside.h"
#include "host/broker/reboot.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/plugin/abi.h"
#include "host/plugin/breadcrumb.h"
#include "host/state/journal.h"
#include "host/util/diag.h"
#include "host/util/time.h"

#define RECORD_NAME "orchestrator.journal"
#define AGENTS_FOLDER "agents" /* in the state folder: what agents keep */

/* Plugins have INSTANCE_STOP_USEC; who takes longer than this is left behind. */
#define FAREWELL_USEC (INSTANCE_STOP_USEC + 2 * USEC_PER_SEC)

int64_t broker_now_ms(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock */
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------------------------- one step */

/* What is in memory cannot be trusted any more; the next daemon goes on from the record. */
static void break_off(struct broker *b)
{
        b->broken = true;
        log_error(b->log, NULL, "out of memory: the daemon ends and goes on from its journal");
        (void)sd_event_exit(b->event, EXIT_FAILURE);
}

void broker_give(struct broker *b, const struct event *event)
{
        struct effects effects = EFFECTS_INIT;
        int r;

        if (b->broken)
                return;
        r = orchestrator_step(b->orchestrator, event, &effects);
        if (r == 0)
                carry_add(b, &effects);
        effects_done(&effects);
        if (r < 0 || b->broken)
                break_off(b);
        else
                carry_on(b);
}

/* ----------------------------------------------------------------------------- looking after it */

static void describe_rest(const struct broker *b, char ret[static STATUS_SIZE])
{
        bool lost = uplink_is_configured(b->uplink) && !uplink_is_up(b->uplink);
        size_t total;
        size_t up;

        if (!b->ready) {
                (void)snprintf(ret, STATUS_SIZE, "starting");
                return;
        }
        hosted_count(b, &total, &up);
        (void)snprintf(ret, STATUS_SIZE, "idle, %zu of %zu agents run%s", up, total,
                       lost ? ", no connection to the MQTT server" : "");
}

/* The one call on the loop's thread that may wait for somebody else: sd_notify(3) blocks while the
 * service manager leaves too many messages unread, as does the watchdog that sd-event serves with it.
 * A service manager in that state neither starts nor stops anything either, and a READY=1 that were
 * dropped to save the time would have it kill this daemon at the end of its start. */
void broker_notify(const char *format, ...)
{
        char text[STATUS_SIZE + sizeof("STATUS=")];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args); /* fits: see STATUS_SIZE */
        va_end(args);
        (void)sd_notify(0, text); /* no service manager: nobody to tell */
}

/* Only what is on disk: who is told of a phase may rely on it. */
static void show_status(struct broker *b)
{
        const char *activity = orchestrator_get_activity(b->orchestrator);
        char text[STATUS_SIZE];

        if (b->carry.held)
                return;
        if (b->stopping)
                (void)snprintf(text, sizeof(text), "stopping");
        else if (activity)
                (void)snprintf(text, sizeof(text), "activity %s: %s", activity,
                               orchestrator_get_phase(b->orchestrator));
        else
                describe_rest(b, text);
        if (strcmp(text, b->status) == 0)
                return;
        memcpy(b->status, text, sizeof(b->status));
        broker_notify("STATUS=%s", text);
}

/* Nobody should pull the plug while the device is being changed; asleep it does not get anywhere. */
static void guard(struct broker *b)
{
        char why[64 + PLACE_ID_MAX];

        if (b->stopping || !orchestrator_is_changing(b->orchestrator)) {
                inhibitor_release(b->inhibitor);
                return;
        }
        (void)snprintf(why, sizeof(why), "activity %s is being installed",
                       orchestrator_get_activity(b->orchestrator));
        inhibitor_hold(b->inhibitor, why);
}

static bool any_in(const struct broker *b, bool (*is)(enum supervisor_state state))
{
        struct supervisor_status status;
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                if (!b->hosted[i]->supervisor)
                        continue;
                supervisor_get_status(b->hosted[i]->supervisor, &status);
                if (is(status.state))
                        return true;
        }
        return false;
}

static bool is_starting(enum supervisor_state state)
{
        return state == SUPERVISOR_STATE_STARTING;
}

static bool is_there(enum supervisor_state state)
{
        return state != SUPERVISOR_STATE_STOPPED;
}

/* Ready is who has tried: an agent that cannot run is a fault of its own, and holding up the boot of
 * the device for it would help nobody. */
static void get_ready(struct broker *b)
{
        if (!b->started || any_in(b, is_starting))
                return;
        b->ready = true;
        log_info(b->log, NULL, "ready after %llu ms",
                 (unsigned long long)((time_now_usec() - b->started_usec) / USEC_PER_MSEC));
        broker_notify("READY=1");
}

/* Agents that are not configured any more are freed here and not when they stop: that is told from
 * inside their supervisors. */
static void bury(struct broker *b)
{
        size_t kept = 0;
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct hosted *h = b->hosted[i];

                if (h->leaving && !hosted_is_there(h)) {
                        (void)hosted_free(h);
                        b->n_leaving--;
                } else {
                        b->hosted[kept++] = h;
                }
        }
        b->n_hosted = kept;
}

static int on_farewell(sd_event_source *source, uint64_t usec, void *data)
{
        struct broker *b = data;

        (void)source;
        (void)usec;
        if (any_in(b, is_there))
                log_warn(b->log, NULL, "plugins that do not stop are left behind");
        return sd_event_exit(b->event, EXIT_SUCCESS);
}

static void set_farewell(struct broker *b, uint64_t usec)
{
        b->farewell = sd_event_source_disable_unref(b->farewell);
        if (sd_event_add_time_relative(b->event, &b->farewell, CLOCK_BOOTTIME, usec, 0, on_farewell,
                                       b) < 0)
                (void)sd_event_exit(b->event, EXIT_SUCCESS);
}

/* The plugins are down: what is still to be sent has a moment, then it ends.  That it has arrived
 * has to be on disk. */
static void say_good_bye(struct broker *b)
{
        if (any_in(b, is_there) || b->carry.held)
                return;
        if (uplink_pending(b->uplink) == 0 || !uplink_is_up(b->uplink)) {
                (void)sd_event_exit(b->event, EXIT_SUCCESS);
        } else if (!b->flushing) {
                b->flushing = true;
                set_farewell(b, b->setup->settings->connection.disconnect_timeout_usec);
        }
}

void broker_look(struct broker *b)
{
        if (b->applying)
                return; /* the list of agents is being changed; looked at afterwards */
        if (b->next && !b->farewell)
                reload_apply(b);
        if (b->n_leaving > 0)
                bury(b);
        if (!b->ready)
                get_ready(b);
        if (b->farewell)
                say_good_bye(b);
        guard(b);
        show_status(b);
}

void broker_wind_down(struct broker *b)
{
        size_t i;

        if (b->farewell)
                return;
        current_state_done(b);
        set_farewell(b, FAREWELL_USEC);
        for (i = 0; i < b->n_hosted; i++)
                if (b->hosted[i]->supervisor)
                        supervisor_stop(b->hosted[i]->supervisor);
        broker_look(b);
}

void broker_stop(struct broker *b)
{
        if (b->stopping)
                return;
        b->stopping = true;
        broker_notify("STOPPING=1");
        log_info(b->log, NULL, "stops");
        broker_give(b, &(struct event){ .kind = EVENT_STOP });
}

void broker_reload(struct broker *b)
{
        reload_begin(b, NULL);
}

/* --------------------------------------------------------------------------------------- events */

static void on_uplink(void *data, bool up)
{
        struct broker *b = data;

        plugin_mqtt_connected(b, up);
        if (up)
                delivery_retry(b);
        if (up && !b->stopping)
                northbound_connected(b);
        broker_look(b);
}

static void on_oversized(void *data, const struct mqtt_message *message)
{
        struct broker *b = data;
        size_t i;

        northbound_oversized(b, message);
        for (i = 0; i < b->n_hosted; i++)
                agent_topics_oversized(b->hosted[i], message);
}

static const struct uplink_events uplink_events = {
        .changed = on_uplink,
        .oversized = on_oversized,
};

static void on_saved(void *data)
{
        delivery_retry(data);
}

static void on_reboot_log(void *data, const char *text)
{
        struct broker *b = data;

        log_warn(b->log, NULL, "%s", text);
}

static void on_reboot_failed(void *data, const char *text)
{
        broker_give(data, &(struct event){ .kind = EVENT_REBOOT_FAILED, .text = text });
}

static const struct reboot_events reboot_events = {
        .log = on_reboot_log,
        .failed = on_reboot_failed,
};

static int make_reboot(struct broker *b)
{
        const struct reboot_config config = {
                .event = b->event,
                .worker = b->worker,
                .retry_usec = REBOOT_RETRY_USEC,
                .patience_usec = REBOOT_PATIENCE_USEC,
                .grace_usec = REBOOT_GRACE_USEC,
        };

        return reboot_new(&config, &reboot_events, b, &b->reboot);
}

/* ---------------------------------------------------------------------------------- restoration */

int broker_set_up_orchestrator(struct broker *b, const struct setup *setup,
                               int (*fn)(struct broker *b,
                                         const struct orchestrator_config *config))
{
        const struct settings *s = setup->settings;
        struct orchestrator_config config = {
                .n_agents = setup->domains->n,
                .phase_timeout_usec = s->phase_timeout_usec,
                .phase_limit_usec = s->phase_limit_usec,
                .precondition_limit_usec = s->precondition_timeout_usec,
                .consent_timeout_usec = s->owner_consent_timeout_usec,
                .report_interval_usec = s->report_feedback_interval_usec,
                .reboot_after_usec = s->reboot_after_usec,
                .consent_steps = s->owner_consent_steps,
                .reboot_enabled = s->reboot_enabled,
                .report_before_reboot = s->report_before_reboot,
                .boot_id = b->config->boot_id,
        };
        struct orchestrator_agent *agents = calloc(config.n_agents + 1, sizeof(*agents));
        size_t i;
        int r;

        if (!agents)
                return -ENOMEM;
        for (i = 0; i < config.n_agents; i++)
                agents[i] = (struct orchestrator_agent){
                        .domain = setup->domains->items[i].id,
                        .reboot_required = setup->domains->items[i].reboot_required,
                };
        config.agents = agents;
        r = fn(b, &config);
        free(agents);
        return r;
}

/* A record that is whole and yet cannot be read is set aside for people to look at.  It must not keep
 * the daemon from starting: then nobody could send an update that mends it. */
static int restore(struct broker *b, const struct orchestrator_config *config)
{
        struct diag diag = DIAG_INIT;
        struct diag reason = DIAG_INIT;
        const char *record;
        size_t length;
        int r;

        record = journal_get_record(b->journal, &length);
        if (!record)
                return orchestrator_new(config, &b->orchestrator);
        r = orchestrator_restore(config, record, length, &reason, &b->orchestrator);
        if (r == -EBADMSG) {
                journal_reject(b->journal, reason.text, &diag);
                log_error(b->log, NULL, "%s", diag.text);
                return orchestrator_new(config, &b->orchestrator);
        }
        journal_forget(b->journal);
        return r;
}

static int open_folder(int dir_fd, const char *path, struct diag *diag)
{
        int fd;

        if (mkdirat(dir_fd, path, 0755) < 0 && errno != EEXIST)
                return diag_set_errno(diag, -errno, "%s", path);
        fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? diag_set_errno(diag, -errno, "%s", path) : fd;
}

static int open_folders(struct broker *b, struct diag *diag)
{
        const struct settings_run *run = &b->setup->settings->run;

        b->state_fd = open_folder(AT_FDCWD, run->state_dir, diag);
        if (b->state_fd < 0)
                return b->state_fd;
        b->runtime_fd = open_folder(AT_FDCWD, run->runtime_dir, diag);
        if (b->runtime_fd < 0)
                return b->runtime_fd;
        b->agents_fd = open_folder(b->state_fd, AGENTS_FOLDER, diag);
        return b->agents_fd < 0 ? b->agents_fd : 0;
}

/* What was damaged is reported and begins empty. */
static int open_files(struct broker *b, struct diag *diag)
{
        const char *id;
        const char *call;
        int r;

        r = breadcrumb_open(b->runtime_fd, b->state_fd, diag, &b->breadcrumb);
        if (r > 0)
                log_error(b->log, NULL, "%s", diag->text);
        if (r < 0)
                return r;
        if (breadcrumb_read(b->breadcrumb, &id, &call))
                log_error(b->log, &(struct log_about){ .agent = id },
                          "the last daemon died in this plugin, in %s", call);
        r = journal_open(b->state_fd, RECORD_NAME, b->worker, carry_on_written, b, diag,
                         &b->journal);
        if (r > 0)
                log_error(b->log, NULL, "%s; an activity that ran is forgotten", diag->text);
        if (r < 0)
                return r;
        r = chronicle_open(b->state_fd, b->worker, b->setup->settings->history_size, diag,
                           &b->chronicle);
        if (r > 0)
                log_error(b->log, NULL, "%s; the history begins anew", diag->text);
        if (r < 0)
                return r;
        chronicle_set_saved(b->chronicle, on_saved, b);
        return 0;
}

static int make_parts(struct broker *b)
{
        int r;

        b->room = (struct supervisor_room){
                .event = b->event,
                .worker = b->worker,
                .state_fd = b->agents_fd,
                .plugin_dir = b->setup->settings->run.plugin_dir,
                .agent_host = b->setup->settings->run.agent_host,
                .trust = b->config->trust,
                .breadcrumb = b->breadcrumb,
        };
        r = uplink_new(b->event, b->log, &uplink_events, b, &b->uplink);
        if (r == 0)
                r = make_reboot(b);
        if (r == 0)
                r = inhibitor_new(b->event, b->log, &b->inhibitor);
        if (r == 0)
                r = broker_set_up_orchestrator(b, b->setup, restore);
        if (r == 0)
                r = reload_populate(b, b->setup);
        if (r == 0)
                r = northbound_begin(b);
        if (r == 0)
                r = facts_begin(b);
        return r;
}

int broker_new(sd_event *event, struct worker *worker, struct log *log,
               const struct broker_config *config, struct setup *setup, struct diag *diag,
               struct broker **ret)
{
        CLEANUP(broker_freep) struct broker *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                return diag_set_errno(diag, -ENOMEM, "%s", "broker");
        b->event = event;
        b->worker = worker;
        b->log = log;
        b->config = config;
        b->setup = setup_ref(setup);
        b->first = setup_ref(setup);
        b->state_fd = b->runtime_fd = b->agents_fd = -1;
        r = open_folders(b, diag);
        if (r == 0)
                r = open_files(b, diag);
        if (r < 0)
                return r;
        r = make_parts(b);
        if (r < 0)
                return diag_set_errno(diag, r, "%s", "broker");
        *ret = TAKE_PTR(b);
        return 0;
}

int broker_start(struct broker *b, struct diag *diag)
{
        uint32_t flags = 0;
        size_t i;
        int r;

        b->started_usec = time_now_usec();
        r = uplink_configure(b->uplink, &b->setup->settings->connection, diag);
        if (r < 0)
                return r;
        if (orchestrator_get_activity(b->orchestrator))
                flags |= UB_START_RECOVERED;
        for (i = 0; i < b->n_hosted; i++)
                hosted_tell_hope(b->hosted[i]); /* who has a faulty registration has none */
        /* Before any agent is started: what it says is then heard by an activity that goes on. */
        broker_give(b, &(struct event){ .kind = EVENT_START });
        if (strcmp(orchestrator_get_phase(b->orchestrator), step_to_string(STEP_VERIFY)) == 0)
                flags |= UB_START_REBOOTED;
        for (i = 0; i < b->n_hosted; i++)
                if (b->hosted[i]->supervisor)
                        supervisor_start(b->hosted[i]->supervisor, flags);
        b->started = true;
        current_state_read_initial(b);
        service_begin(b);
        r = sd_event_set_watchdog(b->event, true);
        if (r < 0)
                log_warn(b->log, NULL, "the service manager's watchdog: %s", strerror(-r));
        broker_look(b);
        return 0;
}

/* Who calls others goes first: after hosted_free() no plugin speaks, after uplink_free() no message
 * comes back, and only then is it safe to take away what both end in. */
struct broker *broker_free(struct broker *b)
{
        size_t i;

        if (!b)
                return NULL;
        reload_done(b);
        service_end(b);
        current_state_done(b);
        timers_done(b);
        if (b->uplink) {
                northbound_end(b);
                facts_end(b);
        }
        for (i = 0; i < b->n_hosted; i++)
                (void)hosted_free(b->hosted[i]);
        free(b->hosted);
        (void)uplink_free(b->uplink);
        delivery_done(b);
        (void)reboot_free(b->reboot);
        (void)inhibitor_free(b->inhibitor);
        carry_done(b);
        (void)orchestrator_free(b->orchestrator);
        (void)journal_free(b->journal);
        (void)chronicle_free(b->chronicle);
        (void)breadcrumb_free(b->breadcrumb);
        (void)sd_event_source_disable_unref(b->unwell_boot);
        (void)sd_event_source_disable_unref(b->farewell);
        cleanup_close(&b->agents_fd);
        cleanup_close(&b->runtime_fd);
        cleanup_close(&b->state_fd);
        free(b->last_feedback);
        (void)setup_unref(b->setup);
        (void)setup_unref(b->first);
        free(b);
        return NULL;
}
