/* SPDX-License-Identifier: Apache-2.0
 *
 * update-brokerd - the daemon
 *
 * Reads its options, and wires together what must not know of each other: host/config, which checks
 * registrations, and host/plugin, which can ask a plugin for the schema of its settings.
 *
 * Exit status: 0 all is well, 1 it is not, 2 wrong usage. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/config/check.h"
#include "host/config/confd.h"
#include "host/plugin/probe.h"
#include "host/plugin/trust.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum { EXIT_USAGE = 2 };

struct options {
        bool check_config;
        bool json;
        const char *conf_dirs[CONFD_DIRS_MAX];
        size_t n_conf_dirs;
        const char *plugin_dir;
        const char *agent_host;
};

/* Where registrations are: packages, this boot, the administrator. */
static const char *const standard_conf_dirs[] = {
        CONF_DIR,
        "/run/update-broker/conf.d",
        ADMIN_CONF_DIR,
};

static void print_help(void)
{
        (void)printf("Usage: update-brokerd [OPTION]...\n"
                     "Drives the update agents of this device.\n"
                     "\n"
                     "      --check-config    read all registrations, print what they amount to "
                     "and what is\n"
                     "                        wrong with them, and exit: 0 no error, 1 errors\n"
                     "      --json            with --check-config: print one JSON object\n"
                     "      --conf-dir=DIR    read registrations from DIR instead of the standard "
                     "folders;\n"
                     "                        may be repeated, later ones take precedence\n"
                     "      --plugin-dir=DIR  look for plugins in DIR\n"
                     "      --agent-host=FILE the program that isolated plugins run in\n"
                     "  -h, --help            print this and exit\n"
                     "  -V, --version         print the version and exit\n"
                     "\n"
                     "Standard folders, lowest precedence first:\n"
                     "  %s\n  %s\n  %s\n",
                     standard_conf_dirs[0], standard_conf_dirs[1], standard_conf_dirs[2]);
}

static int usage(const char *what)
{
        (void)fprintf(stderr, "update-brokerd: %s\nTry 'update-brokerd --help'.\n", what);
        return EXIT_USAGE;
}

/* -1: go on; else the status to exit with. */
static int parse_options(int argc, char **argv, struct options *options)
{
        enum { CHECK_CONFIG = 256, JSON, CONF_DIR_OPTION, PLUGIN_DIR_OPTION, AGENT_HOST_OPTION };
        static const struct option known[] = {
                { "check-config", no_argument, NULL, CHECK_CONFIG },
                { "json", no_argument, NULL, JSON },
                { "conf-dir", required_argument, NULL, CONF_DIR_OPTION },
                { "plugin-dir", required_argument, NULL, PLUGIN_DIR_OPTION },
                { "agent-host", required_argument, NULL, AGENT_HOST_OPTION },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { NULL, 0, NULL, 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "hV", known, NULL)) != -1) {
                switch (c) {
                case CHECK_CONFIG:
                        options->check_config = true;
                        break;
                case JSON:
                        options->json = true;
                        break;
                case CONF_DIR_OPTION:
                        if (options->n_conf_dirs == CONFD_DIRS_MAX)
                                return usage("too many --conf-dir");
                        options->conf_dirs[options->n_conf_dirs++] = optarg;
                        break;
                case PLUGIN_DIR_OPTION:
                        options->plugin_dir = optarg;
                        break;
                case AGENT_HOST_OPTION:
                        options->agent_host = optarg;
                        break;
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                case 'V':
                        (void)puts(PACKAGE_STRING);
                        return EXIT_SUCCESS;
                default: /* getopt_long has said what */
                        return EXIT_USAGE;
                }
        }
        if (optind < argc)
                return usage("this program takes options only");
        if (options->json && !options->check_config)
                return usage("--json goes with --check-config");
        return -1;
}

/* Asks a plugin in a throw-away process, so that checking a configuration never runs foreign code
 * in this one. */
static int get_schema(void *data, const char *plugin, char **ret, struct diag *diag)
{
        const struct options *options = data;
        const struct trust_rules rules = trust_rules_default();
        struct probe_config probe = {
                .agent_host = options->agent_host,
                .timeout_usec = PROBE_TIMEOUT_USEC,
        };
        CLEANUP_FREE char *path = NULL;
        struct probe_info *info = NULL;
        int r;

        r = trust_find(options->plugin_dir, plugin, &rules, diag, &path);
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

static int check_config(struct options *options)
{
        const struct confd_options confd_options = {
                .dirs = options->conf_dirs,
                .n_dirs = options->n_conf_dirs,
                .owner = geteuid(),
                .schema = get_schema,
                .schema_data = options,
        };
        CLEANUP(confd_freep) struct confd *confd = NULL;
        int r;

        r = confd_load(&confd_options, &confd);
        if (r == 0)
                r = options->json ? check_print_json(confd, stdout) : check_print(confd, stdout);
        if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = -EIO;
        if (r < 0) {
                (void)fprintf(stderr, "update-brokerd: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return check_passed(confd) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        struct options options = { .plugin_dir = PLUGIN_DIR, .agent_host = AGENT_HOST };
        int status;

        status = parse_options(argc, argv, &options);
        if (status >= 0)
                return status;
        if (options.n_conf_dirs == 0) {
                memcpy(options.conf_dirs, standard_conf_dirs, sizeof(standard_conf_dirs));
                options.n_conf_dirs = ARRAY_SIZE(standard_conf_dirs);
        }
        if (options.check_config)
                return check_config(&options);

        (void)fputs("update-brokerd: this build has no orchestrator and no MQTT connection, which "
                    "running "
                    "as a daemon needs; it can --check-config\n",
                    stderr);
        return EXIT_FAILURE;
}
