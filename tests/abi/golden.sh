# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # the sourcing script sets tmp, top_srcdir and CC
#
# golden.sh - how the golden dump is made; sourced by dump.tap and by update-abi
#
# The flags are the probe's own, whatever the tree is built with, and types are named by hash: so gcc and
# clang, with any options, give dumps that abidiff(1) finds equal, and a change is a small diff.

abi_dump() # INCLUDE-FOLDER OUTPUT
{
        # $CC is a list of words.  In the folder, because the dump names the file as it was given.
        # shellcheck disable=SC2086
        (cd "$top_srcdir/tests/abi" && $CC -std=c11 -g -O0 -fPIC -shared -nostdlib \
                -fvisibility=hidden -I"$1" -o "$tmp/probe.so" probe.c) &&
                abidw --no-show-locs --no-corpus-path --no-comp-dir-path --no-elf-needed \
                        --no-architecture --type-id-style hash "$tmp/probe.so" >"$2"
}

abi_dump_possible() # prints why not
{
        if ! command -v abidw >/dev/null || ! command -v abidiff >/dev/null; then
                echo 'abidw and abidiff are not installed (Debian: abigail-tools)'
                return 1
        fi
        # shellcheck disable=SC2086
        if ! echo '_Static_assert(sizeof(void *) == 8, "");' | $CC -x c -fsyntax-only - 2>/dev/null; then
                echo 'the golden dump is one of 64 bits'
                return 1
        fi
}
