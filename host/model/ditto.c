/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/model/ditto.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/model/salvage.h"
#include "host/util/diag.h"

#define FEATURE_PATH "/features/UpdateManager"
#define FEATURE_DEFINITION "com.bosch.iot.suite.edge.update:UpdateManager:1.0.0"
#define INBOX_PATH FEATURE_PATH "/inbox/messages/"
#define OUTBOX_PATH FEATURE_PATH "/outbox/messages/"

enum { STATUS_TAKEN = 204, STATUS_BAD_REQUEST = 400 };

static const struct scan_rules rules = {
        .max_bytes = PLACE_JSON_MAX + PLACE_ENVELOPE_MAX,
        .max_depth = PLACE_JSON_DEPTH_MAX,
        .object = true,
};

__attribute__((format(printf, 2, 3))) static int format_text(char **ret, const char *format, ...)
{
        va_list args;
        char *text;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* ------------------------------------------------------------------------------------ the thing */

/* Ditto: a namespace may be empty, but its colon is there; a slash would be another level of the
 * Ditto topic, a plus or hash a wildcard of MQTT. */
static int check_thing(const char *id, struct diag *diag)
{
        const char *colon = strchr(id, ':');

        if (!colon || !colon[1])
                return diag_set(diag, -EBADMSG, "deviceId: expected NAMESPACE:NAME, not \"%s\"",
                                id);
        if (strpbrk(id, "/+#"))
                return diag_set(diag, -EBADMSG, "deviceId: no '/', '+' or '#' can be in \"%s\"",
                                id);
        return 0;
}

int ditto_read_device(const char *text, size_t length, struct diag *diag,
                      char ret[static DITTO_THING_MAX + 1])
{
        CLEANUP_JSON struct json *root = NULL;
        CLEANUP_FREE char *id = NULL;
        int r;

        r = json_parse(text, length, &rules, NULL, diag, &root);
        if (r == 0)
                r = place_take_name(NULL, root, "deviceId", DITTO_THING_MAX, diag, &id);
        if (r == 0)
                r = check_thing(id, diag);
        if (r < 0)
                return r;
        memcpy(ret, id, strlen(id) + 1);
        return 0;
}

/* ------------------------------------------------------------------------------------- incoming */

static const char *const subject_names[] = {
        [DITTO_APPLY] = "apply",
        [DITTO_REFRESH] = "refresh",
        [DITTO_CONSENT] = "consent",
};

/* Where each of them has what it is about; NULL: nowhere. */
static const struct {
        const char *key;
        const char *missing; /* Kanto's words */
} payloads[] = {
        [DITTO_APPLY] = { "desiredState", "desired state is missing" },
        [DITTO_REFRESH] = { NULL, NULL },
        [DITTO_CONSENT] = { "ownerConsentFeedback", "owner consent feedback is missing" },
};

struct ditto_message *ditto_free(struct ditto_message *m)
{
        if (!m)
                return NULL;
        free(m->subject_name);
        free(m->correlation);
        (void)json_free(m->root);
        free(m);
        return NULL;
}

/* "NS/NAME/things/..." against "NS:NAME". */
static bool is_for_thing(const char *topic, const char *thing)
{
        static const char group[] = "/things/";
        size_t length = strlen(thing);
        size_t i;

        if (strlen(topic) < length)
                return false;
        for (i = 0; thing[i] != ':'; i++)
                if (topic[i] != thing[i])
                        return false;
        return topic[i] == '/' && memcmp(topic + i + 1, thing + i + 1, length - i - 1) == 0 &&
               strncmp(topic + length, group, strlen(group)) == 0;
}

static int read_headers(struct ditto_message *m, struct diag *diag)
{
        const struct place at = { .key = "headers" };
        const struct place reply_at = { .parent = &at, .key = "response-required" };
        const struct json *headers = place_member(m->root, "headers");
        const struct json *reply = place_member(headers, "response-required");
        int r = 0;

        if (headers)
                r = place_check_object(&at, headers, diag);
        if (r == 0)
                r = place_take_text(&at, headers, "correlation-id", DITTO_CORRELATION_MAX, diag,
                                    &m->correlation);
        if (r == 0 && reply && json_get_bool(reply, &m->wants_reply) < 0)
                r = place_fault(&reply_at, diag, -EBADMSG, "expected true or false, not %s",
                                json_type_to_string(json_get_type(reply)));
        return r;
}

static enum ditto_subject find_subject(const char *name)
{
        size_t i;

        for (i = DITTO_APPLY; i < ARRAY_SIZE(subject_names); i++)
                if (strcmp(subject_names[i], name) == 0)
                        return (enum ditto_subject)i;
        return (enum ditto_subject)0;
}

static int read_address(struct ditto_message *m, const char *thing, struct diag *diag)
{
        CLEANUP_FREE char *topic = NULL;
        CLEANUP_FREE char *path = NULL;
        int r;

        r = place_take_name(NULL, m->root, "topic", PLACE_ENVELOPE_MAX, diag, &topic);
        if (r == 0)
                r = place_take_name(NULL, m->root, "path", PLACE_ENVELOPE_MAX, diag, &path);
        if (r < 0)
                return r;
        if (!is_for_thing(topic, thing))
                return diag_set(diag, -ENOENT, "topic: another thing's");
        if (strncmp(path, INBOX_PATH, strlen(INBOX_PATH)) != 0)
                return diag_set(diag, -ENOENT, "path: not the inbox of this feature");
        m->subject_name = strdup(path + strlen(INBOX_PATH));
        if (!m->subject_name)
                return diag_set(diag, -ENOMEM, "out of memory");
        m->subject = find_subject(m->subject_name);
        return 0;
}

int ditto_read(const char *text, size_t length, const char *thing, struct diag *diag,
               struct ditto_message **ret)
{
        CLEANUP(ditto_freep) struct ditto_message *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return diag_set(diag, -ENOMEM, "out of memory");
        if (length > rules.max_bytes)
                return diag_set(diag, -E2BIG,
                                "the message has %zu bytes, longer than the limit of %zu", length,
                                rules.max_bytes);
        r = json_parse(text, length, &rules, NULL, diag, &m->root);
        if (r == 0)
                r = read_address(m, thing, diag);
        if (r == 0)
                r = read_headers(m, diag);
        if (r < 0)
                return r;
        m->value = place_member(m->root, "value");
        *ret = TAKE_PTR(m);
        return 0;
}

/* A member as it is written; "null": there is none, or not all of it. */
struct raw {
        int length;
        const char *text;
};

static struct raw raw_member(const struct salvage *object, const char *key)
{
        struct salvage value;

        if (!salvage_member(object, key, &value) || value.cut)
                return (struct raw){ .length = 4, .text = "null" };
        return (struct raw){ .length = (int)value.length, .text = value.text };
}

/* Ditto writes the payload last, and Kanto's backend the activity before the desired state. */
int ditto_salvage(const char *text, size_t length, char **ret)
{
        const struct salvage head = salvage_begin(text, length);
        const struct raw topic = raw_member(&head, "topic");
        const struct raw path = raw_member(&head, "path");
        const struct raw headers = raw_member(&head, "headers");
        struct raw activity = { .length = 4, .text = "null" };
        struct salvage value;

        if (*topic.text != '"' || *path.text != '"')
                return -ENOENT;
        if (salvage_member(&head, "value", &value))
                activity = raw_member(&value, "activityId");
        return format_text(ret,
                           "{\"topic\":%.*s,\"path\":%.*s,\"headers\":%.*s,"
                           "\"value\":{\"activityId\":%.*s}}",
                           topic.length, topic.text, path.length, path.text, headers.length,
                           headers.text, activity.length, activity.text);
}

static int read_timestamp(const struct place *at, const struct json *value, struct diag *diag)
{
        const struct place here = { .parent = at, .key = "timestamp" };
        const struct json *member = place_member(value, "timestamp");
        int64_t timestamp;

        if (member && json_get_integer(member, &timestamp) < 0)
                return place_fault(&here, diag, -EBADMSG, "expected a whole number, not %s",
                                   json_type_to_string(json_get_type(member)));
        return 0;
}

int ditto_read_value(const struct ditto_message *m, struct diag *diag, struct ditto_value *ret)
{
        const struct place at = { .key = "value" };
        CLEANUP_FREE char *activity = NULL;
        const char *key = payloads[m->subject].key;
        int r = 0;

        *ret = (struct ditto_value){ .payload = NULL };
        if (m->value)
                r = place_check_object(&at, m->value, diag);
        if (r == 0)
                r = place_take_text(&at, m->value, "activityId", PLACE_ID_MAX, diag, &activity);
        if (r < 0)
                return r;
        memcpy(ret->activity, activity, strlen(activity) + 1);
        r = read_timestamp(&at, m->value, diag);
        if (r < 0 || !key)
                return r;
        ret->payload = place_member(m->value, key);
        return ret->payload ? 0 : diag_set(diag, -EBADMSG, "%s", payloads[m->subject].missing);
}

/* ------------------------------------------------------------------------------------- outgoing
 *
 * Put together as text: what is inside is text that this host has written or checked, of up to a
 * megabyte, and no tree has to be made of it again. */

static int quote(const char *text, char **ret)
{
        CLEANUP_JSON struct json *json = json_new_string(text);

        return json ? json_print(json, JSON_LAYOUT_COMPACT, ret) : -ENOMEM;
}

/* "NS/NAME/things/CRITERION", quoted. */
static int write_topic(const char *thing, const char *criterion, const char *subject, char **ret)
{
        const char *colon = strchr(thing, ':');
        CLEANUP_FREE char *plain = NULL;
        int r;

        r = format_text(&plain, "%.*s/%s/things/%s%s", (int)(colon - thing), thing, colon + 1,
                        criterion, subject);
        return r < 0 ? r : quote(plain, ret);
}

int ditto_write_feature(const char *thing, const char *domain, char **ret)
{
        CLEANUP_FREE char *topic = NULL;
        CLEANUP_FREE char *name = NULL;
        int r;

        r = write_topic(thing, "twin/commands/modify", "", &topic);
        if (r == 0)
                r = quote(domain, &name);
        if (r < 0)
                return r;
        return format_text(ret,
                           "{\"topic\":%s,\"headers\":{\"response-required\":false},"
                           "\"path\":\"" FEATURE_PATH "\","
                           "\"value\":{\"definition\":[\"" FEATURE_DEFINITION "\"],"
                           "\"properties\":{\"domain\":%s}}}",
                           topic, name);
}

int ditto_write_state(const struct ditto_report *report, const char *domain, char **ret)
{
        CLEANUP_FREE char *activity = NULL;
        CLEANUP_FREE char *topic = NULL;
        CLEANUP_FREE char *name = NULL;
        int r;

        r = write_topic(report->thing, "twin/commands/modify", "", &topic);
        if (r == 0)
                r = quote(domain, &name);
        if (r == 0)
                r = quote(report->activity, &activity);
        if (r < 0)
                return r;
        return format_text(ret,
                           "{\"topic\":%s,\"headers\":{\"content-type\":\"application/json\","
                           "\"response-required\":false},"
                           "\"path\":\"" FEATURE_PATH "/properties\","
                           "\"value\":{\"activityId\":%s,\"timestamp\":%lld,\"domain\":%s,"
                           "\"inventory\":%s}}",
                           topic, activity, (long long)report->timestamp_ms, name, report->json);
}

/* A message from the outbox.  headers: more of them, before response-required. */
static int write_message(const struct ditto_report *report, const char *subject,
                         const char *headers, const char *key, char **ret)
{
        CLEANUP_FREE char *activity = NULL;
        CLEANUP_FREE char *topic = NULL;
        int r;

        r = write_topic(report->thing, "live/messages/", subject, &topic);
        if (r == 0)
                r = quote(report->activity, &activity);
        if (r < 0)
                return r;
        return format_text(ret,
                           "{\"topic\":%s,\"headers\":{\"content-type\":\"application/json\",%s},"
                           "\"path\":\"" OUTBOX_PATH "%s\","
                           "\"value\":{\"activityId\":%s,\"timestamp\":%lld,\"%s\":%s}}",
                           topic, headers, subject, activity, (long long)report->timestamp_ms, key,
                           report->json);
}

int ditto_write_feedback(const struct ditto_report *report, char **ret)
{
        return write_message(report, "feedback", "\"response-required\":false",
                             "desiredStateFeedback", ret);
}

int ditto_write_consent(const struct ditto_report *report, const char *correlation, char **ret)
{
        CLEANUP_FREE char *headers = NULL;
        CLEANUP_FREE char *id = NULL;
        int r;

        r = quote(correlation, &id);
        if (r == 0)
                r = format_text(&headers, "\"correlation-id\":%s,\"response-required\":true", id);
        return r < 0 ? r : write_message(report, "consent", headers, "ownerConsent", ret);
}

int ditto_reply_status(const char *fault)
{
        return fault ? STATUS_BAD_REQUEST : STATUS_TAKEN;
}

static int write_fault(const char *fault, char **ret)
{
        CLEANUP_FREE char *text = NULL;
        int r;

        r = quote(fault, &text);
        if (r < 0)
                return r;
        return format_text(ret,
                           ",\"value\":{\"error\":\"messages:parameter.invalid\",\"status\":%d,"
                           "\"message\":%s}",
                           STATUS_BAD_REQUEST, text);
}

int ditto_write_reply(const char *thing, const struct ditto_message *m, const char *fault,
                      char **ret)
{
        CLEANUP_FREE char *correlation = NULL;
        CLEANUP_FREE char *topic = NULL;
        CLEANUP_FREE char *plain = NULL;
        CLEANUP_FREE char *value = NULL;
        CLEANUP_FREE char *path = NULL;
        int r;

        r = write_topic(thing, "live/messages/", m->subject_name, &topic);
        if (r == 0)
                r = format_text(&plain, OUTBOX_PATH "%s", m->subject_name);
        if (r == 0)
                r = quote(plain, &path);
        if (r == 0)
                r = quote(m->correlation, &correlation);
        if (r == 0 && fault)
                r = write_fault(fault, &value);
        if (r < 0)
                return r;
        return format_text(ret,
                           "{\"topic\":%s,\"headers\":{%s\"correlation-id\":%s,"
                           "\"response-required\":false},\"path\":%s%s,\"status\":%d}",
                           topic, fault ? "\"content-type\":\"application/json\"," : "",
                           correlation, path, value ? value : "", ditto_reply_status(fault));
}
