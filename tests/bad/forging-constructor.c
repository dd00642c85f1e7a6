/* SPDX-License-Identifier: Apache-2.0
 *
 * answers the probe in the host's name, with a text that would drive a terminal */
#include <unistd.h>

#include "tests/bad/bad.h"

static __attribute__((constructor)) void forge(void)
{
        static const char answer[] = "abi=1\0wanted=0\0needed=0\0roles=1\0name=bad\0version=1\0"
                                     "description=\033[2J\0end=";

        if (write(3, answer, sizeof(answer)) == sizeof(answer))
                _exit(0);
}
