# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion of update-brokerd(8), and of `ubctl check-config`.

_update_brokerd()
{
        local IFS=$' \t\n' current=$2 i=$((COMP_CWORD - 1)) value=''
        local switches='--check-config --json --help --version --things-enabled --agent-topics
                --reboot-enabled --report-before-reboot'
        local with_value='--config-file --cfg-file --conf-dir --state-dir --runtime-dir --plugin-dir
                --agent-host --domain --domains --reboot-after --report-feedback-interval
                --current-state-delay --phase-timeout --phase-limit --precondition-timeout
                --owner-consent-commands --owner-consent-timeout --history-size --control-group
                --mqtt-conn-broker --mqtt-conn-protocol --mqtt-conn-client-id
                --mqtt-conn-keep-alive --mqtt-conn-disconnect-timeout --mqtt-conn-username
                --mqtt-conn-password --mqtt-conn-connect-timeout --mqtt-conn-ack-timeout
                --mqtt-conn-sub-timeout --mqtt-conn-unsub-timeout --mqtt-conn-ca-cert
                --mqtt-conn-cert --mqtt-conn-key --log-file --log-level --log-file-size
                --log-file-count --log-file-max-age'
        COMPREPLY=()

        # One dash or two are the same.
        [ "$current" = = ] && current=
        [ "${COMP_WORDS[COMP_CWORD]}" = = ] && value=${COMP_WORDS[i]}
        [ "${COMP_WORDS[i]}" = = ] && ((i--)) && value=${COMP_WORDS[i]}
        case --${value#"${value%%[!-]*}"} in
        --things-enabled | --agent-topics | --reboot-enabled | --report-before-reboot)
                mapfile -t COMPREPLY < <(compgen -W 'true false' -- "$current")
                return
                ;;
        esac
        value=${COMP_WORDS[i]}
        case --${value#"${value%%[!-]*}"} in
        --config-file | --cfg-file | --agent-host | --mqtt-conn-ca-cert | --mqtt-conn-cert | \
                --mqtt-conn-key | --log-file)
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
                return
                ;;
        --conf-dir | --state-dir | --runtime-dir | --plugin-dir)
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -d -- "$current")
                return
                ;;
        --control-group)
                mapfile -t COMPREPLY < <(compgen -g -- "$current")
                return
                ;;
        --log-level)
                mapfile -t COMPREPLY < <(compgen -W 'ERROR WARN INFO DEBUG TRACE' -- "$current")
                return
                ;;
        --mqtt-conn-protocol)
                mapfile -t COMPREPLY < <(compgen -W '3.1.1 5' -- "$current")
                return
                ;;
        --owner-consent-commands)
                mapfile -t COMPREPLY < <(compgen -W 'DOWNLOAD UPDATE ACTIVATE' -- "$current")
                return
                ;;
        esac
        case " ${with_value//[$'\n']/ } " in *" $value "*) return ;; esac
        mapfile -t COMPREPLY < <(compgen -W "$switches $with_value" -- "$current")
}

complete -F _update_brokerd update-brokerd
