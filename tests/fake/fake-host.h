/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-host - a struct ub_host in the memory of a test, on a plain sd_event
 *
 * For what lives behind the ABI: the SDK, and plugins loaded into the test.  It does what a host
 * does with a well-behaved plugin, one at a time, and writes everything that the plugin says into a
 * transcript, a line per call:
 *
 *     log 6 TEXT
 *     feedback ACTIVITY JSON
 *     current_state ACTIVITY JSON
 *     reboot ACTIVITY REASON
 *     stopped
 *
 *     fake_host_new(&host);
 *     plugin->life->create(&host->host, settings, &self);
 *     line = fake_host_next(host, "feedback ");          runs the loop until one comes
 *
 * The durable state outlives the plugin, not the fake: fake_host_lose_power() takes it back to the
 * last state_sync().  What a plugin does against the rules fails the test at once, with a
 * sentence. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <update-broker/plugin.h>

enum { FAKE_HOST_LINES_MAX = 1024, FAKE_HOST_SETTINGS_MAX = 16, FAKE_HOST_STATE_MAX = 32 };

struct fake_mqtt;

struct fake_value {
        char *key;
        char *data;
        size_t length;
};

struct fake_host {
        struct ub_host host; /* hand out &fake->host; its id is "fake" */
        sd_event *event;

        char *lines[FAKE_HOST_LINES_MAX];
        size_t n_lines;
        size_t n_seen; /* lines that fake_host_next() has passed */

        /* what ub_host.setting knows, by JSON pointer; put in by the test, texts borrowed */
        struct { const char *pointer; const char *value; } settings[FAKE_HOST_SETTINGS_MAX];

        struct fake_value state[FAKE_HOST_STATE_MAX];
        struct fake_value synced[FAKE_HOST_STATE_MAX];
        size_t n_syncs;
        int sync_result; /* what state_sync's done gets; 0 */

        /* Receives life.woken; set by the test, may be NULL. */
        void (*woken)(void *self);
        void *self;

        /* Put in by fake_mqtt_new(). */
        struct fake_mqtt *mqtt;
        const struct ub_mqtt *mqtt_table;

        struct ub_source *sources; /* all that live */
        size_t n_sources;
        int wake_fd;
        sd_event_source *wake_source;
        bool is_stopped;
};

/* Never fails: a test cannot go on without. */
struct fake_host *fake_host_new(void);

/* Frees everything, sources too; a plugin that used it is not called again.  Takes NULL, returns
 * NULL. */
struct fake_host *fake_host_free(struct fake_host *fake);

/* Runs the loop until a line that begins with prefix comes, and returns it (owned by the fake).
 * Lines that were passed over are not looked at again.  Fails the test after 10 s, showing the
 * transcript. */
const char *fake_host_next(struct fake_host *fake, const char *prefix);

/* Runs the loop for as long as something is ready, and at most usec in all when it never comes to
 * rest; usec 0: until nothing is ready at once. */
void fake_host_settle(struct fake_host *fake, uint64_t usec);

/* Adds a line of its own to the transcript. */
void fake_host_add_line(struct fake_host *fake, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Runs the loop until *flag is true; fails the test after 10 s. */
void fake_host_run_until(struct fake_host *fake, const bool *flag);

/* The number of lines that begin with prefix. */
size_t fake_host_count(const struct fake_host *fake, const char *prefix);

/* Drops every source of the plugin and goes back to the state of the last sync; the plugin that
 * used it is forgotten and another may follow.  The transcript goes on. */
void fake_host_lose_power(struct fake_host *fake);

/* For a plugin that has stopped: another may follow. */
void fake_host_reuse(struct fake_host *fake);
