/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "host/mqtt/link-parts.h"
#include "host/mqtt/outbox.h"
#include "host/mqtt/subscriptions.h"
#include "host/util/address.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/worker.h"

enum {
        KEEP_ALIVE_MIN_SEC = 5, /* libmosquitto refuses less, except none */
        TIMER_ACCURACY_USEC = 50 * 1000,
};

enum phase {
        PHASE_LOOKING_UP, /* libmosquitto belongs to the worker */
        PHASE_CONNECTING, /* until the server has answered */
        PHASE_UP,
        PHASE_DOWN,
};

struct link {
        sd_event *event; /* borrowed, outlives the link's life with its owner */
        struct mosquitto *mosq;
        struct address address;
        bool ipv4_only;
        uint64_t connect_timeout_usec;
        uint64_t keep_alive_usec; /* 0: none */
        struct link_events events;
        void *data;

        enum phase phase;
        unsigned busy;   /* calls into libmosquitto that may call back */
        bool freed;      /* the owner has gone; what is left waits for `busy` or the worker */
        bool reached;    /* the server has answered */
        bool may_write;  /* TLS before the answer: the connection was writable once */
        int *publishing; /* inside link_publish(): the number of the message; NULL: it is answered for */
        struct diag why; /* of going down; the first one counts */
        struct diag hint; /* libmosquitto's own complaint, the first one */

        int fd; /* our duplicate of libmosquitto's, which closes its own without telling the loop */
        sd_event_source *io;
        sd_event_source *timer;
        uint64_t last_in_usec;
        uint64_t last_out_usec;
};

/* ------------------------------------------------------------------------------- why it is down */

static void set_why(struct link *link, const char *text)
{
        if (link->why.text[0] == '\0')
                (void)diag_set(&link->why, 0, "%s", text);
}

/* error: errno right after the call. */
static void explain_result(struct link *link, int rc, int error)
{
        const struct link_trouble trouble = {
                .rc = rc,
                .error = error,
                .tls = link->address.tls,
                .reached = link->reached,
        };

        set_why(link, link->hint.text[0] ? link->hint.text : link_explain_trouble(&trouble));
}

/* Comes on the worker's thread, too, while the link belongs to it. */
static void on_log(struct mosquitto *mosq, void *data, int level, const char *text)
{
        struct link *link = data;

        (void)mosq;
        if (level == MOSQ_LOG_ERR && link->hint.text[0] == '\0')
                link_explain_log(text, &link->hint);
}

/* ---------------------------------------------------------------------------- going and freeing */

static void drop_sources(struct link *link)
{
        link->io = sd_event_source_disable_unref(link->io);
        link->timer = sd_event_source_disable_unref(link->timer);
        cleanup_close(&link->fd);
        link->fd = -1;
}

static void destroy(struct link *link)
{
        drop_sources(link);
        if (link->mosq) {
                if (link->phase == PHASE_UP)
                        (void)mosquitto_disconnect(link->mosq); /* a courtesy */
                mosquitto_destroy(link->mosq);
        }
        free(link);
}

struct link *link_free(struct link *link)
{
        if (!link)
                return NULL;
        drop_sources(link);
        link->freed = true;
        if (link->busy == 0 && link->phase != PHASE_LOOKING_UP)
                destroy(link);
        return NULL;
}

DEFINE_FREEP(struct link, link);

/* Touches the link no more: its owner may free it. */
static void go_down(struct link *link)
{
        link->phase = PHASE_DOWN;
        drop_sources(link);
        link->events.down(link->data, link->why.text, link->reached);
}

/* --------------------------------------------------------------------------------------- waking */

static int rearm_timer(struct link *link)
{
        uint64_t last = link->last_in_usec < link->last_out_usec ? link->last_in_usec :
                                                                   link->last_out_usec;
        int r;

        if (link->phase != PHASE_UP)
                return 0; /* the limit for connecting stands */
        if (link->keep_alive_usec == 0)
                return sd_event_source_set_enabled(link->timer, SD_EVENT_OFF);
        /* libmosquitto counts whole seconds and from a moment that is never later than ours: one
         * second more, and it is sure to find the ping due.  The server waits half a keep-alive
         * time longer. */
        r = sd_event_source_set_time(link->timer, last + link->keep_alive_usec + USEC_PER_SEC);
        return r < 0 ? r : sd_event_source_set_enabled(link->timer, SD_EVENT_ONESHOT);
}

static bool want_writable(const struct link *link)
{
        if (link->phase == PHASE_CONNECTING && link->address.tls)
                return !link->may_write;
        return link->phase == PHASE_CONNECTING || mosquitto_want_write(link->mosq);
}

static void rearm(struct link *link)
{
        uint32_t events = EPOLLIN | (want_writable(link) ? (uint32_t)EPOLLOUT : 0);
        int r;

        r = sd_event_source_set_io_events(link->io, events);
        if (r >= 0)
                r = rearm_timer(link);
        /* Cannot fail with good arguments; if it does, rather a new link than a deaf one. */
        if (r < 0) {
                set_why(link, strerror(-r));
                go_down(link);
        }
}

/* Every call into libmosquitto that may call back ends here.  Touches the link no more. */
static void after_call(struct link *link, int rc, int error)
{
        assert(link->busy == 1);
        link->busy = 0;
        if (link->freed) {
                destroy(link);
                return;
        }
        if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(link->mosq) >= 0) {
                rearm(link);
                return;
        }
        explain_result(link, rc, error);
        go_down(link);
}

/* Writes what waits. */
static int write_out(struct link *link)
{
        link->last_out_usec = time_now_usec();
        return mosquitto_loop_write(link->mosq, 1);
}

/* A server as Debian installs it sends its PUBACK and holds the message that follows back until TCP
 * has acknowledged the PUBACK (Nagle), which takes 40 ms when nothing is to be sent the other way.
 * The kernel forgets the wish, so it is repeated.  fd: our duplicate, open also when libmosquitto
 * has closed its own. */
static void acknowledge_quickly(int fd)
{
        int one = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one,
                         sizeof(one)); /* not on a unix socket */
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        struct link *link = data;
        int rc = MOSQ_ERR_SUCCESS;
        int error = 0;
        socklen_t size = sizeof(error);

        (void)source;
        if (link->phase == PHASE_CONNECTING && (revents & EPOLLERR) &&
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0) {
                /* Asked here, because asking clears it. */
                explain_result(link, MOSQ_ERR_ERRNO, error);
                go_down(link);
                return 0;
        }
        link->may_write = true;
        link->busy++;
        errno = 0;
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                link->last_in_usec = time_now_usec();
                rc = mosquitto_loop_read(link->mosq, 1);
                if (!link->freed)
                        acknowledge_quickly(fd);
        }
        if (rc == MOSQ_ERR_SUCCESS && !link->freed && mosquitto_want_write(link->mosq))
                rc = write_out(link);
        after_call(link, rc, errno);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
        struct link *link = data;
        int rc;

        (void)source;
        (void)usec;
        if (link->phase != PHASE_UP || link->why.text[0] != '\0') {
                /* Connecting took too long, or a call has found the link broken. */
                set_why(link, "the server does not answer");
                go_down(link);
                return 0;
        }
        link->busy++;
        errno = 0;
        rc = mosquitto_loop_misc(link->mosq);
        link->last_in_usec = link->last_out_usec = time_now_usec();
        after_call(link, rc, errno);
        return 0;
}

/* -------------------------------------------------------------------- what libmosquitto reports */

static void on_connect(struct mosquitto *mosq, void *data, int rc, int flags,
                       const mosquitto_property *properties)
{
        struct link *link = data;
        struct diag diag = DIAG_INIT;
        uint16_t sec;

        (void)mosq;
        (void)flags;
        link->reached = true;
        if (rc != 0) {
                link_explain_refusal(rc, &diag);
                set_why(link, diag.text);
                return;
        }
        /* In MQTT 5 the server may dictate the keep-alive time; libmosquitto obeys. */
        if (mosquitto_property_read_int16(properties, MQTT_PROP_SERVER_KEEP_ALIVE, &sec, false))
                link->keep_alive_usec = sec * USEC_PER_SEC;
        link->phase = PHASE_UP;
        if (!link->freed)
                link->events.up(link->data);
}

static void on_disconnect(struct mosquitto *mosq, void *data, int rc,
                          const mosquitto_property *properties)
{
        struct link *link = data;
        struct diag diag = DIAG_INIT;

        (void)mosq;
        (void)properties;
        /* Reasons of MQTT 5 begin there; what is below are libmosquitto's own, which its calls
         * return. */
        if (rc < MQTT_RC_UNSPECIFIED)
                return;
        (void)diag_set(&diag, 0, "the server has closed the connection: %s",
                       mosquitto_reason_string(rc));
        set_why(link, diag.text);
}

static void on_message(struct mosquitto *mosq, void *data, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
        struct link *link = data;
        const struct mqtt_message ours = {
                .topic = message->topic,
                .payload = message->payload ? message->payload : "",
                .length = (size_t)message->payloadlen,
                .qos = message->qos,
                .retained = message->retain,
        };

        (void)mosq;
        (void)properties;
        if (message->qos > 0)
                link->last_out_usec = time_now_usec(); /* libmosquitto acknowledges */
        if (!link->freed)
                link->events.message(link->data, &ours);
}

static void on_publish(struct mosquitto *mosq, void *data, int mid, int reason,
                       const mosquitto_property *properties)
{
        struct link *link = data;
        int r = 0;

        (void)mosq;
        (void)properties;
        if (reason == MQTT_RC_NOT_AUTHORIZED)
                r = -EACCES;
        else if (reason == MQTT_RC_QUOTA_EXCEEDED)
                r = -EDQUOT;
        else if (reason >= MQTT_RC_UNSPECIFIED)
                r = -EREMOTEIO;
        if (link->publishing && *link->publishing == mid)
                link->publishing = NULL; /* QoS 0, written at once: link_publish() says so */
        else if (!link->freed)
                link->events.answered(link->data, mid, r);
}

static void on_subscribe(struct mosquitto *mosq, void *data, int mid, int n, const int *granted,
                         const mosquitto_property *properties)
{
        struct link *link = data;

        (void)mosq;
        (void)properties;
        for (int i = 0; i < n && !link->freed; i++)
                if (granted[i] >= MQTT_RC_UNSPECIFIED)
                        link->events.refused(link->data, mid);
        if (!link->freed)
                link->events.subscribed(link->data);
}

static void on_unsubscribe(struct mosquitto *mosq, void *data, int mid,
                           const mosquitto_property *properties)
{
        struct link *link = data;

        (void)mosq;
        (void)mid;
        (void)properties;
        if (!link->freed)
                link->events.unsubscribed(link->data);
}

/* ----------------------------------------------------------------------------------- connecting */

/* Everything that has to do with the configured server but the packets. */
static int connect_now(struct link *link)
{
        int keep_alive_sec = (int)(link->keep_alive_usec / USEC_PER_SEC);
        int rc;

        errno = 0;
        /* A socket cannot be bound to an address of the other family, so libmosquitto skips those.
         * */
        rc = mosquitto_connect_bind_async(link->mosq, link->address.host, link->address.port,
                                          keep_alive_sec, link->ipv4_only ? "0.0.0.0" : NULL);
        if (rc == MOSQ_ERR_SUCCESS)
                return 0;
        explain_result(link, rc, errno);
        return -EIO;
}

/* The link has a socket, or a reason. */
static int watch(struct link *link)
{
        uint64_t now = time_now_usec();
        int fd = mosquitto_socket(link->mosq);
        int r;

        link->phase = PHASE_CONNECTING;
        link->last_in_usec = link->last_out_usec = now;
        if (fd >= 0) {
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
                link->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (link->fd < 0)
                        return -errno;
                r = sd_event_add_io(link->event, &link->io, link->fd, EPOLLIN | EPOLLOUT, on_io,
                                    link);
                if (r < 0)
                        return r;
        }
        /* What has failed already is said from the loop, at once. */
        return sd_event_add_time(link->event, &link->timer, CLOCK_BOOTTIME,
                                 fd >= 0 ? now + link->connect_timeout_usec : now,
                                 fd >= 0 ? TIMER_ACCURACY_USEC : 1, on_timer, link);
}

static int look_up_run(void *data)
{
        return connect_now(data);
}

static void look_up_done(void *data, int r)
{
        struct link *link = data;

        link->phase = PHASE_CONNECTING;
        if (link->freed) {
                destroy(link);
                return;
        }
        if (r >= 0)
                r = watch(link);
        if (r < 0) {
                set_why(link, strerror(-r));
                go_down(link);
        }
}

static int make_client(struct link *link, const struct link_config *config, struct diag *diag)
{
        int r = link_client_new(config, link, diag, &link->mosq);

        if (r < 0)
                return r;
        mosquitto_log_callback_set(link->mosq, on_log);
        mosquitto_connect_v5_callback_set(link->mosq, on_connect);
        mosquitto_disconnect_v5_callback_set(link->mosq, on_disconnect);
        mosquitto_message_v5_callback_set(link->mosq, on_message);
        mosquitto_publish_v5_callback_set(link->mosq, on_publish);
        mosquitto_subscribe_v5_callback_set(link->mosq, on_subscribe);
        mosquitto_unsubscribe_v5_callback_set(link->mosq, on_unsubscribe);
        return 0;
}

static uint64_t usable_keep_alive(uint64_t usec)
{
        uint64_t sec = usec / USEC_PER_SEC;

        if (sec == 0)
                return 0;
        if (sec < KEEP_ALIVE_MIN_SEC)
                sec = KEEP_ALIVE_MIN_SEC;
        return (sec > UINT16_MAX ? UINT16_MAX : sec) * USEC_PER_SEC;
}

int link_new(sd_event *event, struct worker *worker, const struct link_config *config,
             const struct link_events *events, void *data, struct diag *diag, struct link **ret)
{
        CLEANUP(link_freep) struct link *link = calloc(1, sizeof(*link));
        int r;

        if (!link)
                return -ENOMEM;
        link->event = event;
        link->events = *events;
        link->data = data;
        link->address = *config->address;
        link->ipv4_only = config->ipv4_only;
        link->connect_timeout_usec = config->connect_timeout_usec;
        link->keep_alive_usec = usable_keep_alive(config->keep_alive_usec);
        link->fd = -1;
        link->phase = PHASE_CONNECTING;
        r = make_client(link, config, diag);
        if (r < 0)
                return r;

        if (link->address.is_name) {
                r = worker_submit(worker, look_up_run, look_up_done, link);
                if (r < 0)
                        return r;
                link->phase = PHASE_LOOKING_UP;
        } else {
                (void)connect_now(link); /* watch() sees to it */
                r = watch(link);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(link);
        return 0;
}

/* -------------------------------------------------------------------------------------- sending */

/* What a call of the owner has left behind.  down() must not come from inside it, so the timer
 * brings it. */
static int after_send(struct link *link, int rc, int error)
{
        link->last_out_usec = time_now_usec();
        switch (rc) {
        case MOSQ_ERR_SUCCESS:
                if (mosquitto_socket(link->mosq) < 0)
                        break;
                if (link->busy == 0)
                        (void)sd_event_source_set_io_events(
                                link->io, /* good arguments: cannot fail */
                                EPOLLIN | (mosquitto_want_write(link->mosq) ? (uint32_t)EPOLLOUT
                                                                            : 0));
                return 0;
        case MOSQ_ERR_NOMEM:
                return -ENOMEM;
        case MOSQ_ERR_OVERSIZE_PACKET:
        case MOSQ_ERR_PAYLOAD_SIZE:
                return -EMSGSIZE;
        case MOSQ_ERR_INVAL:
        case MOSQ_ERR_MALFORMED_UTF8:
                return -EINVAL;
        case MOSQ_ERR_QOS_NOT_SUPPORTED:
        case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
                return -EOPNOTSUPP;
        default:
                break;
        }
        explain_result(link, rc, error);
        (void)sd_event_source_set_time(link->timer, link->last_out_usec);
        (void)sd_event_source_set_enabled(link->timer, SD_EVENT_ONESHOT);
        return -ENOTCONN;
}

bool link_is_sending(const struct link *link)
{
        int bytes = 0;

        return mosquitto_want_write(link->mosq) ||
               (ioctl(link->fd, TIOCOUTQ, &bytes) == 0 && bytes > 0);
}

static bool is_usable(const struct link *link)
{
        return link->phase == PHASE_UP && link->why.text[0] == '\0';
}

int link_publish(struct link *link, const struct outbox_message *message, int *ret_mid)
{
        bool answered;
        int mid = 0;
        int rc;
        int r;

        if (!is_usable(link))
                return -ENOTCONN;
        if (message->length > MQTT_MAX_PAYLOAD)
                return -EMSGSIZE;
        errno = 0;
        link->publishing = &mid;
        rc = mosquitto_publish_v5(link->mosq, &mid, message->topic, (int)message->length,
                                  message->payload, message->qos, message->retain, NULL);
        answered = !link->publishing;
        link->publishing = NULL;
        r = after_send(link, rc, errno);
        if (r < 0)
                return r;
        *ret_mid = mid;
        return answered ? 1 : 0;
}

int link_subscribe(struct link *link, const char *filter, int qos, int *ret_mid)
{
        int rc;

        if (!is_usable(link))
                return -ENOTCONN;
        errno = 0;
        rc = mosquitto_subscribe_v5(link->mosq, ret_mid, filter, qos, 0, NULL);
        return after_send(link, rc, errno);
}

int link_unsubscribe(struct link *link, const char *filter)
{
        int rc;

        if (!is_usable(link))
                return -ENOTCONN;
        errno = 0;
        rc = mosquitto_unsubscribe_v5(link->mosq, NULL, filter, NULL);
        return after_send(link, rc, errno);
}
