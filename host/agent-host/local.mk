# host/agent-host: ub-agent-host, the process around one isolated plugin.
pkglibexec_PROGRAMS += ub-agent-host
ub_agent_host_SOURCES = host/agent-host/main.c
ub_agent_host_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
ub_agent_host_LDADD = libhost-plugin.a libhost-util.a $(SYSTEMD_LIBS)
