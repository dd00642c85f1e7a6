/* SPDX-License-Identifier: Apache-2.0
 *
 * broker-url - where the MQTT broker is, taken apart
 *
 *     tcp://host:1883     also mqtt://
 *     ssl://host:8883     also tls, mqtts, mqtt+ssl, tcps: TLS
 *     unix:///run/x.sock
 *     host[:port]         as tcp:// */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct diag;

enum { BROKER_URL_HOST_MAX = 255 };

struct broker_url {
        char host[BROKER_URL_HOST_MAX +
                  1]; /* name or address, IPv6 without brackets; a path for unix */
        uint16_t port;                      /* 0 for unix */
        bool tls;
        bool local;   /* a unix socket */
        bool guessed; /* there was no scheme */
};

/* 0; -EINVAL: diag says why, without repeating a text that may hold a password. */
int broker_url_parse(const char *text, struct diag *diag, struct broker_url *ret);
