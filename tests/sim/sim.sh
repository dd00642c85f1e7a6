#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Ten thousand lives of the orchestrator, and one of them twice: the same seed is the same life.
set -eu
sim="${top_builddir:-.}/tests/sim/sim"
"$sim" --seeds "${SIM_SEEDS:-10000}" --first "${SIM_FIRST:-1}"
one="$("$sim" --trace 7)"
two="$("$sim" --trace 7)"
[ -n "$one" ] && [ "$one" = "$two" ] || { echo "seed 7 is not the same twice"; exit 1; }
