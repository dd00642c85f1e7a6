# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion of ubctl(1).  Needs nothing beyond bash: no function of the package bash-completion.

# The ids of agents and connectors that are, or are not, enabled
_ubctl_ids() # enabled|other PROGRAM [--conf-dir=DIR]
{
        local state id
        while read -r _ id state; do
                if [ "$1" = enabled ]; then
                        [ "$state" = enabled ] && echo "${id%:}"
                else
                        [ "$state" = enabled ] || echo "${id%:}"
                fi
        done < <("${@:2:1}" check-config "${@:3}" 2>/dev/null |
                grep -E '^(agent|connector) [A-Za-z0-9._-]+: [a-z-]+$')
}

_ubctl_activities() # PROGRAM
{
        "$1" status --json 2>/dev/null | sed -n 's/.*"\(activityId\|queued\)": *"\([^"]*\)".*/\2/p'
}

_ubctl()
{
        local IFS=$' \t\n' current=$2 command='' conf_dir='' i word options value=''
        local commands='status agents inventory history slots apply watch cancel check-config reload enable disable'
        COMPREPLY=()

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                --socket | --activity | --conf-dir)
                        [ "${COMP_WORDS[i + 1]}" = = ] && ((i++))
                        ((i++))
                        [ "$word" = --conf-dir ] && conf_dir=${COMP_WORDS[i]}
                        ;;
                -*) ;;
                *) [ -n "$command" ] || command=$word ;;
                esac
        done

        # The value of an option: behind a blank, or behind "=", which is a word of its own.
        i=$((COMP_CWORD - 1))
        [ "$current" = = ] && current=
        [ "${COMP_WORDS[COMP_CWORD]}" = = ] && value=${COMP_WORDS[i]}
        [ "${COMP_WORDS[i]}" = = ] && ((i--))
        case ${value:-${COMP_WORDS[i]}} in
        --socket)
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
                ;;
        --conf-dir)
                if [ "$command" != check-config ]; then
                        compopt -o filenames 2>/dev/null
                        mapfile -t COMPREPLY < <(compgen -d -- "$current")
                        return
                fi
                ;;
        --activity)
                return
                ;;
        esac

        if [ "$command" = check-config ]; then
                # shellcheck source=/dev/null
                declare -F _update_brokerd >/dev/null || . "${BASH_SOURCE[0]%/*}/update-brokerd.bash" || return
                _update_brokerd "$@"
                return
        fi
        if [[ $current == -* ]]; then
                options='--help --version --socket='
                case $command in
                apply) options+=' --json --watch --dry-run --activity=' ;;
                status | agents | inventory | history | slots | watch | cancel | '') options+=' --json' ;;
                enable | disable) options+=' --conf-dir=' ;;
                esac
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
                [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
                return
        fi
        case $command in
        '') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current") ;;
        apply)
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                ;;
        slots) mapfile -t COMPREPLY < <(compgen -W 'mark good bad active' -- "$current") ;;
        watch | cancel) mapfile -t COMPREPLY < <(compgen -W "$(_ubctl_activities "$1")" -- "$current") ;;
        enable | disable)
                word=other
                [ "$command" = disable ] && word=enabled
                mapfile -t COMPREPLY < <(compgen -W \
                        "$(_ubctl_ids "$word" "$1" ${conf_dir:+"--conf-dir=$conf_dir"})" -- "$current")
                ;;
        esac
}

complete -F _ubctl ubctl
