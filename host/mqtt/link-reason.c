/* SPDX-License-Identifier: Apache-2.0
 *
 * What the results of libmosquitto mean to who has to mend it.
 *
 * The common mistakes have no result of their own: a server that speaks TLS on the port, or does not,
 * and one that wants a certificate, just hang up.  What is guessed from that is asked, not said. */
#include "host/mqtt/link-parts.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "host/util/diag.h"

static const char *refusal_to_string(int rc)
{
        switch (rc) {
        case CONNACK_REFUSED_PROTOCOL_VERSION:
        case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
                return "connection refused: the server does not speak this version of MQTT";
        case CONNACK_REFUSED_IDENTIFIER_REJECTED:
        case MQTT_RC_CLIENTID_NOT_VALID:
                return "connection refused: the server does not like the client id";
        case CONNACK_REFUSED_SERVER_UNAVAILABLE:
        case MQTT_RC_SERVER_UNAVAILABLE:
        case MQTT_RC_SERVER_BUSY:
                return "connection refused: the server is not available";
        case CONNACK_REFUSED_BAD_USERNAME_PASSWORD:
        case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
                return "connection refused: wrong user name or password";
        case CONNACK_REFUSED_NOT_AUTHORIZED:
        case MQTT_RC_NOT_AUTHORIZED:
        case MQTT_RC_BANNED:
                return "connection refused: not authorised (user name, password, certificate?)";
        default:
                return NULL;
        }
}

void link_explain_refusal(int rc, struct diag *ret)
{
        const char *text = refusal_to_string(rc);

        if (text)
                (void)diag_set(ret, 0, "%s", text);
        else
                (void)diag_set(ret, 0, "connection refused: %s", mosquitto_reason_string(rc));
}

static const char *explain_end(const struct link_trouble *trouble)
{
        if (trouble->reached)
                return "the server has closed the connection";
        if (trouble->tls)
                return "the server has closed the connection without an answer (is TLS spoken on "
                       "that port?)";
        return "the server has closed the connection without an answer";
}

/* A server that misses a client certificate says so in an alert, which is lost when it closes the
 * connection with our first packet unread. */
static const char *explain_errno(const struct link_trouble *trouble)
{
        int error = trouble->error;

        if (trouble->tls && !trouble->reached &&
            (error == ECONNRESET || error == EPIPE || error == EPROTO))
                return "TLS: the server breaks off the handshake (does it want another client "
                       "certificate?)";
        return strerror(error);
}

const char *link_explain_trouble(const struct link_trouble *trouble)
{
        switch (trouble->rc) {
        case MOSQ_ERR_SUCCESS:
        case MOSQ_ERR_CONN_LOST:
        case MOSQ_ERR_NO_CONN:
                return explain_end(trouble);
        case MOSQ_ERR_KEEPALIVE:
                return "the server does not answer any more";
        case MOSQ_ERR_PROTOCOL:
        case MOSQ_ERR_MALFORMED_PACKET:
                return "what the server sends is not MQTT";
        case MOSQ_ERR_EAI:
                return gai_strerror(trouble->error);
        case MOSQ_ERR_ERRNO:
                return explain_errno(trouble);
        default:
                return mosquitto_strerror(trouble->rc);
        }
}

/* "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed": the last part is for
 * people. */
void link_explain_log(const char *text, struct diag *ret)
{
        const char *reason = strstr(text, "::");

        if (strncmp(text, "OpenSSL Error", strlen("OpenSSL Error")) == 0)
                (void)diag_set(ret, 0, "TLS: %s", reason ? reason + 2 : text);
        else
                (void)diag_set(ret, 0, "TLS: %s", strncmp(text, "Error: ", 7) == 0 ? text + 7 : text);
}
