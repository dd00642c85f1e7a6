/* SPDX-License-Identifier: Apache-2.0
 *
 * check-config - the report of `update-brokerd --check-config`, without the daemon */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/broker/setup.h"
#include "host/config/settings.h"
#include "host/ctl/ctl.h"
#include "host/util/diag.h"

static int report(const struct setup *setup)
{
        const struct check check = setup_get_check(setup);
        int r;

        r = setup->settings->run.json ? check_print_json(&check, stdout)
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
        CLEANUP(setup_unrefp) struct setup *setup = NULL;
        struct settings *settings = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = settings_load(&sources, &diag, &settings);
        if (r < 0)
                (void)ctl_fail("check-config: %s", *diag.text ? diag.text : strerror(-r));
        if (r < 0)
                return r == -EINVAL ? CTL_EXIT_USAGE : CTL_EXIT_FAILURE;
        if (settings->run.help) {
                settings_print_help(stdout);
                (void)settings_free(settings);
                return CTL_EXIT_COMPLETED;
        }
        settings->run.json |= json;
        r = setup_complete(settings, NULL, &setup);
        return r < 0 ? ctl_fail("%s", strerror(-r)) : report(setup);
}
