/* SPDX-License-Identifier: Apache-2.0
 *
 * record - see record.h
 *
 * Each struct has a table of its members; one loop writes and one reads.  So a member is kept by
 * adding a row, and what is written can always be read.  A member that is empty is not written, and
 * one that an older version did not write keeps its zero: for every member zero has to mean what it
 * meant before the member was there.  Unknown members are ignored, which makes it possible to go
 * back to an older version of the agent. */
#include "plugins/self-update/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <update-broker/sdk/json.h>

static const char *const state_names[STATE_COUNT] = {
        [STATE_IDLE] = "idle",
        [STATE_IDENTIFIED] = "identified",
        [STATE_DOWNLOADING] = "downloading",
        [STATE_DOWNLOADED] = "downloaded",
        [STATE_UPDATING] = "updating",
        [STATE_UPDATED] = "updated",
        [STATE_ACTIVATING] = "activating",
        [STATE_ACTIVATED] = "activated",
        [STATE_FAILED] = "failed",
        [STATE_ROLLING_BACK] = "rolling-back",
        [STATE_ROLLED_BACK] = "rolled-back",
};

static const char *const trial_names[TRIAL_COUNT] = {
        [TRIAL_NONE] = "none",
        [TRIAL_OUTSTANDING] = "outstanding",
        [TRIAL_RUNNING] = "running",
        [TRIAL_GOOD] = "good",
        [TRIAL_SICK] = "sick",
        [TRIAL_FELL_BACK] = "fell-back",
        [TRIAL_RESCUE] = "rescue",
};

/* The words stand in what is kept: none may ever change. */
const char *state_to_string(enum state state)
{
        return state_names[state];
}

const char *trial_to_string(enum trial trial)
{
        return trial_names[trial];
}

void record_copy(char *to, size_t size, const char *text)
{
        size_t length = strnlen(text, size);

        if (length >= size) {
                /* Half a character would make the whole record no UTF-8, which no parser takes. */
                length = size - 1;
                while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
                        length--;
        }
        memmove(to, text, length); /* a member may be set to its own text */
        to[length] = '\0';
}

/* --------------------------------------------------------------------------------------- tables */

enum member_type { MEMBER_TEXT, MEMBER_BOOL, MEMBER_NUMBER };

struct member {
        const char *key;
        enum member_type type;
        size_t offset;
        size_t size; /* of a text */
};

#define TEXT(s, k, m) { k, MEMBER_TEXT, offsetof(struct s, m), sizeof(((struct s *)0)->m) }
#define BOOL(s, k, m) { k, MEMBER_BOOL, offsetof(struct s, m), 0 }
#define NUMBER(s, k, m) { k, MEMBER_NUMBER, offsetof(struct s, m), 0 }

static const struct member activity_members[] = {
        TEXT(activity, "id", id),
        TEXT(activity, "wanted", request.version),
        TEXT(activity, "url", request.url),
        TEXT(activity, "sha256", request.sha256),
        NUMBER(activity, "size", request.size),
        TEXT(activity, "keptStatus", kept_status),
        TEXT(activity, "keptMessage", kept_message),
        BOOL(activity, "local", local),
        BOOL(activity, "already", already),
        BOOL(activity, "streamed", streamed),
        BOOL(activity, "looked", looked),
        BOOL(activity, "plain", plain),
        BOOL(activity, "checked", checked),
        BOOL(activity, "touched", touched),
        BOOL(activity, "cutOff", cut_off),
        TEXT(activity, "hash", hash),
        TEXT(activity, "booted", booted),
        TEXT(activity, "target", target),
        TEXT(activity, "from", from),
        TEXT(activity, "transaction", transaction),
        TEXT(activity, "installedBefore", installed_before),
        NUMBER(activity, "countBefore", count_before),
        NUMBER(activity, "bytes", bytes),
        TEXT(activity, "boot", boot),
        TEXT(activity, "stamps", stamps),
        TEXT(activity, "readBack", read_back),
        { NULL, MEMBER_TEXT, 0, 0 },
};

static const struct member pending_members[] = {
        TEXT(pending, "id", id),
        TEXT(pending, "version", version),
        TEXT(pending, "hash", hash),
        TEXT(pending, "sha256", sha256),
        TEXT(pending, "fromVersion", from_version),
        TEXT(pending, "from", from),
        TEXT(pending, "to", to),
        TEXT(pending, "boot", boot),
        TEXT(pending, "message", message),
        BOOL(pending, "told", told),
        { NULL, MEMBER_TEXT, 0, 0 },
};

static const struct member blocked_members[] = {
        TEXT(blocked, "version", version),
        TEXT(blocked, "hash", hash),
        TEXT(blocked, "sha256", sha256),
        NUMBER(blocked, "failures", failures),
        { NULL, MEMBER_TEXT, 0, 0 },
};

static const struct member used_members[] = {
        TEXT(used, "id", id),
        NUMBER(used, "expires", expires_sec),
        { NULL, MEMBER_TEXT, 0, 0 },
};

static const struct member outcome_members[] = {
        TEXT(outcome, "id", id),
        TEXT(outcome, "version", version),
        TEXT(outcome, "from", from),
        TEXT(outcome, "result", result),
        TEXT(outcome, "message", message),
        NUMBER(outcome, "time", time_sec),
        { NULL, MEMBER_TEXT, 0, 0 },
};

static const struct member record_members[] = {
        TEXT(record, "confirmed", confirmed),
        BOOL(record, "repair", repair),
        NUMBER(record, "usedUntil", used_until_sec),
        { NULL, MEMBER_TEXT, 0, 0 },
};

struct list {
        const char *key;
        const struct member *members; /* of an element */
        size_t first;                 /* offsets in the record: of the elements ... */
        size_t count;                 /* ... and of their number */
        size_t size;                  /* of an element */
        size_t room;
};

#define ELEMENT(m) (((struct record *)0)->m[0])
#define LIST(m, members)                                                          \
        { #m, members, offsetof(struct record, m), offsetof(struct record, n_##m), \
          sizeof(ELEMENT(m)), sizeof(((struct record *)0)->m) / sizeof(ELEMENT(m)) }

static const struct list lists[] = {
        LIST(blocked, blocked_members),
        LIST(used, used_members),
        LIST(history, outcome_members),
        { NULL, NULL, 0, 0, 0, 0 },
};

/* -------------------------------------------------------------------------------------- writing */

static void put_members(struct ub_json_writer *w, const struct member *m, const void *from)
{
        for (; m->key; m++) {
                const char *at = (const char *)from + m->offset;

                switch (m->type) {
                case MEMBER_TEXT:
                        if (*at)
                                ub_json_put_string(w, m->key, at);
                        break;
                case MEMBER_BOOL:
                        if (*(const bool *)at)
                                ub_json_put_bool(w, m->key, true);
                        break;
                case MEMBER_NUMBER:
                        if (*(const uint64_t *)at)
                                ub_json_put_int(w, m->key, (int64_t) * (const uint64_t *)at);
                        break;
                }
        }
}

static void put_list(struct ub_json_writer *w, const struct list *list, const struct record *from)
{
        const char *at = (const char *)from + list->first;
        size_t n = *(const size_t *)((const char *)from + list->count);

        ub_json_open_array(w, list->key);
        for (; n > 0; n--, at += list->size) {
                ub_json_open_object(w, NULL);
                put_members(w, list->members, at);
                ub_json_close_object(w);
        }
        ub_json_close_array(w);
}

int record_write(const struct record *record, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        const struct list *list;

        ub_json_open_object(&w, NULL);
        ub_json_put_int(&w, "version", RECORD_VERSION);
        put_members(&w, record_members, record);
        ub_json_open_object(&w, "activity");
        ub_json_put_string(&w, "state", state_to_string(record->activity.state));
        put_members(&w, activity_members, &record->activity);
        ub_json_put_string(&w, "last", record->activity.last);
        ub_json_close_object(&w);
        ub_json_open_object(&w, "pending");
        ub_json_put_string(&w, "trial", trial_to_string(record->pending.trial));
        put_members(&w, pending_members, &record->pending);
        ub_json_close_object(&w);
        for (list = lists; list->key; list++)
                put_list(&w, list, record);
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}

/* -------------------------------------------------------------------------------------- reading */

static int get_members(const struct ub_json *from, const struct member *m, struct ub_error *error,
                       void *to)
{
        const char *text;
        int64_t number;
        int r = 0;

        for (; m->key && r >= 0; m++) {
                char *at = (char *)to + m->offset;

                switch (m->type) {
                case MEMBER_TEXT:
                        r = ub_json_get_string(from, m->key, error, &text);
                        if (r > 0)
                                record_copy(at, m->size, text);
                        break;
                case MEMBER_BOOL:
                        r = ub_json_get_bool(from, m->key, error, (bool *)at);
                        break;
                case MEMBER_NUMBER:
                        r = ub_json_get_int(from, m->key, 0, UB_JSON_INT_MAX, error, &number);
                        if (r > 0)
                                *(uint64_t *)at = (uint64_t)number;
                        break;
                }
        }
        return r < 0 ? r : 0;
}

/* The word of an enum; its number, or that of the first word when there is none. */
static int get_word(const struct ub_json *from, const char *key, const char *const *names,
                    int n_names, struct ub_error *error)
{
        const char *word = names[0];
        int i;
        int r;

        r = ub_json_get_string(from, key, error, &word);
        if (r < 0)
                return r;
        for (i = 0; i < n_names; i++)
                if (strcmp(names[i], word) == 0)
                        return i;
        return ub_json_fault(from, error, -EBADMSG, "\"%s\" is no %s", word, key);
}

static int read_activity(const struct ub_json *root, struct ub_error *error, struct activity *ret)
{
        const struct ub_json *object;
        const char *last;
        int r;

        r = ub_json_get_object(root, "activity", error, &object);
        if (r <= 0)
                return r;
        r = get_word(object, "state", state_names, STATE_COUNT, error);
        if (r < 0)
                return r;
        ret->state = (enum state)r;
        r = get_members(object, activity_members, error, ret);
        /* The only member without a limit of its own: a feedback as it went out. */
        if (r >= 0)
                r = ub_json_get_string(object, "last", error, &last);
        if (r > 0) {
                ret->last = strdup(last);
                r = ret->last ? 0 : -ENOMEM;
        }
        return r;
}

static int read_pending(const struct ub_json *root, struct ub_error *error, struct pending *ret)
{
        const struct ub_json *object;
        int r;

        r = ub_json_get_object(root, "pending", error, &object);
        if (r <= 0)
                return r;
        r = get_word(object, "trial", trial_names, TRIAL_COUNT, error);
        if (r < 0)
                return r;
        ret->trial = (enum trial)r;
        return get_members(object, pending_members, error, ret);
}

/* Fills a list from its beginning.  What does not fit any more is what a later version has kept
 * beyond this one's limits; losing it is better than losing all. */
static int read_list(const struct ub_json *root, const struct list *list, struct ub_error *error,
                     struct record *to)
{
        char *first = (char *)to + list->first;
        size_t *n = (size_t *)((char *)to + list->count);
        const struct ub_json *array;
        const struct ub_json *at;
        int r;

        r = ub_json_get_array(root, list->key, error, &array);
        if (r <= 0)
                return r;
        for (at = ub_json_first(array); at && *n < list->room; at = ub_json_next(at)) {
                r = ub_json_as_object(at, error);
                if (r >= 0)
                        r = get_members(at, list->members, error, first + *n * list->size);
                if (r < 0)
                        return r;
                ++*n;
        }
        return 0;
}

static int read_root(const struct ub_json *root, struct ub_error *error, struct record *ret)
{
        const struct list *list;
        int64_t version = 0;
        int r;

        r = ub_json_as_object(root, error);
        if (r >= 0)
                r = ub_json_get_int(root, "version", 1, UB_JSON_INT_MAX, error, &version);
        /* A higher number is for what an older agent must not touch, not for one more member. */
        if (r >= 0 && version != RECORD_VERSION)
                return ub_error_set(error, -EBADMSG, "it is of version %lld",
                                    (long long)version);
        if (r >= 0)
                r = get_members(root, record_members, error, ret);
        if (r >= 0)
                r = read_activity(root, error, &ret->activity);
        if (r >= 0)
                r = read_pending(root, error, &ret->pending);
        for (list = lists; list->key && r >= 0; list++)
                r = read_list(root, list, error, ret);
        return r < 0 ? r : 0;
}

int record_read(const char *text, struct ub_error *error, struct record *ret)
{
        /* Tens of KiB: too much for the stack of a small device. */
        struct record *record = calloc(1, sizeof(*record));
        struct ub_json *root;
        int r;

        if (!record)
                return -ENOMEM;
        r = ub_json_parse(text, "record", error, &root);
        if (r >= 0) {
                r = read_root(root, error, record);
                (void)ub_json_free(root);
        }
        if (r >= 0)
                *ret = *record;
        else
                record_done(record);
        free(record);
        return r;
}

void record_done(struct record *record)
{
        free(record->activity.last);
        record->activity.last = NULL;
}

/* -------------------------------------------------------------------------- lists of the record */

/* From the surest sign to the weakest.  A hash that is blocked and a request that names a sha256 do
 * not compare, and there the version must not decide: a corrected bundle may keep its version. */
static bool is_same(const struct blocked *b, const struct identity *identity)
{
        if (*b->sha256 && *identity->sha256)
                return strcasecmp(b->sha256, identity->sha256) == 0;
        if (*b->hash && *identity->hash)
                return strcmp(b->hash, identity->hash) == 0;
        if (*b->hash && *identity->sha256)
                return false;
        return strcmp(b->version, identity->version) == 0;
}

static struct blocked *find_blocked(struct record *record, const struct identity *identity)
{
        size_t i;

        for (i = 0; i < record->n_blocked; i++)
                if (is_same(&record->blocked[i], identity))
                        return &record->blocked[i];
        return NULL;
}

uint64_t record_block(struct record *record, const struct identity *identity)
{
        struct blocked *b = find_blocked(record, identity);

        if (!b) {
                /* The oldest is the one that is least likely to be asked for again. */
                if (record->n_blocked == RECORD_BLOCKED_MAX) {
                        record->n_blocked--;
                        memmove(record->blocked, record->blocked + 1,
                                record->n_blocked * sizeof(record->blocked[0]));
                }
                b = &record->blocked[record->n_blocked++];
                *b = (struct blocked){ .failures = 0 };
                RECORD_SET(b->version, identity->version);
                RECORD_SET(b->hash, identity->hash);
                RECORD_SET(b->sha256, identity->sha256);
        }
        return ++b->failures;
}

void record_unblock(struct record *record, const struct identity *identity)
{
        struct blocked *b = find_blocked(record, identity);
        size_t behind;

        if (!b)
                return;
        behind = (size_t)(record->blocked + record->n_blocked - (b + 1));
        memmove(b, b + 1, behind * sizeof(*b));
        record->n_blocked--;
}

uint64_t record_failures(const struct record *record, const struct identity *identity)
{
        uint64_t failures = 0;
        size_t i;

        for (i = 0; i < record->n_blocked; i++)
                if (is_same(&record->blocked[i], identity))
                        failures += record->blocked[i].failures;
        return failures;
}

/* Makes room by forgetting the id that expires first.  From then on nothing that expires up to that
 * time is taken, so that what is forgotten cannot be used again either. */
static void forget_used(struct record *record)
{
        if (record->used_until_sec < record->used[0].expires_sec)
                record->used_until_sec = record->used[0].expires_sec;
        record->n_used--;
        memmove(record->used, record->used + 1, record->n_used * sizeof(record->used[0]));
}

bool record_is_used(const struct record *record, const char *id, int64_t expires_sec)
{
        size_t i;

        if (expires_sec <= 0 || (uint64_t)expires_sec <= record->used_until_sec)
                return true;
        for (i = 0; i < record->n_used; i++)
                if (strcmp(record->used[i].id, id) == 0)
                        return true;
        return false;
}

void record_use(struct record *record, const char *id, int64_t expires_sec)
{
        struct used used = { .expires_sec = (uint64_t)expires_sec };
        size_t i;

        if (record_is_used(record, id, expires_sec))
                return;
        RECORD_SET(used.id, id);
        if (record->n_used == RECORD_USED_MAX)
                forget_used(record);
        /* In order of expiry, for forget_used(). */
        for (i = record->n_used; i > 0 && record->used[i - 1].expires_sec > used.expires_sec; i--)
                record->used[i] = record->used[i - 1];
        record->used[i] = used;
        record->n_used++;
}

void record_remember(struct record *record, const struct outcome *outcome)
{
        if (record->n_history < RECORD_HISTORY_MAX)
                record->n_history++;
        memmove(record->history + 1, record->history,
                (record->n_history - 1) * sizeof(record->history[0]));
        record->history[0] = *outcome;
}
