/* SPDX-License-Identifier: Apache-2.0
 *
 * probe - what becomes of a process that loads this plugin?
 *
 * Loading a .so runs its constructors, which may crash, hang or end the process.  Before a
 * plugin is loaded into the daemon it is therefore loaded once in a child that is thrown away
 * (inspect.h), with a time limit and a limit on what it may answer.  That costs a child, and
 * tells what the plugin says of itself: name, version, roles and the schema of its settings,
 * which is how a registration is checked without loading anything into the checker.
 *
 * Everything that the child sends is treated as coming from outside: it was written by a process
 * that a foreign constructor has run in. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

struct diag;
struct probe;
struct spawn_limits;

#define PROBE_TIMEOUT_USEC (5 * UINT64_C(1000000)) /* what callers use unless they have reasons */

/* What a plugin says of itself; see struct plugin in loader.h. */
struct probe_info {
        unsigned abi_major;
        unsigned abi_minor_wanted;
        unsigned abi_minor_needed;
        unsigned roles; /* PLUGIN_ROLE_* */
        char *name;
        char *version;
        char *description;
        char *settings_schema; /* NULL: has none */
};
struct probe_info *probe_info_free(struct probe_info *info);

/* Everything is borrowed until the call returns. */
struct probe_config {
        const char *agent_host; /* path of ub-agent-host */
        const char *plugin;     /* absolute path of the .so, approved by trust.h */
        uint64_t timeout_usec;
        /* NULL: no new privileges and no core file; else exactly these.  A probe is best made as
         * the user that the plugin will run as. */
        const struct spawn_limits *limits;
};

/* Runs a probe and waits for it, for programs without an event loop: --check-config,
 * ub-plugin-check.  Not for the daemon's loop thread.
 * Failures, with a sentence that begins with the path of the plugin: what plugin_load() reports;
 * -ENOEXEC when it crashed or ended the process; -ETIMEDOUT when it hung; -EBADMSG when the
 * answer makes no sense; what spawn_process() reports. */
int probe_run(const struct probe_config *config, struct diag *diag, struct probe_info **ret);

/* Ends a probe.  r 0: take_info belongs to the handler.  r < 0: as above, text is the sentence
 * and take_info NULL.  The handler may call probe_free(). */
typedef void (*probe_done_fn)(void *data, int r, const char *text, struct probe_info *take_info);

/* Starts a probe on the loop; exactly one call of fn follows unless this fails or the probe is
 * freed before.  event is borrowed and outlives the probe. */
int probe_start(const struct probe_config *config, sd_event *event, probe_done_fn fn, void *data,
                struct diag *diag, struct probe **ret);

/* At once; a child that still runs is killed and reaped by the loop.  Takes NULL. */
struct probe *probe_free(struct probe *probe);
