/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect - the child's side of a probe
 *
 * `ub-agent-host --inspect PATH` loads a plugin, writes down what it says of itself, and is
 * thrown away.  The answer is a sequence of records KEY=VALUE, each ended by a NUL byte, so that
 * no value needs quoting:
 *
 *     doing=load        before dlopen(3) runs the constructors
 *     doing=entry       before ub_plugin_v1() is called
 *     abi=, wanted=, needed=, roles=    numbers, as in struct plugin
 *     name=, version=, description=, schema=   texts; no schema: no record
 *     end=              all of the above are there
 * or, in place of what follows `doing`:
 *     result=           a negative errno
 *     error=            the sentence of the loader; the last record
 *
 * Each record is written at once: what the child did last is known however it ends. */
#pragma once

enum { INSPECT_FD = 3 }; /* where the answer goes in a child made by probe.h */

/* Loads path and writes the answer to out_fd.  Returns the exit status: 0 when the plugin may be
 * used, 1 when it was refused, 2 when the answer could not be written.  The process then ends
 * with _exit(2): exit(3) would run the destructors of a plugin that never began to work. */
int inspect_main(const char *path, int out_fd);
