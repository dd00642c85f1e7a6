# host/agent-host: ub-agent-host, the process around one isolated plugin.
