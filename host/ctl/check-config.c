/* SPDX-License-Identifier: Apache-2.0
 *
 * check-config - the report of `update-brokerd --check-config`, without the daemon */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/config/check.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/ctl/ctl.h"
#include "host/plugin/probe.h"
#include "host/plugin/trust.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

/* Asks a plugin in a throw-away process, so that no foreign code runs in this one. */
static int get_schema(void *data, const char *plugin, char **ret, struct diag *diag)
{
        const struct settings_run *run = data;
        const struct trust_rules rules = trust_rules_default();
        struct probe_config probe = { .agent_host = run->agent_host,
                                      .timeout_usec = PROBE_TIMEOUT_USEC };
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

static int report(struct settings *settings)
{
        const struct confd_options options = {
                .dirs = (const char *const *)settings->run.conf_dirs,
                .n_dirs = words_count(settings->run.conf_dirs),
                .owner = geteuid(),
                .schema = get_schema,
                .schema_data = &settings->run,
        };
        CLEANUP(confd_freep) struct confd *confd = NULL;
        CLEANUP(domains_freep) struct domains *domains = NULL;
        struct check check = { .settings = settings };
        int r;

        r = confd_load(&options, &confd);
        if (r == 0)
                r = domains_new(settings, confd, &domains);
        check.confd = confd;
        check.domains = domains;
        if (r == 0)
                r = settings->run.json ? check_print_json(&check, stdout)
                                       : check_print(&check, stdout);
        if (r < 0)
                return ctl_fail("%s", strerror(-r));
        return check_passed(&check) ? CTL_EXIT_COMPLETED : CTL_EXIT_FAILURE;
}

int ctl_check_config(int argc, char **argv, bool json)
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
        if (r < 0)
                (void)ctl_fail("check-config: %s", *diag.text ? diag.text : strerror(-r));
        if (r < 0)
                return r == -EINVAL ? CTL_EXIT_USAGE : CTL_EXIT_FAILURE;
        if (settings->run.help) {
                settings_print_help(stdout);
                return CTL_EXIT_COMPLETED;
        }
        settings->run.json |= json;
        return report(settings);
}
