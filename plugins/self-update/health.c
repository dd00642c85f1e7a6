/* SPDX-License-Identifier: Apache-2.0
 *
 * health - see health.h */
#include "plugins/self-update/health.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <update-broker/sdk/download.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/self-update/fetch.h"
#include "plugins/self-update/rauc.h"
#include "plugins/self-update/settings.h"

enum { PROGRAMS_MAX = 64, TEXT_MAX = 512, ENV_MAX = 256 };

#define PROBE_NAME "health-check" /* of the file that `url` is fetched into */

/* The checks of one round, in order. */
enum part { PART_MQTT, PART_WRITABLE, PART_UNITS, PART_URL, PART_PROGRAMS, PART_END };

struct health {
        const struct ub_host *host;
        const struct settings *settings;
        struct rauc *rauc;
        struct fetch *fetch;

        health_fn done; /* NULL: at rest */
        void *data;
        uint64_t deadline_usec;
        enum part part;
        size_t index; /* within the part */
        char programs[PROGRAMS_MAX][NAME_MAX + 1];
        size_t n_programs;
        char reason[TEXT_MAX];
        struct ub_source *source; /* timer or child */
        struct ub_download *download;
        bool mqtt_watched;
        bool mqtt_connected;
        char env_version[ENV_MAX];
        char env_slot[ENV_MAX];
        bool trial;
};

static void go_on(struct health *health);

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now); /* the clock is always there */
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --------------------------------------------------------------------------------------- rounds */

/* In each round anew: a check may be added or taken away while the device is looked at. */
static void list_programs(struct health *health)
{
        struct dirent **entries;
        int n;
        int i;

        health->n_programs = 0;
        if (!*health->settings->health.folder)
                return;
        n = scandir(health->settings->health.folder, &entries, NULL, alphasort);
        if (n < 0) {
                ub_warning(health->host, "%s: %s", health->settings->health.folder,
                           strerror(errno));
                return;
        }
        for (i = 0; i < n; i++) {
                const char *name = entries[i]->d_name;

                if (name[0] != '.' && health->n_programs < PROGRAMS_MAX)
                        (void)snprintf(health->programs[health->n_programs++], NAME_MAX + 1, "%s",
                                       name);
                free(entries[i]);
        }
        free(entries);
}

static void begin_round(struct health *health)
{
        health->part = PART_MQTT;
        health->index = 0;
        list_programs(health);
        go_on(health);
}

static void on_again(void *data)
{
        struct health *health = data;

        health->source = NULL;
        begin_round(health);
}

/* At rest first: whoever is told may start the next one. */
static void finish(struct health *health, int result)
{
        health_fn done = health->done;
        char text[TEXT_MAX];

        (void)snprintf(text, sizeof(text), "%s", result < 0 ? health->reason : "");
        health_stop(health);
        done(health->data, result, text);
}

/* The round is over; another one comes if there is time for it. */
static void fail(struct health *health, const char *name, const char *why)
{
        int r;

        (void)snprintf(health->reason, sizeof(health->reason), "%s: %s", name, why);
        ub_info(health->host, "not well yet: %s", health->reason);
        if (now_usec() + health->settings->health.interval_usec >= health->deadline_usec) {
                finish(health, -EIO);
                return;
        }
        r = ub_timer(health->host, health->settings->health.interval_usec, on_again, health,
                     &health->source);
        if (r < 0)
                finish(health, r);
}

static void pass(struct health *health)
{
        health->index++;
        go_on(health);
}

/* -------------------------------------------------------------------------------- built-in ones */

/* One byte, since a full disk refuses that and not the file.  O_TMPFILE leaves nothing behind. */
static int try_writing(const char *folder)
{
        char byte = 0;
        int fd = open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
        int r = 0;

        if (fd < 0)
                return -errno;
        if (write(fd, &byte, 1) != 1)
                r = errno ? -errno : -EIO;
        (void)close(fd);
        return r;
}

static void on_unit(void *data, int result, const char *text)
{
        struct health *health = data;

        if (!health->done || health->part != PART_UNITS)
                return; /* stopped meanwhile */
        if (result < 0)
                fail(health, health->settings->health.units.text[health->index], text);
        else
                pass(health);
}

static void on_fetched(void *data, int result, const char *message)
{
        struct health *health = data;
        char path[SETTINGS_PATH_MAX + 32];

        health->download = ub_download_free(health->download);
        (void)snprintf(path, sizeof(path), "%s/" PROBE_NAME, health->settings->folder);
        (void)unlink(path);
        if (result < 0)
                fail(health, "url", message);
        else
                pass(health);
}

/* What comes is thrown away.  Certificates and keys are those of downloads: it is to be known
 * whether the next update could be fetched. */
static int start_fetching(struct health *health)
{
        const struct settings *s = health->settings;
        struct ub_downloader *downloader = fetch_get_downloader(health->fetch);
        int made = fetch_make_folder(health->fetch);
        int dir_fd = made < 0 ? -1 : open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;
        const struct ub_download_request request = {
                .url = s->health.url,
                .name = PROBE_NAME,
                .dir_fd = dir_fd,
                .max_bytes = 1024 * 1024,
                .total_usec = s->health.run_usec,
                .attempts = 1,
                .ca_file = *s->download.ca_file ? s->download.ca_file : NULL,
                .cert_file = *s->download.cert_file ? s->download.cert_file : NULL,
                .key_file = *s->download.key_file ? s->download.key_file : NULL,
                .done = on_fetched,
                .data = health,
        };

        if (dir_fd < 0)
                return made < 0 ? made : -errno;
        r = downloader ? ub_download_start(downloader, &request, &health->download) : -ENOMEM;
        (void)close(dir_fd);
        return r;
}

/* ---------------------------------------------------------------------------------- executables */

static void on_program(void *data, int32_t code, int32_t status)
{
        struct health *health = data;
        const char *name = health->programs[health->index];
        char text[64];

        health->source = NULL;
        if (code == CLD_EXITED && status == 0) {
                pass(health);
                return;
        }
        (void)snprintf(text, sizeof(text), code == CLD_EXITED ? "exit status %d"
                                                              : "killed by signal %d",
                       (int)status);
        fail(health, name, text);
}

/* The environment is made here, whole: what the agent was started with is no business of a check.
 * 0: it is no program, which a README or a folder is not. */
static int start_program(struct health *health)
{
        const char *name = health->programs[health->index];
        char path[SETTINGS_PATH_MAX + NAME_MAX + 2];
        const char *argv[] = { path, NULL };
        const char *envp[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                               "LANG=C.UTF-8",
                               health->env_version,
                               health->env_slot,
                               health->trial ? "UB_TRIAL=1" : "UB_TRIAL=0",
                               NULL };
        const struct ub_spawn spawn = {
                .size = sizeof(spawn),
                .timeout_usec = health->settings->health.run_usec,
                .argv = argv,
                .envp = envp,
                .in_fd = -1,
                .out_fd = -1,
                .err_fd = -1,
        };
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%s", health->settings->health.folder, name);
        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
                return 0;
        if (st.st_mode & 0022)
                return -EPERM; /* others could write it, and it would run as the agent */
        return ub_spawn(health->host, &spawn, on_program, health, &health->source) < 0 ? -EACCES
                                                                                       : 1;
}

/* ------------------------------------------------------------------------------------ one check */

/* Begins the next check.  > 0: its outcome comes.  0: it is well.  < 0: *ret_name has failed. */
static int check_one(struct health *health, const char **ret_name)
{
        const struct settings *s = health->settings;
        int r;

        switch (health->part) {
        case PART_MQTT:
                *ret_name = "mqtt";
                return health->mqtt_connected ? 0 : -ENOTCONN;
        case PART_WRITABLE:
                *ret_name = s->health.writable.text[health->index];
                return try_writing(*ret_name);
        case PART_UNITS:
                *ret_name = s->health.units.text[health->index];
                r = rauc_ask_unit(health->rauc, *ret_name, on_unit, health);
                return r < 0 ? r : 1;
        case PART_URL:
                *ret_name = "url";
                r = start_fetching(health);
                return r < 0 ? r : 1;
        case PART_PROGRAMS:
                *ret_name = health->programs[health->index];
                return start_program(health);
        case PART_END:
                break;
        }
        return 0;
}

static size_t count_checks(const struct health *health)
{
        const struct settings *s = health->settings;

        switch (health->part) {
        case PART_MQTT:
                return s->health.mqtt;
        case PART_WRITABLE:
                return s->health.writable.n;
        case PART_UNITS:
                return s->health.units.n;
        case PART_URL:
                return *s->health.url != '\0';
        case PART_PROGRAMS:
                return health->n_programs;
        case PART_END:
                break;
        }
        return 0;
}

static void go_on(struct health *health)
{
        const char *name = "";
        int r;

        /* A loop and no recursion: many checks may succeed at once. */
        for (; health->part != PART_END; health->index++) {
                while (health->part != PART_END && health->index >= count_checks(health)) {
                        health->part++;
                        health->index = 0;
                }
                if (health->part == PART_END)
                        break;
                r = check_one(health, &name);
                if (r > 0)
                        return;
                if (r < 0) {
                        fail(health, name, strerror(-r));
                        return;
                }
        }
        finish(health, 0);
}

/* --------------------------------------------------------------------------------------- object */

static void on_mqtt(void *data, uint32_t connected)
{
        struct health *health = data;

        health->mqtt_connected = connected;
}

void health_start(struct health *health, const struct health_subject *subject, health_fn done,
                  void *data)
{
        int r;

        health_stop(health);
        health->done = done;
        health->data = data;
        health->deadline_usec = now_usec() + health->settings->health.timeout_usec;
        health->trial = subject->trial;
        (void)snprintf(health->env_version, ENV_MAX, "UB_VERSION=%s", subject->version);
        (void)snprintf(health->env_slot, ENV_MAX, "UB_SLOT=%s", subject->slot);
        if (health->settings->health.mqtt && !health->mqtt_watched) {
                r = ub_mqtt_watch(health->host, on_mqtt, health);
                health->mqtt_watched = r >= 0;
                if (r < 0)
                        ub_warning(health->host, "health.mqtt: the registration does not grant "
                                                 "the service \"mqtt\"");
        }
        r = ub_timer(health->host, 0, on_again, health, &health->source); /* not from inside */
        if (r < 0)
                ub_err(health->host, "out of events: %s", strerror(-r));
}

void health_stop(struct health *health)
{
        health->done = NULL;
        ub_source_drop(health->host, &health->source);
        health->download = ub_download_free(health->download);
}

int health_new(const struct ub_host *host, const struct settings *settings, struct rauc *rauc,
               struct fetch *fetch, struct health **ret)
{
        struct health *health = calloc(1, sizeof(*health));

        if (!health)
                return -ENOMEM;
        *health = (struct health){ .host = host, .settings = settings, .rauc = rauc,
                                   .fetch = fetch };
        *ret = health;
        return 0;
}

struct health *health_free(struct health *health)
{
        if (!health)
                return NULL;
        health_stop(health);
        if (health->mqtt_watched)
                (void)ub_mqtt_watch(health->host, NULL, NULL);
        free(health);
        return NULL;
}
