/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc-other - logind and systemd, which are asked on the same bus */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/nest.h>

#include "plugins/self-update/rauc-internal.h"

#define ANSWER_USEC UINT64_C(30000000)

static int on_rebooting(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);
        struct rauc *rauc = data;
        int r;

        (void)unused;
        if (!error)
                return 0;
        /* Without polkit logind lets nobody but root, and the agent need not be that. */
        ub_notice(rauc->host, "logind does not restart the device for this agent (%s); the daemon "
                              "is asked to", error->message);
        r = ub_reboot_request(rauc->host, "", "the running system is to be left");
        if (r < 0)
                ub_err(rauc->host, "the device cannot be restarted: %s", strerror(-r));
        return 0;
}

int rauc_reboot(struct rauc *rauc)
{
        int r;

        if (!rauc->bus)
                return -ENOTCONN;
        r = sd_bus_call_method_async(rauc->bus, NULL, "org.freedesktop.login1",
                                     "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
                                     "Reboot", on_rebooting, rauc, "b", false);
        return r < 0 ? r : ub_nest_kick(rauc->nest);
}

/* a(ssssssouso): name, description, load state, active state ... */
static int on_units(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct call *call = data;
        rauc_unit_fn done = call->unit_done;
        void *done_data = call->unit_data;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        const char *name = "";
        const char *active = "unknown";
        char text[RAUC_TEXT_MAX];
        int r = error ? -ESRCH : sd_bus_message_enter_container(m, 'a', "(ssssssouso)");

        (void)unused;
        if (r > 0)
                r = sd_bus_message_enter_container(m, 'r', "ssssssouso");
        if (r > 0)
                r = sd_bus_message_read(m, "ssss", &name, NULL, NULL, &active);
        (void)snprintf(text, sizeof(text), "%s", error ? error->message : active);
        rauc_end_call(call);
        done(done_data, r > 0 && strcmp(text, "active") == 0 ? 0 : -ESRCH, text);
        return 0;
}

int rauc_ask_unit(struct rauc *rauc, const char *unit, rauc_unit_fn done, void *data)
{
        struct call *call = rauc_new_call(rauc, 0);
        sd_bus_message *m = NULL;
        int r = call ? 0 : -ENOTCONN;

        if (r >= 0)
                r = sd_bus_message_new_method_call(rauc->bus, &m, "org.freedesktop.systemd1",
                                                   "/org/freedesktop/systemd1",
                                                   "org.freedesktop.systemd1.Manager",
                                                   "ListUnitsByNames");
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 1, unit);
        if (r >= 0) {
                call->unit_done = done;
                call->unit_data = data;
                r = rauc_send(call, sd_bus_message_ref(m), on_units, ANSWER_USEC);
        }
        (void)sd_bus_message_unref(m);
        if (r < 0 && call)
                rauc_end_call(call);
        return r;
}
