/* SPDX-License-Identifier: Apache-2.0
 *
 * update-brokerd - the daemon
 *
 * Reads the configuration, makes what there is one of per process (loop, log, worker), and hands
 * over to the broker.  Signals: SIGTERM and SIGINT end it in good order, SIGHUP has the
 * configuration read again.
 *
 * Exit status: 0 all is well, 1 it is not, 2 wrong usage. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "host/broker/broker.h"
#include "host/broker/setup.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/log/log.h"
#include "host/mqtt/connection.h"
#include "host/plugin/schemas.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/worker.h"

enum { EXIT_USAGE = 2 };

/* What may be written at a time: the journal, the history, and a state of each agent. */
enum { WORKER_JOBS_MAX = 4096 };

/* Of any limit: tables of the kernel grow with the number that is used, not with this. */
enum { DESCRIPTORS_MAX = 65536 };

static int usage(const char *what)
{
        (void)fprintf(stderr, "update-brokerd: %s\nTry 'update-brokerd --help'.\n", what);
        return EXIT_USAGE;
}

static int fail(int r, const char *what)
{
        (void)fprintf(stderr, "update-brokerd: %s\n", *what ? what : strerror(-r));
        return EXIT_FAILURE;
}

static int check_config(const struct setup *setup)
{
        const struct check check = setup_get_check(setup);
        int r;

        r = setup->settings->run.json ? check_print_json(&check, stdout)
                                      : check_print(&check, stdout);
        if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = -EIO;
        if (r < 0)
                return fail(r, "");
        return check_passed(&check) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ----------------------------------------------------------------------------------- the daemon */

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
        (void)source;
        (void)info;
        broker_stop(data);
        return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
        (void)source;
        (void)info;
        broker_reload(data);
        return 0;
}

static int add_signals(sd_event *event, struct broker *broker)
{
        int r;

        r = sd_event_add_signal(event, NULL, SIGTERM, on_end, broker);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_end, broker);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, broker);
        return r;
}

/* Before any thread exists.  A peer that hangs up is an error of write(2), not the end. */
static int prepare_signals(void)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0)
                return -errno;
        return 0;
}

/* An isolated agent takes three descriptors, and the usual soft limit of 1024 is there for the sake
 * of select(2), which nobody here uses.  What cannot be had is done without. */
static void raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
                return;
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where the device's boot is not the kernel's, in a container, whoever starts the daemon says which
 * boot it is. */
static int get_boot_id(struct diag *diag, char ret[static SD_ID128_UUID_STRING_MAX])
{
        const char *given = getenv("UPDATE_BROKER_BOOT_ID");
        sd_id128_t id;
        int r;

        if (given) {
                (void)snprintf(ret, SD_ID128_UUID_STRING_MAX, "%s", given);
                return 0;
        }
        r = sd_id128_get_boot(&id);
        if (r < 0)
                return diag_set_errno(diag, r, "the kernel's boot id (is /proc mounted?)");
        (void)sd_id128_to_uuid_string(id, ret);
        return 0;
}

/* True when there is an error that concerns everything. */
static bool report_problems(const struct problems *problems)
{
        struct diag text;
        size_t i;

        for (i = 0; i < problems->n; i++) {
                problem_format(&problems->items[i], &text);
                (void)fprintf(stderr, "update-brokerd: %s: %s\n",
                              problems->items[i].error ? "error" : "warning", text.text);
        }
        return problems->n_errors > 0;
}

static int run_broker(sd_event *event, struct worker *worker, struct log *log,
                      const struct broker_config *config, struct setup *setup, struct diag *diag)
{
        CLEANUP(broker_freep) struct broker *broker = NULL;
        int r;

        r = broker_new(event, worker, log, config, setup, diag, &broker);
        if (r == 0)
                r = broker_start(broker, diag);
        if (r == 0)
                r = add_signals(event, broker);
        if (r < 0)
                return r;
        r = sd_event_loop(event);
        worker_drain(worker);
        return r;
}

static int run_daemon(const struct settings_sources *sources, struct schemas *schemas,
                      struct setup *setup)
{
        const struct log_options options = setup_log_options(&setup->settings->log);
        char boot_id[SD_ID128_UUID_STRING_MAX];
        const struct broker_config config = {
                .sources = sources,
                .schemas = schemas,
                .boot_id = boot_id,
                .trust = trust_rules_default(),
        };
        struct worker *worker = NULL;
        CLEANUP(log_freep) struct log *log = NULL;
        struct diag diag = DIAG_INIT;
        sd_event *event = NULL;
        int r;

        raise_descriptors();
        r = prepare_signals();
        if (r == 0)
                r = connection_init();
        if (r == 0)
                r = log_new(&options, &diag, &log);
        if (r >= 0)
                r = get_boot_id(&diag, boot_id);
        if (r >= 0)
                r = sd_event_default(&event);
        if (r >= 0)
                r = worker_new(event, WORKER_JOBS_MAX, &worker);
        if (r >= 0)
                r = run_broker(event, worker, log, &config, setup, &diag);
        (void)worker_free(worker);
        (void)sd_event_unref(event);
        connection_done();
        return r < 0 ? fail(r, diag.text) : r;
}

/* ------------------------------------------------------------------------------------- the rest */

/* What is only printed needs no more than the options. */
static int print(const struct settings *settings)
{
        if (settings->run.help)
                settings_print_help(stdout);
        else
                (void)puts(PACKAGE_STRING);
        return EXIT_SUCCESS;
}

static int run(const struct settings_sources *sources, struct schemas *schemas, struct setup *setup)
{
        bool faulty;

        if (setup->settings->run.check_config)
                return check_config(setup);
        faulty = report_problems(&setup->settings->problems);
        faulty |= report_problems(&setup->domains->problems);
        (void)report_problems(&setup->confd->problems); /* concern their registrations only */
        return faulty ? EXIT_FAILURE : run_daemon(sources, schemas, setup);
}

int main(int argc, char **argv)
{
        const struct settings_sources sources = {
                .argc = argc,
                .argv = argv,
                .environment = (const char *const *)environ,
        };
        CLEANUP(schemas_freep) struct schemas *schemas = NULL;
        CLEANUP(setup_unrefp) struct setup *setup = NULL;
        struct settings *settings = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = settings_load(&sources, &diag, &settings);
        if (r == -EINVAL)
                return usage(diag.text);
        if (r < 0)
                return fail(r, "");
        if (settings->run.help || settings->run.version) {
                r = print(settings);
                (void)settings_free(settings);
                return r;
        }
        if (settings->run.json && !settings->run.check_config) {
                (void)settings_free(settings);
                return usage("--json goes with --check-config");
        }
        r = schemas_new(&schemas);
        if (r < 0)
                (void)settings_free(settings);
        else
                r = setup_complete(settings, schemas, &setup);
        return r < 0 ? fail(r, "") : run(&sources, schemas, setup);
}
