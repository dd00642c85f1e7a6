/* SPDX-License-Identifier: Apache-2.0
 *
 * leaves a process behind that inherits everything, also the descriptor on which a probe answers */
#include <spawn.h>
#include <stdlib.h>

#include "tests/bad/bad.h"

static __attribute__((constructor)) void leave_behind(void)
{
        char *argv[] = { (char *)"sleep", (char *)"3600", NULL };
        char *envp[] = { NULL };
        pid_t pid;

        if (posix_spawn(&pid, "/bin/sleep", NULL, NULL, argv, envp) != 0)
                abort();
}
