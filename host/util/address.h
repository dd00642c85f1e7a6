/* SPDX-License-Identifier: Apache-2.0
 *
 * address - where an MQTT server is
 *
 *     tcp://HOST[:1883]  mqtt://...                          plain
 *     ssl://HOST[:8883]  tls:// mqtts:// mqtt+ssl:// tcps:// TLS
 *     unix:///PATH                                           a socket on this machine
 *     HOST[:1883]                                            a guess: as tcp://
 *
 * HOST is a name, an IPv4 address or an IPv6 address in brackets.  Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct diag;

enum { ADDRESS_HOST_SIZE = 256 };

struct address {
        char host[ADDRESS_HOST_SIZE]; /* or the path of the socket */
        uint16_t port;                /* 0: host is a path */
        bool tls;
        bool is_name; /* must be looked up, which takes time */
        bool guessed; /* there was no scheme */
};

/* -EINVAL: diag says what is wrong and what would be right, without repeating a text that may hold
 * a password. */
int address_parse(const char *text, struct diag *diag, struct address *ret);
