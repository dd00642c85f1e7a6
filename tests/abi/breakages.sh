# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # tap.sh sets tmp and top_srcdir
#
# breakages.sh - each line of the file `breakages`, tried; sourced after tap.sh

each_breakage() # KIND FUNCTION: FUNCTION INCLUDE-FOLDER must fail for every breakage of that kind
{
        mkdir -p "$tmp/broken/update-broker"
        header=$top_srcdir/include/update-broker/plugin.h
        grep -v '^#' "$top_srcdir/tests/abi/breakages" >"$tmp/breakages"
        while IFS="$(printf '\t')" read -r kinds script; do
                case ,$kinds, in
                *,$1,*) ;;
                *) continue ;;
                esac
                sed "$script" "$header" >"$tmp/broken/update-broker/plugin.h"
                if cmp -s "$header" "$tmp/broken/update-broker/plugin.h"; then
                        check "the breakage still applies: $script" false
                else
                        refuse "noticed: $script" "$2" "$tmp/broken"
                fi
        done <"$tmp/breakages"
}
