#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# coverage.sh - builds a tree of its own with gcov's counters, runs the tests and prints a table
#
# Run by `make coverage`.  A file that several programs compile counts with the best of them.
set -eu
: "${top_srcdir:?run me by make coverage}"

mkdir -p coverage
cd coverage
[ -e Makefile ] || "$top_srcdir/configure" -q CC="${CC:-gcc}" CFLAGS='-O0 -g --coverage'
find . -name '*.gcda' -exec rm -f {} +
make -s -j"$(nproc)" check >check.log 2>&1 || echo "coverage: some tests failed, see coverage/check.log"
find . -name '*.gcda' -exec gcov -n {} + 2>/dev/null |
        awk -v top="$top_srcdir/" '
                /^File / {
                        file = substr($2, 2, length($2) - 2)
                        sub(/^.*\/\.\.\//, "", file)
                        sub("^" top, "", file)
                }
                /^Lines executed:/ && file ~ /^(host|sdk|plugins)\// {
                        split($2, part, /[:%]/)
                        lines[file] = $4
                        if (part[2] + 0 > best[file] + 0)
                                best[file] = part[2]
                }
                END {
                        for (file in lines) {
                                printf "%6.1f %%  of %4d lines  %s\n", best[file], lines[file], file
                                hit += best[file] * lines[file] / 100
                                all += lines[file]
                        }
                        if (all)
                                printf "%6.1f %%  of %4d lines  ~ all\n", 100 * hit / all, all
                }' | sort -k5
