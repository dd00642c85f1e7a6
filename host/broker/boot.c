/* SPDX-License-Identifier: Apache-2.0
 *
 * boot - for an agent that asks for a boot outside of any activity
 *
 * It has found that the running system is not well, and has seen to it that another one boots; but
 * logind restarts the device for root alone, which an agent need not be.  So the daemon does, after
 * `rebootAfter` and only with `rebootEnabled`, and not while an activity runs: it waits for the end.
 * The wish is not kept over a restart of the daemon, since the agent starts again, too, and asks. */
#include "config.h"

#include "host/broker/inside.h"
#include "host/broker/reboot.h"
#include "host/broker/setup.h"
#include "host/config/settings.h"
#include "host/util/time.h"

#define RETRY_USEC (5 * USEC_PER_SEC) /* while an activity runs */

static int on_boot(sd_event_source *source, uint64_t usec, void *data)
{
        struct broker *b = data;
        int r;

        (void)usec;
        if (orchestrator_get_activity(b->orchestrator)) {
                r = sd_event_source_set_time_relative(source, RETRY_USEC);
                return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        b->unwell_boot = sd_event_source_disable_unref(b->unwell_boot);
        log_info(b->log, NULL, "the device boots: an agent has found the running system unwell");
        reboot_begin(b->reboot, b->setup->settings->reboot_command);
        return 0;
}

void boot_unwell(struct hosted *h, const char *reason)
{
        struct broker *b = h->broker;
        bool enabled = b->setup->settings->reboot_enabled;

        hosted_log(h, LOG_LEVEL_WARN, NULL, "asks for a boot outside of any activity%s: %s",
                   enabled ? "" : ", but that is switched off", reason);
        if (!enabled || b->unwell_boot)
                return;
        if (sd_event_add_time_relative(b->event, &b->unwell_boot, CLOCK_BOOTTIME,
                                       b->setup->settings->reboot_after_usec, 0, on_boot, b) < 0)
                hosted_log(h, LOG_LEVEL_ERROR, NULL, "the boot cannot be timed");
}
