#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Ten thousand lives of the orchestrator, those that once went wrong, and one twice: the same seed is the
# same life.
set -eu
sim="${top_builddir:-.}/tests/sim/sim"

# A domain says COMPLETED, and one of its units belongs to a baseline that goes back:
#   5028947   its CLEANUP was refused
#   5052496   its agent had forgotten the activity and was given the desired state anew
#   5108748   it had been silent, and said so in place of an answer to CLEANUP
for seed in 5028947 5052496 5108748; do
        "$sim" --seeds 1 --first "$seed"
done
"$sim" --seeds "${SIM_SEEDS:-10000}" --first "${SIM_FIRST:-1}"
one="$("$sim" --trace 7)"
two="$("$sim" --trace 7)"
[ -n "$one" ] && [ "$one" = "$two" ] || { echo "seed 7 is not the same twice"; exit 1; }
