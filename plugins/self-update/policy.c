/* SPDX-License-Identifier: Apache-2.0
 *
 * policy - see policy.h */
#include "plugins/self-update/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "plugins/self-update/calendar.h"
#include "plugins/self-update/record.h"
#include "plugins/self-update/settings.h"

/* ------------------------------------------------------------------------------------------ url */

int policy_check_url(const struct settings *settings, const char *url, struct ub_error *error,
                     bool *ret_remote)
{
        size_t length = strcspn(url, ":/?#");
        bool https;
        bool http;

        if (url[length] != ':' || length == 0)
                return ub_error_set(error, -EPERM, "the URL has no scheme");
        https = length == 5 && strncasecmp(url, "https", 5) == 0;
        http = length == 4 && strncasecmp(url, "http", 4) == 0;
        if (!https && !(http && !settings->https_only) &&
            !(length == 4 && strncasecmp(url, "file", 4) == 0))
                return ub_error_set(error, -EPERM, "scheme %.*s is not allowed",
                                    length > 32 ? 32 : (int)length, url);
        *ret_remote = https || http;
        return 0;
}

/* ------------------------------------------------------------------------------------- versions */

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Compares two runs of digits by value and moves behind them. */
static int compare_numbers(const char **a, const char **b)
{
        size_t length_a;
        size_t length_b;
        int r;

        *a += strspn(*a, "0");
        *b += strspn(*b, "0");
        length_a = strspn(*a, "0123456789");
        length_b = strspn(*b, "0123456789");
        r = length_a != length_b ? (length_a < length_b ? -1 : 1) : strncmp(*a, *b, length_a);
        *a += length_a;
        *b += length_b;
        return r;
}

/* What one version goes on with where the other ends: a pre-release makes it older. */
static int weight_of_rest(const char *rest)
{
        if (*rest == '\0' || *rest == '+')
                return 0;
        if (*rest == '~')
                return -1;
        /* "1.0-rc1" is before "1.0", but "1.0-3-gabc" (git describe) is behind it. */
        return *rest == '-' && !is_digit(rest[1]) ? -1 : 1;
}

int policy_compare_versions(const char *a, const char *b)
{
        a += *a == 'v' || *a == 'V';
        b += *b == 'v' || *b == 'V';
        for (;;) {
                if (is_digit(*a) && is_digit(*b)) {
                        int r = compare_numbers(&a, &b);

                        if (r != 0)
                                return r;
                        continue;
                }
                if (*a != *b || *a == '\0' || *a == '+')
                        break;
                a++;
                b++;
        }
        if (weight_of_rest(a) == 0 || weight_of_rest(b) == 0)
                return weight_of_rest(a) - weight_of_rest(b);
        /* "1.0-rc1" and "1.0-3-gabc": what begins with a letter came before. */
        if (is_digit(*a) != is_digit(*b))
                return is_digit(*a) ? 1 : -1;
        return (unsigned char)*a - (unsigned char)*b;
}

/* -------------------------------------------------------------------------- semantic versions */

#define IDENTIFIER "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"

/* Behind a number without zeros in front; NULL: there is none. */
static const char *skip_number(const char *text)
{
        size_t length = strspn(text, "0123456789");

        return length == 0 || (*text == '0' && length > 1) ? NULL : text + length;
}

/* Behind "rc.1"; NULL: that is not what stands there.  strict: of a pre-release, whose numbers have
 * no zeros in front. */
static const char *skip_identifiers(const char *text, bool strict)
{
        for (;;) {
                size_t length = strspn(text, IDENTIFIER);

                if (length == 0 || (strict && *text == '0' && length > 1 &&
                                    strspn(text, "0123456789") == length))
                        return NULL;
                text += length;
                if (*text != '.')
                        return text;
                text++;
        }
}

static const char *skip_v(const char *version)
{
        return version + (*version == 'v' || *version == 'V');
}

bool policy_is_semver(const char *version)
{
        const char *at = skip_number(skip_v(version));
        int i;

        for (i = 0; i < 2 && at; i++)
                at = *at == '.' ? skip_number(at + 1) : NULL;
        if (at && *at == '-')
                at = skip_identifiers(at + 1, true);
        if (at && *at == '+')
                at = skip_identifiers(at + 1, false);
        return at && *at == '\0';
}

/* One identifier of each: numbers by value and before words, words by their letters. */
static int compare_identifiers(const char **a, const char **b)
{
        size_t length_a = strspn(*a, IDENTIFIER);
        size_t length_b = strspn(*b, IDENTIFIER);
        bool number_a = strspn(*a, "0123456789") == length_a;
        bool number_b = strspn(*b, "0123456789") == length_b;
        int r;

        if (number_a && number_b)
                return compare_numbers(a, b);
        if (number_a != number_b)
                return number_a ? -1 : 1;
        r = strncmp(*a, *b, length_a < length_b ? length_a : length_b);
        *a += length_a;
        *b += length_b;
        return r != 0 || length_a == length_b ? r : length_a < length_b ? -1 : 1;
}

int policy_compare_semver(const char *a, const char *b)
{
        int r;
        int i;

        a = skip_v(a);
        b = skip_v(b);
        for (i = 0; i < 3; i++) {
                r = compare_numbers(&a, &b);
                if (r != 0)
                        return r;
                a += *a == '.';
                b += *b == '.';
        }
        if (*a != '-' || *b != '-') /* a pre-release is older */
                return (*b == '-') - (*a == '-');
        do {
                a++; /* the '-', then each '.' */
                b++;
                r = compare_identifiers(&a, &b);
        } while (r == 0 && *a == '.' && *b == '.');
        return r != 0 ? r : (*a == '.') - (*b == '.'); /* the one with more of them is newer */
}

/* -------------------------------------------------------------------------- is it new enough? */

static bool is_older(const struct settings *settings, const char *version, const char *than)
{
        if (settings->downgrade != DOWNGRADE_SEMVER)
                return policy_compare_versions(version, than) < 0;
        /* Whatever else may run, every semantic version is a way ahead from there. */
        return policy_is_semver(than) && policy_compare_semver(version, than) < 0;
}

int policy_check_version(const struct settings *settings, const struct record *record,
                         const struct request *wanted, const char *running,
                         struct ub_error *error)
{
        const char *version = wanted->version;
        const struct identity identity = { .version = version,
                                           .hash = "",
                                           .sha256 = wanted->sha256 };
        uint64_t failures = record_failures(record, &identity);

        if (settings->max_failed_boots && failures >= settings->max_failed_boots)
                return ub_error_set(error, -EPERM, "Version %s failed to boot %llu times.", version,
                                    (unsigned long long)failures);
        if (settings->downgrade == DOWNGRADE_SEMVER && !policy_is_semver(version))
                return ub_error_set(error, -EPERM,
                                    "Version %s is no semantic version, such as 1.2.3.", version);
        if (settings->downgrade != DOWNGRADE_ALLOW && *running &&
            is_older(settings, version, running))
                return ub_error_set(error, -EPERM,
                                    "Version %s is older than %s, which is running.", version,
                                    running);
        if (*settings->minimum_version && is_older(settings, version, settings->minimum_version))
                return ub_error_set(error, -EPERM, "Version %s is older than %s, the minimum.",
                                    version, settings->minimum_version);
        return 0;
}

/* ---------------------------------------------------------------------------------------- clock */

enum { TIME_MAX = 32, DATE_LENGTH = 10 };

/* For people: "2027-01-31T12:00:00Z", or "?" where this system's calendar ends. */
static void print_time(int64_t sec, char buf[TIME_MAX])
{
        time_t t = (time_t)sec;
        struct tm tm;

        if ((int64_t)t != sec || !gmtime_r(&t, &tm) ||
            strftime(buf, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                (void)snprintf(buf, TIME_MAX, "?");
}

static void print_date(int64_t sec, char buf[TIME_MAX])
{
        print_time(sec, buf);
        buf[DATE_LENGTH] = '\0';
}

int policy_check_clock(int64_t now_sec, int64_t built_sec, struct ub_error *error)
{
        char now[TIME_MAX];
        char built[TIME_MAX];

        if (now_sec >= built_sec)
                return 0;
        print_date(now_sec, now);
        print_date(built_sec, built);
        return ub_error_set(error, -EAGAIN,
                            "The clock is not set: it says %s, but this system was built on %s. "
                            "Certificates cannot be checked.",
                            now, built);
}

int policy_check_expiry(const struct settings *settings, int64_t now_sec, int64_t expires_sec,
                        struct ub_error *error)
{
        int64_t max_sec = (int64_t)(settings->request.max_lifetime_usec / 1000000);
        char expires[TIME_MAX];
        char now[TIME_MAX];

        print_time(expires_sec, expires);
        print_time(now_sec, now);
        if (expires_sec <= now_sec)
                return ub_error_set(error, -EPERM,
                                    "The request has expired: it was to be begun before %s, and "
                                    "it is %s.", expires, now);
        if (max_sec && expires_sec > now_sec + max_sec)
                return ub_error_set(error, -EPERM,
                                    "The request expires too late, at %s: request.maxLifetime is "
                                    "%lld s, and it is %s.", expires, (long long)max_sec, now);
        return 0;
}

int policy_not_before(const char *setting, int64_t fallback_sec, int64_t *ret)
{
        struct tm tm = { .tm_mday = 1 };
        const char *end;

        if (!*setting) {
                *ret = fallback_sec;
                return 0;
        }
        if (strcmp(setting, "off") == 0) {
                *ret = 0;
                return 0;
        }
        end = strptime(setting, "%Y-%m-%d", &tm);
        if (!end || *end)
                return -EBADMSG;
        *ret = calendar_seconds(&tm);
        return 0;
}
