/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-figures - what a step has cost: a line in the log when it ends, and RAUC's own steps
 *
 *     DOWNLOAD took 12.3 s: 512.0 MiB, 100.0 MiB of them were there, 33.5 MiB/s, 2 retries
 *     RAUC: 46 %: Copying image to rootfs.1
 *     UPDATE took 63.1 s
 *
 * The times are those of this life: a step that an earlier one has begun is counted from where it
 * was taken up. */
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/machine-internal.h"

#define MIB 1048576.0

void figures_begin(struct machine *m)
{
        m->figures = (struct figures){ .began_usec = m->time_usec, .held = UINT64_MAX };
}

void figures_fetching(struct machine *m, uint64_t now)
{
        if (m->figures.held == UINT64_MAX)
                m->figures.held = now;
}

void figures_installing(struct machine *m, const struct event *e)
{
        if (!*e->text || strcmp(e->text, m->figures.rauc_step) == 0)
                return;
        RECORD_SET(m->figures.rauc_step, e->text);
        machine_log(m, UB_LOG_INFO, "RAUC: %d %%: %s", e->percent, m->figures.rauc_step);
}

/* ": 512.0 MiB, ..." of a download; "" when nothing came over the network. */
static void print_bytes(const struct machine *m, double seconds, char *buf, size_t size)
{
        const struct figures *f = &m->figures;
        double bytes = (double)m->record.activity.bytes;
        double held = f->held < m->record.activity.bytes ? (double)f->held : 0;
        char there[64] = "";
        char retries[32] = "";

        *buf = '\0';
        if (f->held == UINT64_MAX)
                return;
        if (held > 0)
                (void)snprintf(there, sizeof(there), ", %.1f MiB of them were there", held / MIB);
        if (f->retries)
                (void)snprintf(retries, sizeof(retries), ", %u %s", f->retries,
                               f->retries == 1 ? "retry" : "retries");
        (void)snprintf(buf, size, ": %.1f MiB%s, %.1f MiB/s%s", bytes / MIB, there,
                       (bytes - held) / MIB / (seconds > 0.001 ? seconds : 0.001), retries);
}

void figures_end(struct machine *m, enum message_kind kind)
{
        static const char *const took[MESSAGE_COUNT] = {
                [MESSAGE_DOWNLOADED] = "DOWNLOAD took",
                [MESSAGE_DOWNLOAD_FAILED] = "DOWNLOAD failed after",
                [MESSAGE_INSTALLED] = "UPDATE took",
                [MESSAGE_INSTALL_FAILED] = "UPDATE failed after",
                [MESSAGE_REJECTED] = "UPDATE failed after",
                [MESSAGE_ACTIVATED] = "ACTIVATE took",
                [MESSAGE_ACTIVATION_FAILED] = "ACTIVATE failed after",
        };
        double seconds = (double)(m->time_usec - m->figures.began_usec) / 1000000;
        char bytes[160] = "";

        if (!took[kind] || !m->figures.began_usec)
                return;
        if (kind == MESSAGE_DOWNLOADED)
                print_bytes(m, seconds, bytes, sizeof(bytes));
        machine_log(m, UB_LOG_INFO, "%s %.1f s%s", took[kind], seconds, bytes);
        m->figures.began_usec = 0;
}
