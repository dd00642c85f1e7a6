#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Ten thousand lives of the orchestrator, those that once went wrong, and one twice: the same seed is the
# same life.
set -eu
sim="${top_builddir:-.}/tests/sim/sim"

#   4475      an agent that had forgotten the activity was given the desired state anew, and said COMPLETED of
#             it all, also of a baseline that was over
#   5181730   a domain was through before the boot that it had asked for, and the boot loader fell back
#   20216757  such an agent said COMPLETED to a daemon that died on the spot, and forgot it again
#   40055562  another one activated all of it behind the CLEANUP that it had forgotten, and its word for that
#             came too late
#   50209075  a domain was through before a boot that did not come, and stayed when its baseline went back
for seed in 4475 5181730 20216757 40055562 50209075; do
        "$sim" --seeds 1 --first "$seed"
done
"$sim" --seeds "${SIM_SEEDS:-10000}" --first "${SIM_FIRST:-1}"
one="$("$sim" --trace 7)"
two="$("$sim" --trace 7)"
[ -n "$one" ] && [ "$one" = "$two" ] || { echo "seed 7 is not the same twice"; exit 1; }
