# host/state: what survives a restart: the durable state of agents.
