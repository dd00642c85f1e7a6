/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-isolated - what isolation costs: a call, an idle process, a start of many
 *
 *     bench-isolated [PLUGIN.so]     of tests/bad/saboteur.so, which is a few hundred lines of C
 *
 * A round trip goes from instance_current_state_get() to `answered`, through the daemon's loop, the
 * socket, ub-agent-host's loop, the plugin, and back, with the inventory that the plugin sends. */
#define _GNU_SOURCE 1
#include <assert.h>
#include <inttypes.h>
#include <unistd.h>

#include "host/util/cleanup.h"
#include "host/util/time.h"
#include "tests/unit/isolated.h"

enum { CALLS = 5000, INSTANCES = 50 };

static void run_until_started(sd_event *event, struct isolated *instances, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++)
                while (!instances[i].started && !instances[i].died)
                        if (sd_event_run(event, UINT64_MAX) < 0)
                                return;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a;
        const uint64_t *y = b;

        return (*x > *y) - (*x < *y);
}

static uint64_t now_nsec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Private pages of a process, in KiB; 0: cannot be read. */
static uint64_t private_kib(pid_t pid)
{
        CLEANUP_FCLOSE FILE *f = NULL;
        char path[64];
        char line[256];
        uint64_t sum = 0;
        uint64_t value;

        (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "Private_Clean: %" SCNu64, &value) == 1 ||
                    sscanf(line, "Private_Dirty: %" SCNu64, &value) == 1)
                        sum += value;
        return sum;
}

static void bench_calls(sd_event *event, const struct instance_config *config)
{
        static uint64_t nsec[CALLS];
        struct instance_stats stats;
        struct isolated i;
        size_t n;

        if (isolated_new(&i, event, config) < 0 || instance_start(i.instance, 0) < 0)
                return;
        run_until_started(event, &i, 1);
        for (n = 0; n < CALLS && !i.died; n++) {
                uint64_t begin = now_nsec();

                if (instance_current_state_get(i.instance, "q") < 0)
                        return;
                while (i.n_answered <= n && !i.died)
                        if (sd_event_run(event, UINT64_MAX) < 0)
                                return;
                nsec[n] = now_nsec() - begin;
        }
        qsort(nsec, n, sizeof(nsec[0]), compare);
        printf("isolated call, round trip: median %.1f us, 99 %% below %.1f us (%zu calls)\n",
               (double)nsec[n / 2] / 1000, (double)nsec[n * 99 / 100] / 1000, n);
        instance_get_stats(i.instance, &stats);
        printf("ub-agent-host after that, alone on the machine: %" PRIu64 " KiB of its own\n",
               private_kib(stats.pid));
        i.instance = instance_free(i.instance);
}

static void bench_many(sd_event *event, const struct instance_config *config)
{
        static struct isolated instances[INSTANCES];
        struct instance_stats stats;
        uint64_t begin = time_now_usec();
        uint64_t begin_spawned;
        uint64_t sum_kib = 0;
        uint64_t most_kib = 0;
        size_t i;

        for (i = 0; i < INSTANCES; i++)
                if (isolated_new(&instances[i], event, config) < 0 ||
                    instance_start(instances[i].instance, 0) < 0)
                        return;
        begin_spawned = time_now_usec();
        run_until_started(event, instances, INSTANCES);
        printf("%d isolated instances started in %.0f ms, of which the daemon was busy for %.0f "
               "ms\n",
               INSTANCES, (double)(time_now_usec() - begin) / 1000,
               (double)(begin_spawned - begin) / 1000);
        for (i = 0; i < INSTANCES; i++) {
                uint64_t kib;

                instance_get_stats(instances[i].instance, &stats);
                kib = private_kib(stats.pid);
                sum_kib += kib;
                most_kib = kib > most_kib ? kib : most_kib;
        }
        printf("idle ub-agent-host: %" PRIu64 " KiB of its own (average of %d; the largest %" PRIu64
               ")\n",
               sum_kib / INSTANCES, INSTANCES, most_kib);
        for (i = 0; i < INSTANCES; i++)
                instances[i].instance = instance_free(instances[i].instance);
}

int main(int argc, char **argv)
{
        struct instance_config config = isolated_config("{}");
        sd_event *event = NULL;

        if (argc > 1)
                config.plugin = argv[1];
        if (sd_event_default(&event) < 0)
                return EXIT_FAILURE;
        bench_calls(event, &config);
        config.seccomp = true;
        config.limits.no_new_privileges = true;
        bench_many(event, &config);
        (void)sd_event_unref(event);
        return EXIT_SUCCESS;
}
