/* SPDX-License-Identifier: Apache-2.0
 *
 * ub-agent-host - the process around one plugin
 *
 *     ub-agent-host --inspect PATH    loads the plugin, describes it on descriptor 3, and ends (inspect.h)
 *
 * Started by the daemon only; people want ub-plugin-check. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/plugin/inspect.h"

int main(int argc, char *argv[])
{
        if (argc == 3 && strcmp(argv[1], "--inspect") == 0)
                _exit(inspect_main(argv[2], INSPECT_FD)); /* see inspect.h for why not exit */
        fprintf(stderr, "usage: ub-agent-host --inspect PATH\n");
        return 2;
}
