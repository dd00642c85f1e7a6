/* SPDX-License-Identifier: Apache-2.0
 *
 * update-brokerd - the daemon
 *
 * Loads the configuration, and wires together what must not know of each other: host/config, which checks
 * registrations, and host/plugin, which can ask a plugin for the schema of its settings.
 *
 * Exit status: 0 all is well, 1 it is not, 2 wrong usage. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/config/check.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/plugin/probe.h"
#include "host/plugin/trust.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum { EXIT_USAGE = 2 };

static int usage(const char *what)
{
        (void)fprintf(stderr, "update-brokerd: %s\nTry 'update-brokerd --help'.\n", what);
        return EXIT_USAGE;
}

/* Asks a plugin in a throw-away process, so that checking a configuration never runs foreign code
 * in this one. */
static int get_schema(void *data, const char *plugin, char **ret, struct diag *diag)
{
        const struct settings_run *run = data;
        const struct trust_rules rules = trust_rules_default();
        struct probe_config probe = {
                .agent_host = run->agent_host,
                .timeout_usec = PROBE_TIMEOUT_USEC,
        };
        CLEANUP_FREE char *path = NULL;
        struct probe_info *info = NULL;
        int r;

        r = trust_find(run->plugin_dir, plugin, &rules, diag, &path);
        if (r < 0)
                return r;
        probe.plugin = path;
        r = probe_run(&probe, diag, &info);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(info->settings_schema);
        (void)probe_info_free(info);
        return 0;
}

static int load_confd(struct settings *settings, struct confd **ret)
{
        const struct confd_options options = {
                .dirs = (const char *const *)settings->run.conf_dirs,
                .n_dirs = words_count(settings->run.conf_dirs),
                .owner = geteuid(),
                .schema = get_schema,
                .schema_data = &settings->run,
        };

        return confd_load(&options, ret);
}

static int check_config(struct settings *settings)
{
        CLEANUP(confd_freep) struct confd *confd = NULL;
        CLEANUP(domains_freep) struct domains *domains = NULL;
        struct check check = { .settings = settings };
        int r;

        r = load_confd(settings, &confd);
        if (r == 0)
                r = domains_new(settings, confd, &domains);
        check.confd = confd;
        check.domains = domains;
        if (r == 0)
                r = settings->run.json ? check_print_json(&check, stdout) : check_print(&check, stdout);
        if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = -EIO;
        if (r < 0) {
                (void)fprintf(stderr, "update-brokerd: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return check_passed(&check) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct settings *settings)
{
        if (settings->run.help) {
                settings_print_help(stdout);
                return EXIT_SUCCESS;
        }
        if (settings->run.version) {
                (void)puts(PACKAGE_STRING);
                return EXIT_SUCCESS;
        }
        if (settings->run.json && !settings->run.check_config)
                return usage("--json goes with --check-config");
        if (settings->run.check_config)
                return check_config(settings);

        (void)fputs("update-brokerd: this build has no orchestrator and no MQTT connection, which "
                    "running as a daemon needs; it can --check-config\n", stderr);
        return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        const struct settings_sources sources = {
                .argc = argc,
                .argv = argv,
                .environment = (const char *const *)environ,
        };
        CLEANUP(settings_freep) struct settings *settings = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = settings_load(&sources, &diag, &settings);
        if (r == -EINVAL)
                return usage(diag.text);
        if (r < 0) {
                (void)fprintf(stderr, "update-brokerd: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return run(settings);
}
