/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-download - DOWNLOAD
 *
 * With "mode": "download" the bundle is fetched as a whole, by the SDK, which resumes, retries and
 * keeps the limits.  With "stream" nothing is fetched: RAUC looks at the signed part of the remote
 * bundle, so that a wrong one is found before anybody is asked for consent, and UPDATE streams it.
 *
 * The same look comes before a download, where RAUC can do it: a bundle of another version, for
 * another device or of a stranger is refused before hundreds of MiB are fetched.  Only what RAUC
 * says of the bundle itself counts; when it cannot look at all (before 1.9, without streaming, a
 * plain bundle, a server without ranges, any error of the network) the download goes on, and says
 * better what is wrong.  What was seen is noted, so that what is fetched has to be the same.
 *
 * With "verify": "download" what was fetched is checked here; otherwise at the start of UPDATE,
 * where Leda's agent does it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/policy.h"
#include "plugins/self-update/settings.h"

#define HTTP_STATUS "HTTP status " /* the SDK's words */

enum { LOOK_USEC = 60000000 };

static void fail(struct machine *m, const char *reason)
{
        char text[RECORD_MESSAGE_MAX + 32];

        (void)snprintf(text, sizeof(text), "Download failed: %s", reason);
        machine_fail(m, MESSAGE_DOWNLOAD_FAILED, text, NULL);
}

static void succeed(struct machine *m)
{
        char text[MESSAGE_AMOUNT_MAX];

        message_amount("Downloaded", m->record.activity.bytes, text);
        machine_conclude(m, STATE_DOWNLOADED, MESSAGE_DOWNLOADED, text, 100);
}

/* ------------------------------------------------------------------------------------- fetching */

/* Goes up, at each ten percent or when the interval is over, and never says that all is there. */
static void report(struct machine *m, uint64_t now, uint64_t total)
{
        uint64_t interval = m->settings->download.progress_usec;
        int percent = total ? (int)(now * 100 / total) : 0;
        char text[MESSAGE_AMOUNT_MAX];

        if (percent > 99)
                percent = 99;
        if (percent <= m->percent && (total || percent < m->percent))
                return;
        if (percent < m->percent + 10 && m->time_usec < m->posted_usec + interval)
                return;
        m->percent = percent;
        m->posted_usec = m->time_usec;
        message_amount("Downloading", now, text);
        machine_say(m, MESSAGE_DOWNLOADING, text, percent);
}

static void on_checked(struct machine *m, const struct event *e)
{
        char reason[RECORD_MESSAGE_MAX];
        enum message_kind kind;

        if (update_check_bundle(m, e, &kind, reason, sizeof(reason)) < 0) {
                m->percent = 100;
                machine_fail(m, MESSAGE_DOWNLOAD_FAILED, reason, NULL);
                return;
        }
        m->record.activity.checked = true;
        update_note_bundle(m, e->bundle);
        succeed(m);
}

/* Whoever reads the feedback knows the URL; the log has all of it. */
static void fail_to_fetch(struct machine *m, const char *text)
{
        const char *url = m->record.activity.request.url;
        size_t length = strlen(url);
        char reason[RECORD_MESSAGE_MAX];

        machine_log(m, UB_LOG_WARNING, "download failed: %s", text);
        if (strncmp(text, url, length) == 0 && strncmp(text + length, ": ", 2) == 0)
                text += length + 2;
        if (strncmp(text, HTTP_STATUS, strlen(HTTP_STATUS)) == 0)
                (void)snprintf(reason, sizeof(reason), "HTTP %s", text + strlen(HTTP_STATUS));
        else
                (void)snprintf(reason, sizeof(reason), "%s", text);
        fail(m, reason);
}

static void on_fetch(struct machine *m, const struct event *e)
{
        if (e->kind == EVENT_FETCHING) {
                figures_fetching(m, e->now);
                report(m, e->now, e->total);
                return;
        }
        m->figures.retries = e->retries;
        if (e->result < 0) {
                fail_to_fetch(m, e->text);
                return;
        }
        if (e->total == 0) { /* RAUC's reason would be a riddle */
                fail(m, "the bundle is empty");
                return;
        }
        m->record.activity.bytes = e->total;
        m->record.activity.streamed = false;
        if (m->settings->verify == VERIFY_DOWNLOAD)
                machine_inspect(m, m->path, 0, on_checked);
        else
                succeed(m);
}

void download_fetch(struct machine *m, machine_fn next)
{
        const struct request *request = &m->record.activity.request;

        machine_await(m, &m->main,
                      &(struct effect){ .kind = EFFECT_FETCH,
                                        .a = request->url,
                                        .b = request->sha256,
                                        .number = (int64_t)request->size },
                      next);
}

static void fetch(struct machine *m)
{
        m->percent = 0;
        m->posted_usec = m->time_usec;
        download_fetch(m, on_fetch);
}

static void say_that_it_begins(struct machine *m)
{
        char text[MESSAGE_AMOUNT_MAX];

        if (m->record.activity.state == STATE_DOWNLOADING)
                return; /* it was said before, perhaps in an earlier life */
        message_amount("Downloading", 0, text);
        machine_conclude(m, STATE_DOWNLOADING, MESSAGE_DOWNLOADING, text, 0);
}

/* -------------------------------------------------------------------------------- a look before */

/* RAUC writes headers to its log and sends them to whoever a redirect names, and it knows no proxy
 * but its own: where the download would do better, it has to be asked for.  NULL: nothing is
 * against it; "": it is not wanted. */
static const char *why_not_look(const struct machine *m, struct ub_error *error)
{
        const struct settings *s = m->settings;

        if (s->preflight == PREFLIGHT_OFF)
                return "";
        if (policy_check_clock(m->wall_sec, m->built_sec, error) < 0)
                return error->text;
        if (s->preflight == PREFLIGHT_ON)
                return NULL;
        if (*s->download.headers_file)
                return "RAUC would write the lines of download.headersFile to its log; "
                       "\"preflight\": \"on\" allows it";
        if (*s->download.proxy)
                return "RAUC cannot be told of download.proxy; \"preflight\": \"on\" lets it go "
                       "its own way";
        return NULL;
}

static void fetch_without_look(struct machine *m, const char *why)
{
        if (*why)
                machine_log(m, UB_LOG_INFO, "the bundle is not looked at before it is fetched: %s",
                            why);
        m->record.activity.looked = true;
        fetch(m);
}

static void on_looked(struct machine *m, const struct event *e)
{
        char reason[RECORD_MESSAGE_MAX];
        enum message_kind kind;

        if (e->result < 0 && e->result != -EKEYREJECTED) {
                fetch_without_look(m, e->text);
                return;
        }
        if (update_check_bundle(m, e, &kind, reason, sizeof(reason)) < 0) {
                machine_log(m, UB_LOG_WARNING, "not downloaded: %s", reason);
                fail(m, reason);
                return;
        }
        update_note_bundle(m, e->bundle);
        m->record.activity.looked = true;
        machine_store(m);
        fetch(m);
}

static void look_and_fetch(struct machine *m, bool remote)
{
        struct activity *a = &m->record.activity;
        struct ub_error error = UB_ERROR_INIT;
        const char *why = remote && !a->looked ? why_not_look(m, &error) : "";

        say_that_it_begins(m);
        if (why)
                fetch_without_look(m, why);
        else
                machine_inspect(m, a->request.url, LOOK_USEC, on_looked);
}

/* ------------------------------------------------------------------------------------ streaming */

static void on_seen_from_afar(struct machine *m, const struct event *e)
{
        struct activity *a = &m->record.activity;
        char reason[RECORD_MESSAGE_MAX];
        enum message_kind kind;

        if (update_check_bundle(m, e, &kind, reason, sizeof(reason)) >= 0) {
                a->streamed = true;
                a->checked = true;
                update_note_bundle(m, e->bundle);
                succeed(m);
        } else if (e->result < 0 && e->result != -EKEYREJECTED && m->settings->full_download) {
                machine_log(m, UB_LOG_NOTICE, "cannot be streamed, downloading it: %s", reason);
                say_that_it_begins(m);
                fetch(m);
        } else {
                fail(m, reason);
        }
}

/* ----------------------------------------------------------------------------------------- step */

/* FNV-1a */
static uint64_t hash_text(uint64_t hash, const char *text)
{
        do
                hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
        while (*text++);
        return hash;
}

/* A file of this name is there only when it is complete, so one that an earlier life has fetched is
 * not fetched again. */
void download_name(struct machine *m)
{
        const struct request *request = &m->record.activity.request;
        uint64_t hash = UINT64_C(14695981039346656037) ^ request->size;

        hash = hash_text(hash, request->url);
        hash = hash_text(hash, request->version);
        hash = hash_text(hash, request->sha256);
        (void)snprintf(m->path, sizeof(m->path), "%s/%016llx.raucb", m->settings->folder,
                       (unsigned long long)hash);
}

const char *download_source(const struct machine *m)
{
        const struct activity *a = &m->record.activity;

        return a->streamed ? a->request.url : m->path;
}

static void on_clock_retry(struct machine *m, const struct event *e)
{
        (void)e;
        download_begin(m);
}

/* Certificates of a server, or of the bundle, need a clock.  The bundle of a plain http URL is
 * looked at in UPDATE, which waits for itself. */
static int await_clock(struct machine *m, bool remote, struct ub_error *error)
{
        const struct activity *a = &m->record.activity;
        int r;

        if (m->settings->verify == VERIFY_UPDATE &&
            (!remote || (m->settings->mode == MODE_DOWNLOAD &&
                         strncasecmp(a->request.url, "https:", 6) != 0)))
                return 0;
        r = machine_await_clock(m, on_clock_retry, error);
        if (r > 0)
                say_that_it_begins(m);
        return r;
}

void download_begin(struct machine *m)
{
        struct activity *a = &m->record.activity;
        struct ub_error error = UB_ERROR_INIT;
        bool remote = false;
        int r;

        m->percent = -1;
        m->inspected = false;
        m->bundle = (struct bundle){ .plain = false };
        if (a->already) {
                succeed(m);
                return;
        }
        if (policy_check_url(m->settings, a->request.url, &error, &remote) < 0) {
                fail(m, error.text);
                return;
        }
        r = await_clock(m, remote, &error);
        if (r < 0)
                fail(m, error.text);
        if (r != 0)
                return;
        if (strncasecmp(a->request.url, "http:", 5) == 0)
                machine_log(m, UB_LOG_WARNING, "the bundle comes over plain http; its signature "
                                               "is all that protects it");
        if (m->settings->mode == MODE_DOWNLOAD || !remote) {
                look_and_fetch(m, remote);
                return;
        }
        a->state = STATE_DOWNLOADING;
        machine_store(m);
        machine_inspect(m, a->request.url, 0, on_seen_from_afar);
}

void download_pause(struct machine *m)
{
        machine_rest(&m->main);
        machine_do(m, &(struct effect){ .kind = EFFECT_FETCH_STOP });
}

void download_stop(struct machine *m)
{
        struct activity *a = &m->record.activity;

        download_pause(m);
        a->state = STATE_IDENTIFIED;
        a->looked = false;
        RECORD_SET(a->hash, "");
        machine_store(m);
}

void download_go_on(struct machine *m)
{
        int percent = m->percent;

        download_begin(m);
        if (m->record.activity.state == STATE_DOWNLOADING && m->percent < percent)
                m->percent = percent;
}
