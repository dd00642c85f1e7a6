/* SPDX-License-Identifier: Apache-2.0
 *
 * download-url - see download-url.h */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/download-url.h"

void ub_download_url_done(struct download_url *url)
{
        free(url->text);
        free(url->origin);
        free(url->path);
        free(url->user);
        free(url->password);
        free(url->people);
        *url = (struct download_url){ .text = NULL };
}

/* A part as memory of our own, so that one free() serves all.  NULL when absent: -ENODATA. */
static int get_part(CURLU *u, CURLUPart part, unsigned flags, char **ret)
{
        char *text = NULL;
        char *copy;
        CURLUcode code = curl_url_get(u, part, &text, flags);

        if (code == CURLUE_OUT_OF_MEMORY)
                return -ENOMEM;
        if (code != CURLUE_OK || !text)
                return code == CURLUE_URLDECODE ? -EINVAL : -ENODATA;
        copy = strdup(text);
        curl_free(text);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int get_optional(CURLU *u, CURLUPart part, unsigned flags, char **ret)
{
        int r = get_part(u, part, flags, ret);

        return r == -ENODATA ? 0 : r;
}

static int read_scheme(CURLU *u, enum download_scheme *ret)
{
        static const char *const names[] = {
                [DOWNLOAD_HTTP] = "http",
                [DOWNLOAD_HTTPS] = "https",
                [DOWNLOAD_FILE] = "file",
        };
        char *scheme = NULL;
        size_t i;
        int r;

        r = get_part(u, CURLUPART_SCHEME, 0, &scheme);
        if (r < 0)
                return r == -ENODATA ? -EINVAL : r;
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(scheme, names[i]) == 0)
                        break;
        free(scheme);
        if (i == sizeof(names) / sizeof(names[0]))
                return -EPROTONOSUPPORT;
        *ret = (enum download_scheme)i;
        return 0;
}

static int make_origin(CURLU *u, struct download_url *url)
{
        char *host = NULL;
        char *port = NULL;
        int r;

        r = get_part(u, CURLUPART_HOST, 0, &host);
        if (r >= 0)
                r = get_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
        if (r >= 0) {
                size_t size = strlen(host) + strlen(port) + sizeof("https://:");

                url->origin = malloc(size);
                r = -ENOMEM;
                if (url->origin)
                        r = snprintf(url->origin, size, "%s://%s:%s",
                                     url->scheme == DOWNLOAD_HTTPS ? "https" : "http", host, port);
        }
        free(host);
        free(port);
        return r == -ENODATA ? -EINVAL : r < 0 ? r : 0;
}

/* Fills url from u, whose user and password it takes out. */
static int take_apart(CURLU *u, struct download_url *url)
{
        int r;

        r = read_scheme(u, &url->scheme);
        if (r < 0)
                return r;
        r = get_optional(u, CURLUPART_USER, CURLU_URLDECODE, &url->user);
        if (r >= 0)
                r = get_optional(u, CURLUPART_PASSWORD, CURLU_URLDECODE, &url->password);
        if (r < 0)
                return r;

        (void)curl_url_set(u, CURLUPART_USER, NULL, 0); /* to nothing: cannot fail */
        (void)curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
        (void)curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
        r = get_part(u, CURLUPART_URL, 0, &url->text);
        if (r < 0)
                return r == -ENODATA ? -EINVAL : r;

        if (url->scheme == DOWNLOAD_FILE)
                r = get_part(u, CURLUPART_PATH, CURLU_URLDECODE, &url->path);
        else
                r = make_origin(u, url);
        if (r < 0)
                return r == -ENODATA ? -EINVAL : r;

        (void)curl_url_set(u, CURLUPART_QUERY, NULL, 0);
        r = get_part(u, CURLUPART_URL, 0, &url->people);
        return r == -ENODATA ? -EINVAL : r;
}

/* Text that is no URL is not repeated: it could be anything, a password too. */
static int fail(int r, struct ub_error *error)
{
        if (r == -EPROTONOSUPPORT)
                return ub_error_set(error, -EINVAL,
                                    "only http, https and file URLs can be downloaded");
        if (r == -EINVAL)
                return ub_error_set(error, r, "not a URL that can be read");
        return r == -ENOMEM ? ub_error_set(error, r, "out of memory") : r;
}

int ub_download_url_parse(const char *text, struct ub_error *error, struct download_url *ret)
{
        struct download_url url = { .text = NULL };
        CURLU *u = curl_url();
        int r = -EINVAL;

        if (!u)
                return fail(-ENOMEM, error);
        if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
                r = take_apart(u, &url);
        curl_url_cleanup(u);
        if (r < 0) {
                ub_download_url_done(&url);
                return fail(r, error);
        }
        *ret = url;
        return 0;
}

int ub_download_url_redirect(const struct download_url *from, const char *location,
                             struct ub_error *error, struct download_url *ret)
{
        struct download_url url = { .text = NULL };
        CURLU *u = curl_url();
        int r = -EINVAL;

        if (!u)
                return fail(-ENOMEM, error);
        if (curl_url_set(u, CURLUPART_URL, from->text, 0) == CURLUE_OK &&
            curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
                r = take_apart(u, &url);
        curl_url_cleanup(u);

        free(url.user);
        free(url.password);
        url.user = NULL;
        url.password = NULL;
        if (r == -EINVAL)
                (void)ub_error_set(error, r, "redirected to something that is not a URL");
        else if (r == -EPROTONOSUPPORT || (r >= 0 && url.scheme == DOWNLOAD_FILE))
                r = ub_error_set(error, -EPERM, "redirected to another scheme than http and https");
        else if (r >= 0 && from->scheme == DOWNLOAD_HTTPS && url.scheme != DOWNLOAD_HTTPS)
                r = ub_error_set(error, -EPERM,
                                 "scheme http is not allowed: redirected from https to %s",
                                 url.people);
        else if (r < 0)
                r = fail(r, error);
        if (r < 0) {
                ub_download_url_done(&url);
                return r;
        }
        *ret = url;
        return 0;
}
