/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox - what the process of an isolated plugin may ask of the kernel
 *
 * Its own user, resource limits and no_new_privs come with the start of the process (spawn.h).  The
 * system call filter made here goes further: what no update agent needs in order to talk to
 * services, download and write files is refused, whatever user it runs as.
 *
 * Everything that is refused fails with EPERM and nothing is killed for trying: libraries probe for
 * what they may do, and cope.  Only the calls of a foreign architecture kill, which is how the
 * kernel's numbers cannot be confused.  clone3 fails with ENOSYS, because its flags lie in memory
 * where a filter cannot look; libc then takes clone, whose flags are looked at: threads and
 * children yes, namespaces no.
 *
 * Programs that the plugin spawns inherit the filter.  An agent whose helpers must mount, say,
 * needs a registration without it.
 *
 * A deny list, and not a list of what is allowed: plugins bring libraries that we do not know, and
 * a filter that breaks them after an update of libc would be switched off.
 *
 * This is the only part of the daemon that uses libseccomp; ub-agent-host loads the finished
 * program. */
#pragma once

struct diag;
struct spawn_limits;

/* grants: INSTANCE_GRANT_*; without SPAWN no program can be executed either.  *ret_fd: the
 * caller's, a sealed file with an array of struct sock_filter, read from its beginning.
 * -ENOMEM, or what memfd_create(2) reports. */
int sandbox_make_filter(unsigned grants, int *ret_fd);

/* Puts the user and the group of a name into limits.  May ask a name service over the network: when
 * the configuration is read, not later.  -ENOENT: no such user. */
int sandbox_set_user(struct spawn_limits *limits, const char *user, struct diag *diag);
