# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# tap.sh - the frame of a test in shell; sourced by the *.tap scripts
#
#     . "$top_srcdir/tests/tap.sh"
#     check 'two and two are four' test $((2 + 2)) = 4
#     refuse 'a missing file is an error' cat /nowhere
#     skip 'layout on 32 bits' 'the compiler has no -m32'
#     finish
#
# Every check is a line of `make check`; what a failing command said follows it as a comment.  $tmp is a
# private folder that goes away at the end.

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$PWD}"
: "${CC:=cc}"
n_checks=0
n_failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/ub-test.XXXXXX") || exit 1
# A script that stops half way has no plan line, which the driver reports as an error.
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

verdict() # RESULT NAME
{
        n_checks=$((n_checks + 1))
        if [ "$1" = 0 ]; then
                echo "ok $n_checks - $2"
        else
                n_failed=$((n_failed + 1))
                echo "not ok $n_checks - $2"
                sed 's/^/# /' "$tmp/.said"
        fi
}

check() # NAME COMMAND...: the command succeeds
{
        check_name=$1
        shift
        check_r=0
        "$@" >"$tmp/.said" 2>&1 || check_r=$?
        [ "$check_r" = 0 ] || echo "exit status $check_r: $*" >>"$tmp/.said"
        verdict "$check_r" "$check_name"
}

refuse() # NAME COMMAND...: the command fails, in its own orderly way
{
        check_name=$1
        shift
        check_r=0
        "$@" >"$tmp/.said" 2>&1 || check_r=$?
        if [ "$check_r" = 0 ] || [ "$check_r" -gt 125 ]; then
                echo "exit status $check_r, a refusal was expected: $*" >>"$tmp/.said"
                verdict 1 "$check_name"
        else
                verdict 0 "$check_name"
        fi
}

skip() # NAME REASON
{
        n_checks=$((n_checks + 1))
        echo "ok $n_checks - $1 # SKIP $2"
}

have() # COMMAND: is it installed?
{
        command -v "$1" >/dev/null 2>&1
}

finish()
{
        echo "1..$n_checks"
        [ "$n_failed" = 0 ] || exit 1
        exit 0
}
