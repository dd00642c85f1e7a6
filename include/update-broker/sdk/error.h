/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/error.h - the text of a failure, for people
 *
 * A function of the SDK that fails for a reason somebody will read takes a `struct ub_error *`,
 * which may be NULL.  Its text goes into the log or into a feedback's message:
 *
 *     struct ub_error error = UB_ERROR_INIT;
 *
 *     r = ub_json_parse(text, "settings", &error, &json);
 *     if (r < 0) {
 *             ub_err(host, "%s", error.text);
 *             return r;
 *     } */
#ifndef UPDATE_BROKER_SDK_ERROR_H
#define UPDATE_BROKER_SDK_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define UB_ERROR_MAX 512

struct ub_error {
        char text[UB_ERROR_MAX]; /* always terminated; cut with "..." when too long */
};

#define UB_ERROR_INIT { "" }

/* Sets the text and returns r, so that a failure is one line: return ub_error_set(e, -EINVAL,
 * ...); */
int ub_error_set(struct ub_error *error, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " in front of the text and returns r. */
int ub_error_prefix(struct ub_error *error, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_ERROR_H */
