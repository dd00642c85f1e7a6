/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/setting.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/model/duration.h"
#include "host/model/status.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/log-level.h"
#include "host/util/nearest.h"
#include "host/util/time.h"
#include "host/util/utf8.h"

/* JSON of another type than the one that is read. */
static int wrong_type(const struct json *json, const char *expected, struct diag *diag)
{
        return diag_set(diag, -EBADMSG, "expected %s, not %s", expected,
                        json_type_to_string(json_get_type(json)));
}

/* "a", "b" or "c"; or what was probably meant. */
static int unknown_word(const char *word, const char *const *words, size_t n, struct diag *diag)
{
        struct nearest near = NEAREST_INIT(word);
        struct diag list = DIAG_INIT;
        size_t length = 0;
        size_t i;

        for (i = 0; i < n; i++) {
                nearest_offer(&near, words[i]);
                length +=
                        (size_t)snprintf(list.text + length, sizeof(list.text) - length, "%s\"%s\"",
                                         i == 0       ? ""
                                         : i + 1 == n ? " or "
                                                      : ", ",
                                         words[i]);
        }
        if (near.best)
                return diag_set(diag, -EINVAL, "unknown word \"%.64s\"; did you mean \"%s\"?", word,
                                near.best);
        return diag_set(diag, -EINVAL, "unknown word \"%.64s\"; expected %s", word, list.text);
}

/* ------------------------------------------------------------------------------- lists of texts */

size_t words_count(char *const *words)
{
        size_t n = 0;

        while (words && words[n])
                n++;
        return n;
}

void words_free(char **words)
{
        size_t i;

        for (i = 0; words && words[i]; i++)
                free(words[i]);
        free(words);
}

static void cleanup_words(char ***words)
{
        words_free(*words);
}

int words_add(char ***words, const char *word)
{
        size_t n = words_count(*words);
        char **more;

        if (n >= SETTING_WORDS_MAX)
                return -EINVAL;
        more = reallocarray(*words, n + 2, sizeof(*more));
        if (!more)
                return -ENOMEM;
        *words = more;
        more[n + 1] = NULL;
        more[n] = strdup(word);
        return more[n] ? 0 : -ENOMEM;
}

static void clear_words(void *target)
{
        char ***words = target;

        words_free(*words);
        *words = NULL;
}

static struct json *words_to_json(const void *target)
{
        CLEANUP_JSON struct json *array = json_new_array();
        char *const *words = *(char *const *const *)target;
        size_t i;

        for (i = 0; array && words && words[i]; i++) {
                if (json_append(array, json_new_string(words[i])) < 0)
                        return NULL;
        }
        return TAKE_PTR(array);
}

/* Adds the parts of a text between separators; empty ones are left out. */
static int split(const char *text, char separator, char ***words)
{
        CLEANUP_FREE char *copy = strdup(text);
        char *rest = copy;
        int r = copy ? 0 : -ENOMEM;

        while (r == 0 && rest) {
                char *part = rest;

                rest = strchr(part, separator);
                if (rest)
                        *rest++ = '\0';
                if (*part)
                        r = words_add(words, part);
        }
        return r;
}

static int words_from_text(const struct setting *setting, const char *text, void *target,
                           struct diag *diag)
{
        CLEANUP(cleanup_words) char **words = NULL;
        int r;

        (void)setting;
        r = split(text, ',', &words);
        if (r == -EINVAL)
                return diag_set(diag, r, "more than %d words", SETTING_WORDS_MAX);
        if (r < 0)
                return r;
        clear_words(target);
        *(char ***)target = TAKE_PTR(words);
        return 0;
}

static int folders_from_text(const struct setting *setting, const char *text, void *target,
                             struct diag *diag)
{
        CLEANUP(cleanup_words) char **more = NULL;
        char ***folders = target;
        size_t i;
        int r;

        r = split(text, ':', &more);
        if (r == 0 && !more)
                return diag_set(diag, -EINVAL, "expected a folder");
        if (r == -EINVAL || words_count(*folders) + words_count(more) > setting->max)
                return diag_set(diag, -EINVAL, "more than %" PRIu64 " folders", setting->max);
        for (i = 0; r == 0 && more[i]; i++)
                r = words_add(folders, more[i]);
        return r;
}

static int command_from_json(const struct setting *setting, const struct json *json, void *target,
                             struct diag *diag)
{
        CLEANUP(cleanup_words) char **words = NULL;
        const struct json *element;
        int r;

        (void)setting;
        if (json_get_type(json) != JSON_TYPE_ARRAY)
                return wrong_type(json, "an array, a program and its arguments", diag);
        JSON_FOREACH(element, json)
        {
                if (!json_get_string(element))
                        return wrong_type(element, "an array of strings", diag);
                r = words_add(&words, json_get_string(element));
                if (r == -EINVAL)
                        return diag_set(diag, r, "more than %d arguments", SETTING_WORDS_MAX);
                if (r < 0)
                        return r;
        }
        if (words && words[0][0] != '/')
                return diag_set(diag, -EINVAL, "expected the full path of a program, not \"%.64s\"",
                                words[0]);
        clear_words(target);
        *(char ***)target = TAKE_PTR(words);
        return 0;
}

const struct setting_type setting_words = {
        .name = "A,B",
        .from_text = words_from_text,
        .to_json = words_to_json,
        .clear = clear_words,
};

const struct setting_type setting_folders = {
        .name = "DIR",
        .from_text = folders_from_text,
        .to_json = words_to_json,
        .clear = clear_words,
};

const struct setting_type setting_command = {
        .from_json = command_from_json,
        .to_json = words_to_json,
        .clear = clear_words,
};

/* ------------------------------------------------------------------------------------- one text */

static int text_from_text(const struct setting *setting, const char *text, void *target,
                          struct diag *diag)
{
        size_t length = strlen(text);
        char **to = target;
        char *copy;

        if (length > SETTING_TEXT_MAX)
                return diag_set(diag, -EINVAL, "longer than %d bytes", SETTING_TEXT_MAX);
        if (!setting->secret && !utf8_is_line(text, length))
                return diag_set(diag, -EINVAL, "expected text without control characters");
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

static int text_from_json(const struct setting *setting, const struct json *json, void *target,
                          struct diag *diag)
{
        const char *text = json_get_string(json);

        return text ? text_from_text(setting, text, target, diag)
                    : wrong_type(json, "a string", diag);
}

static struct json *text_to_json(const void *target)
{
        return json_new_string(*(char *const *)target);
}

static void clear_text(void *target)
{
        char **text = target;

        free(*text);
        *text = NULL;
}

const struct setting_type setting_text = {
        .name = "TEXT",
        .from_text = text_from_text,
        .from_json = text_from_json,
        .to_json = text_to_json,
        .clear = clear_text,
};

/* ------------------------------------------------------------------------------- single values */

static void clear_nothing(void *target)
{
        (void)target;
}

/* The words of Go's strconv.ParseBool, which is what scripts around Kanto use. */
static int bool_from_text(const struct setting *setting, const char *text, void *target,
                          struct diag *diag)
{
        static const char *const words[2][6] = {
                { "false", "0", "f", "F", "False", "FALSE" },
                { "true", "1", "t", "T", "True", "TRUE" },
        };
        size_t i;

        (void)setting;
        for (i = 0; i < 2 * ARRAY_SIZE(words[0]); i++) {
                if (strcmp(text, words[i % 2][i / 2]) == 0) {
                        *(bool *)target = i % 2;
                        return 0;
                }
        }
        return diag_set(diag, -EINVAL, "expected true or false, not \"%.64s\"", text);
}

static int bool_from_json(const struct setting *setting, const struct json *json, void *target,
                          struct diag *diag)
{
        (void)setting;
        return json_get_bool(json, target) < 0 ? wrong_type(json, "true or false", diag) : 0;
}

static struct json *bool_to_json(const void *target)
{
        return json_new_bool(*(const bool *)target);
}

const struct setting_type setting_bool = {
        .from_text = bool_from_text,
        .from_json = bool_from_json,
        .to_json = bool_to_json,
        .clear = clear_nothing,
};

static int set_number(const struct setting *setting, uint64_t value, void *target,
                      struct diag *diag)
{
        if (value < setting->min || value > setting->max)
                return diag_set(diag, -EINVAL,
                                "expected a whole number from %" PRIu64 " to %" PRIu64,
                                setting->min, setting->max);
        *(uint64_t *)target = value;
        return 0;
}

static int number_from_text(const struct setting *setting, const char *text, void *target,
                            struct diag *diag)
{
        uint64_t value = UINT64_MAX;

        /* 18 digits cannot overflow; strtoull(3) alone would take blanks and signs. */
        if (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 18)
                value = strtoull(text, NULL, 10);
        return set_number(setting, value, target, diag);
}

static int number_from_json(const struct setting *setting, const struct json *json, void *target,
                            struct diag *diag)
{
        int64_t value;

        if (json_get_type(json) != JSON_TYPE_NUMBER)
                return wrong_type(json, "a whole number", diag);
        if (json_get_integer(json, &value) < 0 || value < 0)
                return set_number(setting, UINT64_MAX, target, diag);
        return set_number(setting, (uint64_t)value, target, diag);
}

static struct json *number_to_json(const void *target)
{
        return json_new_integer((int64_t) * (const uint64_t *)target);
}

const struct setting_type setting_number = {
        .name = "NUMBER",
        .from_text = number_from_text,
        .from_json = number_from_json,
        .to_json = number_to_json,
        .clear = clear_nothing,
};

static int set_duration(const struct setting *setting, uint64_t usec, void *target,
                        struct diag *diag)
{
        char min[DURATION_TEXT_MAX];
        char max[DURATION_TEXT_MAX];

        if (usec < setting->min || usec > setting->max)
                return diag_set(diag, -EINVAL, "expected a duration from %s to %s",
                                duration_to_string(setting->min, min),
                                duration_to_string(setting->max, max));
        *(uint64_t *)target = usec;
        return 0;
}

static int duration_from_text(const struct setting *setting, const char *text, void *target,
                              struct diag *diag)
{
        uint64_t usec;
        int r;

        if (!*text && setting->empty_is_zero)
                return set_duration(setting, 0, target, diag);
        if (!*text)
                text = setting->standard; /* as Kanto */
        r = duration_from_string(text, &usec);
        if (r == -ERANGE)
                return set_duration(setting, UINT64_MAX, target, diag);
        if (r < 0)
                return diag_set(diag, -EINVAL,
                                "expected a duration such as \"30s\" or \"1m30s\", not "
                                "\"%.64s\"",
                                text);
        return set_duration(setting, usec, target, diag);
}

/* A number is of milliseconds, as in Kanto's files before 2023-08-30. */
static int duration_from_json(const struct setting *setting, const struct json *json, void *target,
                              struct diag *diag)
{
        const char *text = json_get_string(json);
        int64_t msec;

        if (text)
                return duration_from_text(setting, text, target, diag);
        if (json_get_type(json) != JSON_TYPE_NUMBER)
                return wrong_type(json, "a duration such as \"30s\"", diag);
        if (json_get_integer(json, &msec) < 0 || msec < 0)
                return diag_set(diag, -EINVAL,
                                "expected a whole number of milliseconds, or a duration such as "
                                "\"30s\"");
        return set_duration(setting, (uint64_t)msec * USEC_PER_MSEC, target, diag);
}

static struct json *duration_to_json(const void *target)
{
        char text[DURATION_TEXT_MAX];

        return json_new_string(duration_to_string(*(const uint64_t *)target, text));
}

const struct setting_type setting_duration = {
        .name = "DURATION",
        .from_text = duration_from_text,
        .from_json = duration_from_json,
        .to_json = duration_to_json,
        .clear = clear_nothing,
};

/* ---------------------------------------------------------------------------------------- words */

static int level_from_text(const struct setting *setting, const char *text, void *target,
                           struct diag *diag)
{
        static const char *const words[] = { "ERROR", "WARN", "INFO", "DEBUG", "TRACE" };

        (void)setting;
        if (log_level_from_string(text, target) < 0)
                return unknown_word(text, words, ARRAY_SIZE(words), diag);
        return 0;
}

static int level_from_json(const struct setting *setting, const struct json *json, void *target,
                           struct diag *diag)
{
        const char *text = json_get_string(json);

        return text ? level_from_text(setting, text, target, diag) :
                      wrong_type(json, "a string", diag);
}

static struct json *level_to_json(const void *target)
{
        return json_new_string(log_level_to_string(*(const enum log_level *)target));
}

const struct setting_type setting_level = {
        .name = "LEVEL",
        .from_text = level_from_text,
        .from_json = level_from_json,
        .to_json = level_to_json,
        .clear = clear_nothing,
};

/* In the order of enum settings_protocol. */
static const char *const protocols[] = { "3.1.1", "5" };

static int protocol_from_text(const struct setting *setting, const char *text, void *target,
                              struct diag *diag)
{
        size_t i;

        (void)setting;
        for (i = 0; i < ARRAY_SIZE(protocols); i++) {
                if (strcmp(text, protocols[i]) == 0) {
                        *(enum settings_protocol *)target = (enum settings_protocol)i;
                        return 0;
                }
        }
        return unknown_word(text, protocols, ARRAY_SIZE(protocols), diag);
}

static int protocol_from_json(const struct setting *setting, const struct json *json, void *target,
                              struct diag *diag)
{
        const char *text = json_get_string(json);

        return text ? protocol_from_text(setting, text, target, diag) :
                      wrong_type(json, "\"3.1.1\" or \"5\"", diag);
}

static struct json *protocol_to_json(const void *target)
{
        return json_new_string(protocols[*(const enum settings_protocol *)target]);
}

const struct setting_type setting_protocol = {
        .name = "VERSION",
        .from_text = protocol_from_text,
        .from_json = protocol_from_json,
        .to_json = protocol_to_json,
        .clear = clear_nothing,
};

/* ---------------------------------------------------------- steps that the owner has to approve */

/* Any case of letters: lower-case commands silently switched the consent off in Kanto's files. */
static int add_step(const char *word, unsigned *steps, struct diag *diag)
{
        static const char *const words[] = { "DOWNLOAD", "UPDATE", "ACTIVATE" };
        char upper[16] = "";
        enum step step;
        size_t i;

        for (i = 0; word[i] && i < sizeof(upper) - 1; i++)
                upper[i] = (char)toupper((unsigned char)word[i]);
        step = word[i] ? STEP_NONE : step_from_string(upper);
        if (step != STEP_DOWNLOAD && step != STEP_UPDATE && step != STEP_ACTIVATE)
                return unknown_word(word, words, ARRAY_SIZE(words), diag);
        *steps |= 1U << step;
        return 0;
}

static int steps_from_text(const struct setting *setting, const char *text, void *target,
                           struct diag *diag)
{
        CLEANUP(cleanup_words) char **words = NULL;
        unsigned steps = 0;
        size_t i;
        int r;

        r = words_from_text(setting, text, &words, diag);
        for (i = 0; r == 0 && words && words[i]; i++)
                r = add_step(words[i], &steps, diag);
        if (r == 0)
                *(unsigned *)target = steps;
        return r;
}

static int steps_from_json(const struct setting *setting, const struct json *json, void *target,
                           struct diag *diag)
{
        const struct json *element;
        unsigned steps = 0;
        int r;

        (void)setting;
        if (json_get_type(json) != JSON_TYPE_ARRAY)
                return wrong_type(json, "an array of commands", diag);
        JSON_FOREACH(element, json)
        {
                if (!json_get_string(element))
                        return wrong_type(element, "an array of strings", diag);
                r = add_step(json_get_string(element), &steps, diag);
                if (r < 0)
                        return r;
        }
        *(unsigned *)target = steps;
        return 0;
}

static struct json *steps_to_json(const void *target)
{
        CLEANUP_JSON struct json *array = json_new_array();
        int step;

        for (step = 0; array && step < STEP_COUNT; step++) {
                if ((*(const unsigned *)target & 1U << step) &&
                    json_append(array, json_new_string(step_to_string((enum step)step))) < 0)
                        return NULL;
        }
        return TAKE_PTR(array);
}

const struct setting_type setting_steps = {
        .name = "A,B",
        .from_text = steps_from_text,
        .from_json = steps_from_json,
        .to_json = steps_to_json,
        .clear = clear_nothing,
};
