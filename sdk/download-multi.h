/* SPDX-License-Identifier: Apache-2.0
 *
 * download-multi - libcurl's multi interface on the host's loop
 *
 * libcurl says which sockets it waits for and when it wants to be called; the host's io and timer
 * do the waiting.  Names are resolved in a thread of libcurl's own, whose end is one more
 * socket. */
#pragma once

#include <curl/curl.h>
#include <stdint.h>

struct multi;
struct ub_host;

struct multi_user {
        /* A transfer is over.  It is still added; ub_multi_remove() may be called. */
        void (*ended)(void *data, CURL *easy, CURLcode code);
        /* The host gave no source for one of its sockets (a negative errno).  Called from inside
         * libcurl: nothing but taking a note is allowed. */
        void (*starved)(void *data, CURL *easy, int r);
        /* libcurl has been called and has returned. */
        void (*turned)(void *data);
};

/* user is borrowed and outlives the multi. */
int ub_multi_new(const struct ub_host *host, uint32_t parallel, const struct multi_user *user,
                 void *data, struct multi **ret);

/* All transfers must have been removed. */
struct multi *ub_multi_free(struct multi *multi);

int ub_multi_add(struct multi *multi, CURL *easy);
void ub_multi_remove(struct multi *multi, CURL *easy);
