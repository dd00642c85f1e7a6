/* SPDX-License-Identifier: Apache-2.0
 *
 * Checking a text: recursive descent over the bytes, without a tree.
 *
 * The recursion is scan_value -> scan_container -> scan_items -> scan_value, and `depth` ends it
 * before a hostile text can use up the stack.  Every scan_X() begins with s->at on the first byte of
 * an X and leaves it behind the last; on a fault s->at means nothing any more, only s->fault does.
 *
 * A duplicate key is looked for when its object ends, by sorting offsets: comparing each key with
 * all before it would take quadratic time, which a text of a few MiB turns into minutes.
 *
 * The file sees no library but the C library: see scan.h on who links it. */
#include "config.h"

#include "host/json/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/scan-string.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

enum {
        KEYS_FEW = 128,     /* keys that are remembered without the heap */
        KEY_SHOWN = 64,     /* bytes of a key that a message repeats */
        EXPONENT_MAX = 308, /* 1e308 is the largest power of ten in a double */
        EXPONENT_CEILING =
                100000, /* where counting stops, well beyond what 60 characters can undo */
};

struct scanner {
        const char *text; /* borrowed, not NUL-terminated */
        size_t length;
        size_t at; /* offset of the next byte, <= length */
        const struct scan_rules *rules;
        unsigned depth; /* of open objects and arrays */
        size_t fault;   /* offset; means something when a function has failed */
        struct diag *diag; /* the caller's, may be NULL */

        /* Offsets of the keys of all open objects, as a stack; each object knows where its own
         * begin.  `few` until that is full, then owned heap. */
        uint32_t *keys;
        size_t n_keys;
        size_t keys_size;
        uint32_t few[KEYS_FEW];
};

static int scan_value(struct scanner *s);

/* Notes where the fault is; to be used as `return diag_set(fault_at(s, offset), -EBADMSG, ...)`. */
static struct diag *fault_at(struct scanner *s, size_t offset)
{
        s->fault = offset;
        return s->diag;
}

static int peek(const struct scanner *s)
{
        return s->at < s->length ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scanner *s)
{
        int c;

        for (c = peek(s); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(s))
                s->at++;
}

/* "\u0041", or two of them for one character beyond U+FFFF; s->at is behind the "\u". */
static int scan_unicode_escape(struct scanner *s)
{
        size_t begin = s->at - 2;
        int code = scan_hex4(s->text + s->at, s->length - s->at);
        int low;

        if (code < 0)
                return diag_set(fault_at(s, begin), -EBADMSG,
                                "\\u must be followed by four hexadecimal digits");
        if (code == 0)
                return diag_set(fault_at(s, begin), -EBADMSG, "\\u0000 is not allowed");
        s->at += 4;
        if (code < 0xd800 || code >= 0xe000)
                return 0;

        low = -1;
        if (code < 0xdc00 && s->length - s->at >= 6 && memcmp(s->text + s->at, "\\u", 2) == 0)
                low = scan_hex4(s->text + s->at + 2, 4);
        if (low < 0xdc00 || low >= 0xe000)
                return diag_set(fault_at(s, begin), -EBADMSG,
                                "\\u%04x is half of a surrogate pair without its other half", code);
        s->at += 6;
        return 0;
}

static int scan_escape(struct scanner *s)
{
        size_t begin = s->at++;
        int c = peek(s);

        /* strchr finds the terminating NUL too, which is no escape. */
        if (c <= 0 || !strchr("\"\\/bfnrtu", c))
                return diag_set(fault_at(s, begin), -EBADMSG,
                                "unknown escape in a string; write \\\\ for a backslash");
        s->at++;
        return c == 'u' ? scan_unicode_escape(s) : 0;
}

static int scan_string(struct scanner *s)
{
        size_t begin = s->at++;
        int c;
        int r;

        for (c = peek(s); c != '"'; c = peek(s)) {
                uint32_t code;
                size_t n;

                if (c >= 0 && scan_is_ordinary((char)c)) {
                        s->at++;
                        continue;
                }
                if (c < 0)
                        return diag_set(fault_at(s, begin), -EBADMSG, "this string does not end");
                if (c == '\\') {
                        r = scan_escape(s);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (c == '\n' || c == '\r')
                        return diag_set(fault_at(s, s->at), -EBADMSG,
                                        "the line ends inside a string; write \\n for a new line");
                if (c < 0x20)
                        return diag_set(fault_at(s, s->at), -EBADMSG,
                                        "control character in a string; write \\u%04x",
                                        (unsigned)c);
                n = utf8_decode(s->text + s->at, s->length - s->at, &code);
                if (n == 0)
                        return diag_set(fault_at(s, s->at), -EBADMSG, "not valid UTF-8");
                s->at += n;
        }
        s->at++;
        return 0;
}

static size_t scan_digits(struct scanner *s)
{
        size_t begin = s->at;

        while (peek(s) >= '0' && peek(s) <= '9')
                s->at++;
        return s->at - begin;
}

/* The exponent as written, 0 when there is none, cut off far outside the range of a double. */
static int scan_exponent(struct scanner *s, long *ret)
{
        bool minus = false;
        long value = 0;
        size_t i;
        size_t n;

        *ret = 0;
        if (peek(s) != 'e' && peek(s) != 'E')
                return 0;
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
                minus = s->text[s->at++] == '-';
        n = scan_digits(s);
        if (n == 0)
                return diag_set(fault_at(s, s->at), -EBADMSG, "an exponent needs a digit");
        for (i = s->at - n; i < s->at && value < EXPONENT_CEILING; i++)
                value = value * 10 + (s->text[i] - '0');
        *ret = minus ? -value : value;
        return 0;
}

/* True when an integer literal, without its sign, is beyond 2^53 - 1. */
static bool beyond_exact(const char *digits, size_t n)
{
        static const char most[] = "9007199254740991";

        return n > sizeof(most) - 1 || (n == sizeof(most) - 1 && memcmp(digits, most, n) > 0);
}

static int scan_number(struct scanner *s)
{
        size_t begin = s->at;
        size_t whole;
        size_t n;
        bool integer;
        long exponent;
        int r;

        if (peek(s) == '-')
                s->at++;
        whole = s->at;
        n = scan_digits(s);
        if (n == 0)
                return diag_set(fault_at(s, s->at), -EBADMSG, "a number needs a digit");
        if (n > 1 && s->text[whole] == '0')
                return diag_set(fault_at(s, whole), -EBADMSG, "a number must not begin with 0");
        integer = peek(s) != '.';
        if (!integer) {
                s->at++;
                if (scan_digits(s) == 0)
                        return diag_set(fault_at(s, s->at), -EBADMSG,
                                        "a digit must follow the decimal point");
        }
        integer = integer && peek(s) != 'e' && peek(s) != 'E';
        r = scan_exponent(s, &exponent);
        if (r < 0)
                return r;

        if (s->at - begin > SCAN_NUMBER_MAX)
                return diag_set(fault_at(s, begin), -EBADMSG, "number of more than %d characters",
                                SCAN_NUMBER_MAX);
        if (s->text[whole] != '0' && (long)n - 1 + exponent >= EXPONENT_MAX)
                return diag_set(fault_at(s, begin), -EBADMSG, "number out of range");
        /* 0.9e308 is 9e307: behind a leading 0 the fraction stays below the exponent's power of
         * ten. */
        if (s->text[whole] == '0' && exponent > EXPONENT_MAX)
                return diag_set(fault_at(s, begin), -EBADMSG, "number out of range");
        if (s->rules->exact_integers && integer && beyond_exact(s->text + whole, n))
                return diag_set(fault_at(s, begin), -EBADMSG,
                                "integer beyond 9007199254740991, which would lose digits; "
                                "write it as a string");
        return 0;
}

/* Compares two keys by their characters, however those are written. */
static int key_order(const struct scanner *s, uint32_t a, uint32_t b)
{
        const char *end = s->text + s->length;
        const char *p = s->text + a + 1;
        const char *q = s->text + b + 1;
        uint32_t c;
        uint32_t d;

        do {
                c = scan_string_next(&p, end);
                d = scan_string_next(&q, end);
        } while (c == d && c != 0);
        return (c > d) - (c < d);
}

/* For qsort_r: the same keys stay in the order of the text. */
static int compare_keys(const void *a, const void *b, void *data)
{
        uint32_t x = *(const uint32_t *)a;
        uint32_t y = *(const uint32_t *)b;
        int order = key_order(data, x, y);

        return order ? order : (x > y) - (x < y);
}

/* Ends an object: sorts its keys, so that equal ones meet, and forgets them. */
static int keys_end(struct scanner *s, size_t base)
{
        size_t twice = SIZE_MAX;
        size_t i;

        if (s->n_keys - base > 1)
                qsort_r(s->keys + base, s->n_keys - base, sizeof(*s->keys), compare_keys, s);
        for (i = base + 1; i < s->n_keys; i++) {
                if (s->keys[i] < twice && key_order(s, s->keys[i - 1], s->keys[i]) == 0)
                        twice = s->keys[i];
        }
        s->n_keys = base;
        if (twice != SIZE_MAX) {
                char shown[KEY_SHOWN];
                int n = scan_copy(s->text + twice, s->length - twice, shown, sizeof(shown));

                return diag_set(fault_at(s, twice), -EBADMSG, "the key \"%s\" stands here twice",
                                n < KEY_SHOWN ? shown : "...");
        }
        return 0;
}

static int keys_push(struct scanner *s, size_t offset)
{
        if (s->n_keys == s->keys_size) {
                size_t size = s->keys_size * 2;
                uint32_t *keys = realloc(s->keys == s->few ? NULL : s->keys, size * sizeof(*keys));

                if (!keys)
                        return diag_set(s->diag, -ENOMEM, "out of memory");
                if (s->keys == s->few)
                        memcpy(keys, s->few, sizeof(s->few));
                s->keys = keys;
                s->keys_size = size;
        }
        s->keys[s->n_keys++] = (uint32_t)offset;
        return 0;
}

static int scan_member(struct scanner *s)
{
        int r;

        if (peek(s) != '"')
                return diag_set(fault_at(s, s->at), -EBADMSG,
                                peek(s) == '\'' ? "expected a key in double quotes, not single ones"
                                                : "expected a key in double quotes");
        r = keys_push(s, s->at);
        if (r < 0)
                return r;
        r = scan_string(s);
        if (r < 0)
                return r;
        skip_space(s);
        if (peek(s) != ':')
                return diag_set(fault_at(s, s->at), -EBADMSG, "expected \":\" after the key");
        s->at++;
        skip_space(s);
        return scan_value(s);
}

/* What objects and arrays have in common: items, separated by commas, up to `close`. */
static int scan_items(struct scanner *s, char close, int (*item)(struct scanner *s))
{
        size_t begin = s->at++;
        size_t comma;
        int r;

        skip_space(s);
        if (peek(s) == close) {
                s->at++;
                return 0;
        }
        for (;;) {
                r = item(s);
                if (r < 0)
                        return r;
                skip_space(s);
                if (peek(s) == close) {
                        s->at++;
                        return 0;
                }
                if (peek(s) < 0)
                        return diag_set(fault_at(s, begin), -EBADMSG,
                                        "the %s that begins here does not end",
                                        close == '}' ? "object" : "array");
                if (peek(s) != ',')
                        return diag_set(fault_at(s, s->at), -EBADMSG, "expected \",\" or \"%c\"",
                                        close);
                comma = s->at++;
                skip_space(s);
                if (peek(s) == close)
                        return diag_set(fault_at(s, comma), -EBADMSG, "a comma before \"%c\"",
                                        close);
        }
}

static int scan_container(struct scanner *s, char open)
{
        size_t base = s->n_keys;
        int r;

        if (s->depth == s->rules->max_depth)
                return diag_set(fault_at(s, s->at), -E2BIG,
                                "more than %u levels of objects and arrays", s->rules->max_depth);
        s->depth++;
        r = open == '{' ? scan_items(s, '}', scan_member) : scan_items(s, ']', scan_value);
        s->depth--;
        if (r < 0)
                return r;
        return keys_end(s, base);
}

/* true, false, null; else a word that somebody took for a value. */
static int scan_word(struct scanner *s)
{
        static const char *const words[] = { "true", "false", "null" };
        size_t begin = s->at;
        size_t i;

        while ((peek(s) | 0x20) >= 'a' && (peek(s) | 0x20) <= 'z')
                s->at++;
        for (i = 0; i < ARRAY_SIZE(words); i++) {
                size_t n = strlen(words[i]);

                if (s->at - begin == n && memcmp(s->text + begin, words[i], n) == 0)
                        return 0;
        }
        if (s->at > begin)
                return diag_set(fault_at(s, begin), -EBADMSG,
                                "expected true, false or null, or a string in double quotes");
        return diag_set(fault_at(s, begin), -EBADMSG, "expected a value");
}

/* Recursion ends at rules->max_depth, which is at most SCAN_DEPTH_MAX. */
static int scan_value(struct scanner *s)
{
        int c = peek(s);

        switch (c) {
        case '{':
        case '[':
                return scan_container(s, (char)c);
        case '"':
                return scan_string(s);
        case '-':
        case '0' ... '9':
                return scan_number(s);
        case -1:
                return diag_set(fault_at(s, s->at), -EBADMSG,
                                "the text ends where a value is expected");
        default:
                return scan_word(s);
        }
}

static int scan_whole(struct scanner *s)
{
        int r;

        if (s->length > s->rules->max_bytes)
                return diag_set(fault_at(s, s->rules->max_bytes), -E2BIG, "longer than %zu bytes",
                                s->rules->max_bytes);
        if (s->length >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0)
                return diag_set(fault_at(s, 0), -EBADMSG, "byte order mark");
        skip_space(s);
        if (s->rules->object && peek(s) != '{')
                return diag_set(fault_at(s, s->at), -EBADMSG, "expected an object");
        r = scan_value(s);
        if (r < 0)
                return r;
        skip_space(s);
        if (peek(s) >= 0)
                return diag_set(fault_at(s, s->at), -EBADMSG, "something follows the end of the %s",
                                s->rules->object ? "object" : "value");
        return 0;
}

int scan_text(const char *text, size_t length, const struct scan_rules *rules, size_t *fault_offset,
              struct diag *diag)
{
        struct scanner s = {
                .text = text,
                .length = length,
                .rules = rules,
                .diag = diag,
                .keys_size = KEYS_FEW,
        };
        int r;

        assert((text || length == 0) && rules);
        assert(rules->max_depth <= SCAN_DEPTH_MAX && rules->max_bytes <= SCAN_BYTES_MAX);

        s.keys = s.few;
        r = scan_whole(&s);
        if (s.keys != s.few)
                free(s.keys);
        if (r < 0 && r != -ENOMEM && fault_offset)
                *fault_offset = s.fault;
        return r;
}

struct scan_position scan_position(const char *text, size_t length, size_t offset)
{
        struct scan_position position = { .line = 1, .column = 1 };
        size_t i;

        for (i = 0; i < offset && i < length; i++) {
                if (text[i] == '\n') {
                        position.line++;
                        position.column = 1;
                } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
                        position.column++;
                }
        }
        return position;
}
