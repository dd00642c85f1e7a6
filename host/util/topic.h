/* SPDX-License-Identifier: Apache-2.0
 *
 * topic - MQTT topic names and filters, and which filter covers which
 *
 * A registration grants filters ("topics" in conf.d); a plugin asks for a topic to publish to, or
 * for a filter of its own to subscribe to.  A granted filter covers what is asked when every topic
 * that the one asked for matches is also matched by the granted one (MQTT 3.1.1 section 4.7); the
 * connection asks the same of its subscriptions:
 *
 *     granted      covers                      does not cover
 *     a/+/c        a/b/c  a/+/c                a/#  a/b/c/d
 *     a/#          a  a/b  a/+/c  a/b/#        ab  #
 *     #            everything but $...         $SYS/x  $share/g/x
 *
 * A wildcard in the first level does not match a topic that begins with '$', so what begins with
 * '$' is covered only by a filter that spells its first level out; a shared subscription
 * ($share/GROUP/FILTER) likewise.  Where a cleverer comparison might find that a union of filters
 * covers the one asked for, this one says no.
 *
 * Pure functions; texts are NUL-terminated. */
#pragma once

#include <stdbool.h>

enum { TOPIC_MAX = 1024 }; /* bytes of a name or a filter; UB_MAX_TOPIC of the plugin ABI */

/* A name to publish to: 1..TOPIC_MAX bytes of UTF-8, no wildcard. */
bool topic_is_name(const char *topic);

/* A filter to subscribe to: likewise, '+' fills a level, '#' fills the last one. */
bool topic_is_filter(const char *filter);

/* Both are valid filters; a name is one, too. */
bool topic_filter_covers(const char *granted, const char *asked);

/* Whether one of the granted filters covers it.  granted: NULL-terminated list; NULL: none. */
bool topic_is_granted(const char *const *granted, const char *asked);
