# SPDX-License-Identifier: Apache-2.0
#
# Completion of update-brokerd(8).
complete -c update-brokerd -f
complete -c update-brokerd -l check-config -d 'read the configuration, print it with what is wrong with it, and exit'
complete -c update-brokerd -l json -d 'with -check-config: print one JSON object'
complete -c update-brokerd -l help -d 'print this and exit'
complete -c update-brokerd -l version -d 'print the version and exit'
complete -c update-brokerd -l config-file -d 'the configuration file' -r -F
complete -c update-brokerd -l cfg-file -d 'the same, as Kanto has it' -r -F
complete -c update-brokerd -l conf-dir -d 'folder of registrations; may be repeated, later ones take precedence' -x -a '(__fish_complete_directories)'
complete -c update-brokerd -l state-dir -d 'folder of what must outlive a restart' -x -a '(__fish_complete_directories)'
complete -c update-brokerd -l runtime-dir -d 'folder of sockets' -x -a '(__fish_complete_directories)'
complete -c update-brokerd -l plugin-dir -d 'folder of plugins' -x -a '(__fish_complete_directories)'
complete -c update-brokerd -l agent-host -d 'the program that isolated plugins run in' -r -F
complete -c update-brokerd -l domain -d 'the devices own domain, which its topics begin with' -x
complete -c update-brokerd -l things-enabled -d 'speak with the cloud as a Ditto thing'
complete -c update-brokerd -l agent-topics -d 'let hosted agents be reached on their own topics too'
complete -c update-brokerd -l domains -d 'of "agents" only these, and those that are not there with defaults' -x
complete -c update-brokerd -l reboot-enabled -d 'reboot when an update needs it'
complete -c update-brokerd -l reboot-after -d 'how long to wait before the reboot' -x
complete -c update-brokerd -l report-before-reboot -d 'report COMPLETED before the reboot, not after the new software has been seen to run'
complete -c update-brokerd -l report-feedback-interval -d 'least time between two reports of progress; 0: none are sent' -x
complete -c update-brokerd -l current-state-delay -d 'how long changes of the inventory are collected' -x
complete -c update-brokerd -l phase-timeout -d 'how long a domain may be silent in a phase' -x
complete -c update-brokerd -l phase-limit -d 'how long a phase may take with progress; 0: any time' -x
complete -c update-brokerd -l precondition-timeout -d 'how long to wait for preconditions' -x
complete -c update-brokerd -l owner-consent-commands -d 'commands that the owner has to approve' -x -a 'DOWNLOAD UPDATE ACTIVATE'
complete -c update-brokerd -l owner-consent-timeout -d 'how long to wait for the owner' -x
complete -c update-brokerd -l history-size -d 'activities remembered' -x
complete -c update-brokerd -l control-group -d 'group that may look at the state with ubctl' -x -a '(__fish_complete_groups)'
complete -c update-brokerd -l mqtt-conn-broker -d 'URL of the MQTT broker' -x
complete -c update-brokerd -l mqtt-conn-protocol -d '3.1.1 or 5' -x -a '3.1.1 5'
complete -c update-brokerd -l mqtt-conn-client-id -d 'name towards the broker; made up when it is empty' -x
complete -c update-brokerd -l mqtt-conn-keep-alive -d 'whole seconds between signs of life; below 1s: none' -x
complete -c update-brokerd -l mqtt-conn-disconnect-timeout -d 'how long to wait at the end for what is on its way' -x
complete -c update-brokerd -l mqtt-conn-username -d 'user towards the broker' -x
complete -c update-brokerd -l mqtt-conn-password -d 'its password; others can read it on a command line' -x
complete -c update-brokerd -l mqtt-conn-connect-timeout -d 'how long to wait for the broker to accept' -x
complete -c update-brokerd -l mqtt-conn-ack-timeout -d 'how long the broker may acknowledge nothing; a keep-alive later we connect anew' -x
complete -c update-brokerd -l mqtt-conn-sub-timeout -d 'how long it may confirm no subscription before we connect anew' -x
complete -c update-brokerd -l mqtt-conn-unsub-timeout -d 'how long it may confirm no end of one before that is logged' -x
complete -c update-brokerd -l mqtt-conn-ca-cert -d 'PEM file of the authorities that may vouch for the broker' -r -F
complete -c update-brokerd -l mqtt-conn-cert -d 'PEM file of our certificate' -r -F
complete -c update-brokerd -l mqtt-conn-key -d 'PEM file of its key, not encrypted' -r -F
complete -c update-brokerd -l log-file -d 'log file; the journal or stderr when it is empty' -r -F
complete -c update-brokerd -l log-level -d 'ERROR, WARN, INFO, DEBUG or TRACE' -x -a 'ERROR WARN INFO DEBUG TRACE'
complete -c update-brokerd -l log-file-size -d 'megabytes after which it is put aside' -x
complete -c update-brokerd -l log-file-count -d 'files put aside that are kept; 0: all' -x
complete -c update-brokerd -l log-file-max-age -d 'days for which they are kept; 0: for ever' -x
