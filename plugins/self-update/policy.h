/* SPDX-License-Identifier: Apache-2.0
 *
 * policy - may this update be done at all?
 *
 * Pure: settings, record and a request in, a sentence out.  0: it may.  Otherwise a negative errno,
 * and error says why in the words that go into the feedback. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

struct record;
struct request;
struct settings;

/* Where the bundle may come from: -EPERM.  *ret_remote: RAUC could stream it. */
int policy_check_url(const struct settings *settings, const char *url, struct ub_error *error,
                     bool *ret_remote);

/* Older than allowed, or failed to boot too often: -EPERM. */
int policy_check_version(const struct settings *settings, const struct record *record,
                         const struct request *wanted, const char *running,
                         struct ub_error *error);

/* Orders versions as people do: runs of digits by value, the rest as text, and what semver calls a
 * pre-release ("1.0-rc1") before its release.  A leading "v" means nothing.  <0, 0, >0. */
int policy_compare_versions(const char *a, const char *b);

/* "1.2.3-rc.1+build", as semver.org has it; a "v" in front is allowed. */
bool policy_is_semver(const char *version);
/* By the rules of semver.org; both have to be such versions. */
int policy_compare_semver(const char *a, const char *b);

/* May a signed request be begun at this time?  expires_sec: as it says.  -EPERM */
int policy_check_expiry(const struct settings *settings, int64_t now_sec, int64_t expires_sec,
                        struct ub_error *error);

/* Is the clock believable?  built_sec: when the running system was made.  -EAGAIN: not yet. */
int policy_check_clock(int64_t now_sec, int64_t built_sec, struct ub_error *error);

/* The earliest believable time that a setting names: "off" (0), "2024-05-01", or fallback for "".
 * -EBADMSG. */
int policy_not_before(const char *setting, int64_t fallback_sec, int64_t *ret);
