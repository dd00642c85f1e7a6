/* SPDX-License-Identifier: Apache-2.0
 *
 * download-request - a request, copied and completed */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/download-private.h"

/* The strings of a request, all treated alike. */
static const size_t strings[] = {
        offsetof(struct ub_download_request, url),
        offsetof(struct ub_download_request, name),
        offsetof(struct ub_download_request, sha256),
        offsetof(struct ub_download_request, user),
        offsetof(struct ub_download_request, password),
        offsetof(struct ub_download_request, ca_file),
        offsetof(struct ub_download_request, cert_file),
        offsetof(struct ub_download_request, key_file),
        offsetof(struct ub_download_request, proxy),
};

static const char **string_at(struct ub_download_request *request, size_t i)
{
        return (const char **)((char *)request + strings[i]);
}

void ub_settings_done(struct settings *settings)
{
        size_t i;

        for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
                free((char *)*string_at(&settings->request, i));
        curl_slist_free_all(settings->headers);
        *settings = (struct settings){ .headers = NULL };
}

/* A line break would let a value become another header. */
static int copy_headers(const char *const *headers, struct settings *settings)
{
        for (; headers && *headers; headers++) {
                struct curl_slist *longer;

                if (strpbrk(*headers, "\r\n") || !strchr(*headers, ':'))
                        return -EINVAL;
                longer = curl_slist_append(settings->headers, *headers);
                if (!longer)
                        return -ENOMEM;
                settings->headers = longer;
        }
        return 0;
}

static void set_default(uint64_t *value, uint64_t otherwise)
{
        if (*value == 0)
                *value = otherwise;
}

static void complete(struct ub_download_request *request)
{
        if (request->max_redirects == 0)
                request->max_redirects = 5;
        if (request->max_redirects < 0)
                request->max_redirects = 0;
        if (request->attempts == 0)
                request->attempts = 5;
        set_default(&request->connect_usec, 30 * USEC_PER_SEC);
        set_default(&request->silence_usec, 60 * USEC_PER_SEC);
        set_default(&request->silence_bytes, 1024);
        set_default(&request->retry_usec, USEC_PER_SEC);
        set_default(&request->retry_max_usec, 300 * USEC_PER_SEC);
        set_default(&request->progress_usec, USEC_PER_SEC / 2);
}

int ub_settings_copy(const struct ub_download_request *request, struct settings *ret)
{
        struct settings settings = { .request = *request };
        size_t i;
        int r;

        for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
                *string_at(&settings.request, i) = NULL;
        settings.request.headers = NULL;
        for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
                const char *from = *(const char *const *)((const char *)request + strings[i]);

                if (!from)
                        continue;
                *string_at(&settings.request, i) = strdup(from);
                if (!*string_at(&settings.request, i)) {
                        ub_settings_done(&settings);
                        return -ENOMEM;
                }
        }
        r = copy_headers(request->headers, &settings);
        if (r < 0) {
                ub_settings_done(&settings);
                return r;
        }
        complete(&settings.request);
        *ret = settings;
        return 0;
}
