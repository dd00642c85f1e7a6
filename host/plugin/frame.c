/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/frame.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

enum field_kind { FIELD_NONE, FIELD_UNSIGNED, FIELD_SIGNED, FIELD_TEXT, FIELD_BLOB };

struct field {
        const char *name;
        enum field_kind kind;
        uint64_t
                max; /* of a number: its value; of text and blob: bytes.  FIELD_SIGNED is an int32_t */
};

enum { FIELDS_MAX = FRAME_NUMBERS_MAX + FRAME_TEXTS_MAX + 1 };

#define U64(name) { name, FIELD_UNSIGNED, UINT64_MAX }
#define U32(name) { name, FIELD_UNSIGNED, UINT32_MAX }
#define FLAG(name) { name, FIELD_UNSIGNED, 1 }
#define INT(name) { name, FIELD_SIGNED, 0 }
#define TEXT(name, max_bytes) { name, FIELD_TEXT, max_bytes }
#define ACTIVITY TEXT("activity", UB_MAX_ID)
#define JSON TEXT("json", UB_MAX_JSON)
#define BLOB(name, max_bytes) { name, FIELD_BLOB, max_bytes }

/* Numbers, texts, blob: in this order in every row. */
static const struct {
        const char *name;
        struct field fields[FIELDS_MAX];
} types[FRAME_TYPE_COUNT] = {
        [FRAME_HELLO] = { "hello", { U32("version"), U32("abi_minor") } },

        [FRAME_TOPIC] = { "topic", { TEXT("filter", UB_MAX_TOPIC) } },
        [FRAME_STATE] = { "state",
                          { TEXT("key", UB_MAX_KEY), BLOB("value", UB_MAX_STATE_VALUE) } },
        [FRAME_CONFIG] = { "config",
                           { U32("role"), U32("grants"), U64("stop_usec"), FLAG("seccomp"),
                             TEXT("id", UB_MAX_ID), TEXT("plugin", FRAME_PATH_MAX),
                             TEXT("settings", UB_MAX_JSON) } },
        [FRAME_START] = { "start", { U32("flags") } },
        /* The text of a request is JSON or a baseline. */
        [FRAME_REQUEST] = { "request",
                            { U32("call"), INT("command"), ACTIVITY, TEXT("text", UB_MAX_JSON) } },
        [FRAME_ACTIVITY_END] = { "activity_end", { ACTIVITY } },
        [FRAME_STATE_SYNCED] = { "state_synced", { U64("id"), INT("result") } },
        [FRAME_MQTT_PUBLISHED] = { "mqtt_published", { U64("id"), INT("result") } },
        [FRAME_MQTT_MESSAGE] = { "mqtt_message",
                                 { U64("subscription"), U32("flags"), TEXT("topic", UB_MAX_TOPIC),
                                   BLOB("payload", UB_MAX_JSON) } },
        [FRAME_MQTT_CONNECTED] = { "mqtt_connected", { FLAG("connected") } },
        [FRAME_PING] = { "ping", { { 0 } } },
        [FRAME_STOP] = { "stop", { { 0 } } },

        [FRAME_STARTED] = { "started", { INT("result"), TEXT("text", UB_MAX_LOG) } },
        [FRAME_STOPPED] = { "stopped", { { 0 } } },
        [FRAME_DIED] = { "died", { TEXT("text", UB_MAX_LOG) } },
        [FRAME_ANSWERED] = { "answered",
                             { U32("call"), INT("result"), U64("calls"), U64("call_usec"),
                               U64("call_usec_max"), ACTIVITY } },
        [FRAME_STATS] = { "stats", { U64("calls"), U64("call_usec"), U64("call_usec_max") } },
        [FRAME_MISBEHAVED] = { "misbehaved", { U32("fault"), TEXT("text", UB_MAX_LOG) } },
        [FRAME_LOG] = { "log",
                        { INT("level"), INT("line"), TEXT("file", FRAME_PATH_MAX),
                          TEXT("func", UB_MAX_LOG), TEXT("text", UB_MAX_LOG) } },
        [FRAME_CURRENT_STATE] = { "current_state", { ACTIVITY, JSON } },
        [FRAME_FEEDBACK] = { "feedback", { ACTIVITY, JSON } },
        [FRAME_REBOOT_REQUEST] = { "reboot_request", { ACTIVITY, TEXT("reason", UB_MAX_LOG) } },
        [FRAME_STATE_PUT] = { "state_put",
                              { TEXT("key", UB_MAX_KEY), BLOB("value", UB_MAX_STATE_VALUE) } },
        [FRAME_STATE_SYNC] = { "state_sync", { U64("id") } },
        [FRAME_MQTT_PUBLISH] = { "mqtt_publish",
                                 { U64("id"), U32("qos"), U32("flags"), TEXT("topic", UB_MAX_TOPIC),
                                   BLOB("payload", UB_MAX_JSON) } },
        [FRAME_MQTT_SUBSCRIBE] = { "mqtt_subscribe",
                                   { U64("id"), U32("qos"), TEXT("filter", UB_MAX_TOPIC) } },
        [FRAME_MQTT_UNSUBSCRIBE] = { "mqtt_unsubscribe", { U64("id") } },
        [FRAME_ORCHESTRATOR] = { "orchestrator", { U32("request"), ACTIVITY, JSON } },
};

static bool is_type(uint32_t type)
{
        return type < FRAME_TYPE_COUNT && types[type].name;
}

const char *frame_type_to_string(enum frame_type type)
{
        return is_type(type) ? types[type].name : "unknown";
}

/* The row of a type's fields, one after the other; NULL behind the last. */
static const struct field *field_at(enum frame_type type, size_t i)
{
        return i < FIELDS_MAX && types[type].fields[i].kind != FIELD_NONE ? &types[type].fields[i]
                                                                          : NULL;
}

static size_t body_max(enum frame_type type)
{
        const struct field *field;
        size_t max = 0;
        size_t i;

        for (i = 0; (field = field_at(type, i)); i++)
                switch (field->kind) {
                case FIELD_UNSIGNED:
                case FIELD_SIGNED:
                        max += sizeof(uint64_t);
                        break;
                case FIELD_TEXT:
                        max += field->max + 1;
                        break;
                case FIELD_BLOB:
                        max += field->max;
                        break;
                case FIELD_NONE:
                        break;
                }
        return max;
}

/* --------------------------------------------------------------------------------------- encode */

int frame_size(const struct frame *frame, size_t *ret)
{
        const struct field *field;
        size_t size = FRAME_HEADER_BYTES;
        size_t n_texts = 0;
        size_t i;

        assert(frame && is_type(frame->type) && ret);

        for (i = 0; (field = field_at(frame->type, i)); i++)
                switch (field->kind) {
                case FIELD_UNSIGNED:
                case FIELD_SIGNED:
                        size += sizeof(uint64_t);
                        break;
                case FIELD_TEXT: {
                        size_t length = strnlen(frame->text[n_texts++], field->max + 1);

                        if (length > field->max)
                                return -E2BIG;
                        size += length + 1;
                        break;
                }
                case FIELD_BLOB:
                        if (frame->blob_length > field->max)
                                return -E2BIG;
                        size += frame->blob_length;
                        break;
                case FIELD_NONE:
                        break;
                }
        *ret = size;
        return 0;
}

static char *put_u32(char *p, uint32_t value)
{
        value = htole32(value);
        return (char *)memcpy(p, &value, sizeof(value)) + sizeof(value);
}

static char *put_u64(char *p, uint64_t value)
{
        value = htole64(value);
        return (char *)memcpy(p, &value, sizeof(value)) + sizeof(value);
}

void frame_write(const struct frame *frame, void *buf)
{
        const struct field *field;
        char *start = buf;
        char *p = start + FRAME_HEADER_BYTES;
        size_t n_numbers = 0;
        size_t n_texts = 0;
        size_t i;

        for (i = 0; (field = field_at(frame->type, i)); i++)
                switch (field->kind) {
                case FIELD_UNSIGNED:
                case FIELD_SIGNED:
                        p = put_u64(p, frame->number[n_numbers++]);
                        break;
                case FIELD_TEXT: {
                        const char *text = frame->text[n_texts++];
                        size_t bytes = strlen(text) + 1;

                        p = (char *)memcpy(p, text, bytes) + bytes;
                        break;
                }
                case FIELD_BLOB:
                        if (frame->blob_length > 0) /* its pointer may be NULL otherwise */
                                memcpy(p, frame->blob, frame->blob_length);
                        p += frame->blob_length;
                        break;
                case FIELD_NONE:
                        break;
                }
        start = put_u32(start, (uint32_t)(p - start) - FRAME_HEADER_BYTES);
        (void)put_u32(start, frame->type);
}

/* --------------------------------------------------------------------------------------- decode */

static int bad(struct diag *diag, enum frame_type type, const struct field *field,
               const char *fault)
{
        return diag_set(diag, -EBADMSG, "frame %s: %s: %s", types[type].name, field->name, fault);
}

static uint32_t get_u32(const char *p)
{
        uint32_t value;

        memcpy(&value, p, sizeof(value));
        return le32toh(value);
}

static bool is_in_range(const struct field *field, uint64_t value)
{
        if (field->kind == FIELD_SIGNED)
                return (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX;
        return value <= field->max;
}

/* Each take_ moves *p behind its field. */
static int take_number(const struct frame *frame, const struct field *field, const char **p,
                       const char *end, uint64_t *ret, struct diag *diag)
{
        uint64_t value;

        if ((size_t)(end - *p) < sizeof(value))
                return bad(diag, frame->type, field, "missing");
        memcpy(&value, *p, sizeof(value));
        value = le64toh(value);
        if (!is_in_range(field, value))
                return bad(diag, frame->type, field, "out of range");
        *p += sizeof(value);
        *ret = value;
        return 0;
}

static int take_text(const struct frame *frame, const struct field *field, const char **p,
                     const char *end, const char **ret, struct diag *diag)
{
        const char *text = *p;
        const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

        if (!nul)
                return bad(diag, frame->type, field, "has no end");
        if ((size_t)(nul - text) > field->max)
                return bad(diag, frame->type, field, "too long");
        if (!utf8_is_valid(text, (size_t)(nul - text)))
                return bad(diag, frame->type, field, "not UTF-8");
        *p = nul + 1;
        *ret = text;
        return 0;
}

static int take_blob(struct frame *frame, const struct field *field, const char **p,
                     const char *end, struct diag *diag)
{
        size_t length = (size_t)(end - *p);

        if (length > field->max)
                return bad(diag, frame->type, field, "too long");
        frame->blob = *p;
        frame->blob_length = length;
        *p = end;
        return 0;
}

static int read_body(enum frame_type type, const char *p, const char *end, struct frame *ret,
                     struct diag *diag)
{
        struct frame frame = { .type = type };
        const struct field *field;
        size_t n_numbers = 0;
        size_t n_texts = 0;
        size_t i;
        int r = 0;

        for (i = 0; r == 0 && (field = field_at(type, i)); i++)
                switch (field->kind) {
                case FIELD_UNSIGNED:
                case FIELD_SIGNED:
                        r = take_number(&frame, field, &p, end, &frame.number[n_numbers++], diag);
                        break;
                case FIELD_TEXT:
                        r = take_text(&frame, field, &p, end, &frame.text[n_texts++], diag);
                        break;
                case FIELD_BLOB:
                        r = take_blob(&frame, field, &p, end, diag);
                        break;
                case FIELD_NONE:
                        break;
                }
        if (r < 0)
                return r;
        if (p != end)
                return diag_set(diag, -EBADMSG, "frame %s: %zu bytes too many", types[type].name,
                                (size_t)(end - p));
        *ret = frame;
        return 0;
}

int frame_read(const void *data, size_t length, struct frame *ret, size_t *ret_bytes,
               struct diag *diag)
{
        const char *p = data;
        uint32_t body;
        uint32_t type;
        int r;

        assert(ret && ret_bytes);

        if (length < FRAME_HEADER_BYTES) {
                *ret_bytes = FRAME_HEADER_BYTES;
                return 0;
        }
        body = get_u32(p);
        type = get_u32(p + sizeof(body));
        if (!is_type(type))
                return diag_set(diag, -EBADMSG, "unknown type %" PRIu32 " of a frame", type);
        if (body > body_max(type))
                return diag_set(diag, -EBADMSG, "frame %s: %" PRIu32 " bytes are too many",
                                types[type].name, body);
        if (length - FRAME_HEADER_BYTES < body) {
                *ret_bytes = FRAME_HEADER_BYTES + (size_t)body;
                return 0;
        }

        p += FRAME_HEADER_BYTES;
        r = read_body(type, p, p + body, ret, diag);
        if (r < 0)
                return r;
        *ret_bytes = FRAME_HEADER_BYTES + (size_t)body;
        return 1;
}

/* --------------------------------------------------------------------------------------- print */

const char *frame_print(const struct frame *frame, char *buf, size_t size)
{
        const struct field *field;
        size_t n_numbers = 0;
        size_t n_texts = 0;
        size_t used;
        size_t i;

        assert(size > 0);

        used = (size_t)snprintf(buf, size, "%s", frame_type_to_string(frame->type));
        for (i = 0; used < size && (field = field_at(frame->type, i)); i++) {
                char *p = buf + used;
                size_t room = size - used;
                int n = 0;

                switch (field->kind) {
                case FIELD_UNSIGNED:
                        n = snprintf(p, room, " %s=%" PRIu64, field->name,
                                     frame->number[n_numbers++]);
                        break;
                case FIELD_SIGNED:
                        n = snprintf(p, room, " %s=%" PRId64, field->name,
                                     (int64_t)frame->number[n_numbers++]);
                        break;
                case FIELD_TEXT:
                        n = snprintf(p, room, " %s=\"%s\"", field->name, frame->text[n_texts++]);
                        break;
                case FIELD_BLOB:
                        n = snprintf(p, room, " %s=<%zu bytes>", field->name, frame->blob_length);
                        break;
                case FIELD_NONE:
                        break;
                }
                used += (size_t)n;
        }
        return buf;
}
