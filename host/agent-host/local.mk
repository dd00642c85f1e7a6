# host/agent-host: ub-agent-host, the process around one isolated plugin.
#
# Its libraries are visible to the plugin that it loads, so they are few.
pkglibexec_PROGRAMS += ub-agent-host
ub_agent_host_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
ub_agent_host_SOURCES = host/agent-host/main.c
ub_agent_host_LDADD = libhost-plugin.a libhost-model.a libhost-scan.a libhost-util.a $(SYSTEMD_LIBS) -ldl
