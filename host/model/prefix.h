/* SPDX-License-Identifier: Apache-2.0
 *
 * prefix - how the topics of a domain begin
 *
 * The id without dashes, with "update" at the end unless it ends so already: `vehicle` has
 * vehicleupdate/..., `self-update` selfupdate/...  The rule is Kanto's and not reversible: `self` and
 * `self-update` share a prefix, which the configuration refuses. */
#pragma once

enum {
        PREFIX_DOMAIN_MAX = 128,               /* bytes of a domain's id */
        PREFIX_SIZE = PREFIX_DOMAIN_MAX + 7,   /* with "update" and NUL */
};

/* -EINVAL: the id contains a wildcard or a control character, begins with '$' or is no UTF-8.
 * -E2BIG: PREFIX_DOMAIN_MAX.  An empty id is fine: its prefix is "update". */
int prefix_make(const char *domain, char ret[static PREFIX_SIZE]);
