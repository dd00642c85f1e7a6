/* SPDX-License-Identifier: Apache-2.0
 *
 * download-url - where a download may go, and what of it people may see
 *
 * Takes URLs apart with libcurl's own parser, so that what is checked is what is connected to. */
#pragma once

#include <stdbool.h>
#include <update-broker/sdk/error.h>

enum download_scheme { DOWNLOAD_HTTP, DOWNLOAD_HTTPS, DOWNLOAD_FILE };

struct download_url {
        enum download_scheme scheme;
        char *text;     /* without user and password */
        char *origin;   /* "scheme://host:port" */
        char *path;     /* DOWNLOAD_FILE: decoded */
        char *user;     /* decoded, or NULL */
        char *password; /* decoded, or NULL */
        char *people;   /* text without its query, which may hold a token */
};

/* Reads a URL.  -EINVAL: not one, or another scheme; -ENOMEM. */
int ub_download_url_parse(const char *text, struct ub_error *error, struct download_url *ret);

/* Where a redirect leads: location, which may be relative, seen from `from`.  User and password in
 * it are dropped: a server does not hand us credentials.  -EPERM: not a place that a redirect may
 * lead to; -EINVAL, -ENOMEM. */
int ub_download_url_redirect(const struct download_url *from, const char *location,
                             struct ub_error *error, struct download_url *ret);

void ub_download_url_done(struct download_url *url);
