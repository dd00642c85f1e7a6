# SPDX-License-Identifier: Apache-2.0
#
# Completion of ubctl(1).

function __ubctl_ids -d 'Ids of agents and connectors whose state matches' -a pattern
    ubctl check-config 2>/dev/null | string replace -rf "^(?:agent|connector) ([A-Za-z0-9._-]+): (?:$pattern)\$" '$1'
end

function __ubctl_activities -d 'Ids of the activities that run and wait'
    ubctl status --json 2>/dev/null | string replace -rf '.*"(?:activityId|queued)": *"([^"]*)".*' '$1'
end

set -l commands status agents inventory history slots apply watch cancel check-config reload enable disable
set -l first "not __fish_seen_subcommand_from $commands"

complete -c ubctl -f
complete -c ubctl -n $first -a status -d 'what the broker is doing'
complete -c ubctl -n $first -a agents -d 'the agents and how they are'
complete -c ubctl -n $first -a inventory -d 'what hardware and software is there'
complete -c ubctl -n $first -a slots -d 'the slots of the system and what boots next'
complete -c ubctl -n '__fish_seen_subcommand_from slots' -a 'mark good bad active'
complete -c ubctl -n $first -a history -d 'what became of the last activities'
complete -c ubctl -n $first -a apply -d 'apply a desired state'
complete -c ubctl -n $first -a watch -d 'show progress'
complete -c ubctl -n $first -a cancel -d 'cancel an activity'
complete -c ubctl -n $first -a check-config -d 'check the configuration'
complete -c ubctl -n $first -a reload -d 'have the daemon read its configuration again'
complete -c ubctl -n $first -a enable -d 'enable an agent or connector, and start it'
complete -c ubctl -n $first -a disable -d 'stop an agent or connector, and keep it down'

complete -c ubctl -s h -l help -d 'print a summary'
complete -c ubctl -n $first -l version -d 'print the version'
complete -c ubctl -l socket -d 'the daemon\'s socket' -r -F
complete -c ubctl -n 'not __fish_seen_subcommand_from reload enable disable' -l json -d 'for machines'
complete -c ubctl -n '__fish_seen_subcommand_from apply' -F
complete -c ubctl -n '__fish_seen_subcommand_from apply' -s w -l watch -d 'show progress until the activity has ended'
complete -c ubctl -n '__fish_seen_subcommand_from apply' -l dry-run -d 'show what would change'
complete -c ubctl -n '__fish_seen_subcommand_from apply' -l activity -d 'the id of the activity' -x
complete -c ubctl -n '__fish_seen_subcommand_from watch cancel' -a '(__ubctl_activities)'
complete -c ubctl -n '__fish_seen_subcommand_from enable' -a '(__ubctl_ids "disabled|shadowed|bad-config")'
complete -c ubctl -n '__fish_seen_subcommand_from disable' -a '(__ubctl_ids enabled)'
complete -c ubctl -n '__fish_seen_subcommand_from enable disable' -l conf-dir -d 'the only folder of registrations' \
    -x -a '(__fish_complete_directories)'
# It takes the options of update-brokerd.
complete -c ubctl -n '__fish_seen_subcommand_from check-config' -a '(complete -C"update-brokerd "(commandline -ct))'
