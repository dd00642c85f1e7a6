/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of libmosquitto, set up.
 *
 * Its own defaults would do harm here and there: it asks a terminal for the password of a key, leaves
 * small packets to Nagle, and has its own idea of how much may be in flight.  Files are looked at
 * beforehand: what libmosquitto says of them names none. */
#include "host/mqtt/link-parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/mqtt/link.h"
#include "host/mqtt/outbox.h"
#include "host/util/address.h"
#include "host/util/diag.h"

static int password_none(char *buffer, int size, int for_writing, void *data)
{
        (void)buffer;
        (void)size;
        (void)for_writing;
        (void)data;
        return 0; /* or OpenSSL asks for it on the terminal */
}

static int check_readable(const char *what, const char *path, struct diag *diag)
{
        if (path && access(path, R_OK) < 0)
                return diag_set(diag, -EINVAL, "%s %s: cannot be read: %s", what, path,
                                strerror(errno));
        return 0;
}

static int set_tls(struct mosquitto *mosq, const struct link_config *config, struct diag *diag)
{
        int r;
        int rc;

        if (!config->ca_file)
                return diag_set(diag, -EINVAL,
                                "TLS needs the certificate of the authority to trust (caCert)");
        if (!config->cert_file != !config->key_file)
                return diag_set(diag, -EINVAL,
                                "a client certificate (cert) and its key belong together");
        r = check_readable("CA certificate", config->ca_file, diag);
        if (r >= 0)
                r = check_readable("client certificate", config->cert_file, diag);
        if (r >= 0)
                r = check_readable("key", config->key_file, diag);
        if (r < 0)
                return r;
        /* Verifies the server's name by default; TLS 1.2 is the least that libmosquitto 2 speaks. */
        rc = mosquitto_tls_set(mosq, config->ca_file, NULL, config->cert_file,
                               config->key_file, password_none);
        if (rc != MOSQ_ERR_SUCCESS)
                return diag_set(diag, rc == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL, "TLS: %s",
                                mosquitto_strerror(rc));
        return 0;
}

static int set_options(struct mosquitto *mosq, const struct link_config *config, struct diag *diag)
{
        int rc;

        rc = mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION,
                                  config->mqtt5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
        if (rc == MOSQ_ERR_SUCCESS)
                rc = mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
        /* The outbox counts what is in flight. */
        if (rc == MOSQ_ERR_SUCCESS)
                rc = mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, OUTBOX_IN_FLIGHT_MAX);
        if (rc == MOSQ_ERR_SUCCESS && config->username)
                rc = mosquitto_username_pw_set(mosq, config->username, config->password);
        if (rc != MOSQ_ERR_SUCCESS)
                return diag_set(diag, rc == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL, "MQTT settings: %s",
                                mosquitto_strerror(rc));
        return 0;
}

int link_client_new(const struct link_config *config, void *data, struct diag *diag,
                    struct mosquitto **ret)
{
        struct mosquitto *mosq = mosquitto_new(config->client_id, true, data);
        int r;

        if (!mosq)
                return errno == EINVAL
                               ? diag_set(diag, -EINVAL, "%s: not a client id", config->client_id)
                               : -ENOMEM;
        r = set_options(mosq, config, diag);
        if (r == 0 && config->address->tls)
                r = set_tls(mosq, config, diag);
        if (r < 0) {
                mosquitto_destroy(mosq);
                return r;
        }
        *ret = mosq;
        return 0;
}
