/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/model/envelope.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/model/salvage.h"
#include "host/util/diag.h"

/* Ten digits are seconds until the year 5138, thirteen are milliseconds. */
#define SECONDS_BELOW INT64_C(100000000000)

static const struct scan_rules rules = {
        .max_bytes = PLACE_JSON_MAX + PLACE_ENVELOPE_MAX,
        .max_depth = PLACE_JSON_DEPTH_MAX,
        .object = true,
};

struct envelope *envelope_free(struct envelope *e)
{
        if (!e)
                return NULL;
        free(e->activity);
        (void)json_free(e->root);
        free(e);
        return NULL;
}

static int read_timestamp(const struct json *root, struct diag *diag, int64_t *ret)
{
        const struct place at = { .key = "timestamp" };
        const struct json *member = place_member(root, "timestamp");
        int64_t timestamp = 0;

        if (member && json_get_integer(member, &timestamp) < 0)
                return place_fault(&at, diag, -EBADMSG, "expected a whole number, not %s",
                                   json_type_to_string(json_get_type(member)));
        if (timestamp > -SECONDS_BELOW && timestamp < SECONDS_BELOW)
                timestamp *= 1000;
        *ret = timestamp;
        return 0;
}

static const char *activity_key(const struct json *root)
{
        return place_member(root, "activityId") ? "activityId" : "activity_id";
}

int envelope_read(const char *text, size_t length, struct diag *diag, struct envelope **ret)
{
        CLEANUP(envelope_freep)
        struct envelope *e = NULL;
        int r;

        while (length > 0 && strchr(" \t\r\n", text[length - 1]) && text[length - 1])
                length--;
        if (length == 0)
                return diag_set(diag, -ENODATA, "the message is empty");
        if (length > rules.max_bytes)
                return diag_set(diag, -E2BIG, "the message has %zu bytes, longer than the limit of %zu", length,
                                rules.max_bytes);
        e = calloc(1, sizeof(*e));
        if (!e)
                return diag_set(diag, -ENOMEM, "out of memory");
        r = json_parse(text, length, &rules, NULL, diag, &e->root);
        if (r < 0)
                return r;
        r = place_take_text(NULL, e->root, activity_key(e->root), PLACE_ID_MAX, diag, &e->activity);
        if (r < 0)
                return r;
        r = read_timestamp(e->root, diag, &e->timestamp_ms);
        if (r < 0)
                return r;
        e->payload = place_member(e->root, "payload");
        *ret = TAKE_PTR(e);
        return 0;
}

const char *envelope_salvage_activity(const char *text, size_t length, char buf[PLACE_ID_MAX + 1])
{
        CLEANUP_JSON struct json *root = NULL;
        const struct salvage head = salvage_begin(text, length);
        const char *activity;

        buf[0] = '\0';
        if (json_parse(text, length, &rules, NULL, NULL, &root) < 0) {
                salvage_string(&head, "activityId", buf, PLACE_ID_MAX + 1);
                if (!*buf)
                        salvage_string(&head, "activity_id", buf, PLACE_ID_MAX + 1);
                return buf;
        }
        activity = json_get_string(place_member(root, activity_key(root)));
        if (activity && strlen(activity) <= PLACE_ID_MAX)
                memcpy(buf, activity, strlen(activity) + 1);
        return buf;
}

int envelope_write(const char *activity, int64_t timestamp_ms, const char *payload, char **ret)
{
        CLEANUP_JSON struct json *id = activity ? json_new_string(activity) : NULL;
        CLEANUP_FREE char *quoted = NULL;
        char *text;
        int r;

        if (activity && !id)
                return -ENOMEM;
        r = id ? json_print(id, JSON_LAYOUT_COMPACT, &quoted) : 0;
        if (r < 0)
                return r;
        /* The payload is text that this host has written or checked: no need to take it apart
         * again. */
        if (asprintf(&text, "{%s%s%s\"timestamp\":%lld,\"payload\":%s}",
                     quoted ? "\"activityId\":" : "", quoted ? quoted : "", quoted ? "," : "",
                     (long long)timestamp_ms, payload ? payload : "null") < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}
