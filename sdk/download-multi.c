/* SPDX-License-Identifier: Apache-2.0
 *
 * download-multi - see download-multi.h */
#include <errno.h>
#include <stdlib.h>
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#include "sdk/download-multi.h"

struct multi {
        const struct ub_host *host; /* borrowed, outlives us */
        CURLM *curl;
        struct ub_source *timer;
        const struct multi_user *user;
        void *data;
};

/* One socket that libcurl waits for; curl_multi_assign() ties it to the socket. */
struct watch {
        struct multi *multi;
        struct ub_source *source;
};

static void drop_timer(struct multi *multi)
{
        multi->host->source_drop(multi->host->ctx, multi->timer);
        multi->timer = NULL;
}

static void collect(struct multi *multi)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(multi->curl, &left)))
                if (message->msg == CURLMSG_DONE)
                        multi->user->ended(multi->data, message->easy_handle, message->data.result);
        multi->user->turned(multi->data);
}

static void on_socket(void *data, int fd, uint32_t events)
{
        struct watch *watch = data;
        struct multi *multi = watch->multi; /* the call may free watch */
        int running;
        int mask = 0;

        if (events & (UB_IO_IN | UB_IO_HUP))
                mask |= CURL_CSELECT_IN;
        if (events & UB_IO_OUT)
                mask |= CURL_CSELECT_OUT;
        if (events & UB_IO_ERR)
                mask |= CURL_CSELECT_ERR;
        (void)curl_multi_socket_action(multi->curl, fd, mask,
                                       &running); /* failures end transfers */
        collect(multi);
}

static void on_timer(void *data)
{
        struct multi *multi = data;
        int running;

        multi->timer = NULL;
        (void)curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0,
                                       &running); /* likewise */
        collect(multi);
}

/* CURLMOPT_TIMERFUNCTION.  Always through the loop: libcurl must not be called from in here. */
static int set_timer(CURLM *curl, long timeout_ms, void *data)
{
        struct multi *multi = data;

        (void)curl; /* the only one */
        drop_timer(multi);
        if (timeout_ms < 0)
                return 0;
        /* Without a timer nothing would ever move: an error here makes libcurl fail every call, and
         * the downloads end by their own time limits. */
        return multi->host->timer(multi->host->ctx, (uint64_t)timeout_ms * 1000, on_timer, multi,
                                  &multi->timer) < 0
                       ? -1
                       : 0;
}

static int watch_set(struct multi *multi, struct watch *watch, curl_socket_t fd, uint32_t events)
{
        const struct ub_host *host = multi->host;
        int r;

        if (watch)
                return host->io_events(host->ctx, watch->source, events);

        watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        watch->multi = multi;
        r = host->io(host->ctx, fd, events, on_socket, watch, &watch->source);
        if (r < 0) {
                free(watch);
                return r;
        }
        (void)curl_multi_assign(multi->curl, fd, watch); /* fails for unknown sockets only */
        return 0;
}

/* CURLMOPT_SOCKETFUNCTION.  An error result would kill every transfer, so that is told to one. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
        struct multi *multi = data;
        struct watch *watch = socket_data;
        uint32_t events = 0;
        int r;

        if (what == CURL_POLL_REMOVE) {
                if (watch) {
                        multi->host->source_drop(multi->host->ctx, watch->source);
                        (void)curl_multi_assign(multi->curl, fd, NULL); /* as above */
                        free(watch);
                }
                return 0;
        }
        if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
                events |= UB_IO_IN;
        if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
                events |= UB_IO_OUT;
        r = watch_set(multi, watch, fd, events);
        if (r < 0)
                multi->user->starved(multi->data, easy, r);
        return 0;
}

int ub_multi_new(const struct ub_host *host, uint32_t parallel, const struct multi_user *user,
                 void *data, struct multi **ret)
{
        struct multi *multi = calloc(1, sizeof(*multi));

        if (!multi)
                return -ENOMEM;
        multi->host = host;
        multi->user = user;
        multi->data = data;
        multi->curl = curl_multi_init();
        if (!multi->curl ||
            curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, set_socket) != CURLM_OK ||
            curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi) != CURLM_OK ||
            curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
            curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi) != CURLM_OK ||
            curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)parallel) != CURLM_OK) {
                ub_multi_free(multi);
                return -ENOMEM;
        }
        *ret = multi;
        return 0;
}

struct multi *ub_multi_free(struct multi *multi)
{
        if (!multi)
                return NULL;
        if (multi->curl)
                (void)curl_multi_cleanup(
                        multi->curl); /* takes its sockets away through set_socket */
        drop_timer(multi);
        free(multi);
        return NULL;
}

int ub_multi_add(struct multi *multi, CURL *easy)
{
        return curl_multi_add_handle(multi->curl, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void ub_multi_remove(struct multi *multi, CURL *easy)
{
        (void)curl_multi_remove_handle(multi->curl, easy); /* fails for what was not added only */
}
