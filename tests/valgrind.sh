#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# valgrind.sh - runs one test program under memcheck; what `make check-valgrind` puts before each
#
# A leak or an error makes the child that has it exit with 99, which check(3) blames on that test.
set -eu
: "${top_srcdir:?run me by make check-valgrind}"

# Children are awaited through a pidfd, for which valgrind 3.19 has no system call.
if nm "$1" | grep -q ' spawn_process$'; then
        echo '1..0 # SKIP this valgrind has no pidfd_open(2)'
        exit 0
fi

set -- -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \
        --show-leak-kinds=definite,indirect --track-fds=no "$@"
for file in "$top_srcdir"/tests/valgrind/*.supp; do
        [ -e "$file" ] && set -- "--suppressions=$file" "$@"
done
exec env CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-10}" \
        ./libtool --quiet --mode=execute valgrind "$@"
