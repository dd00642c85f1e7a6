# host/plugin-check: ub-plugin-check, which tells a vendor whether a plugin keeps the rules.
bin_PROGRAMS += ub-plugin-check
ub_plugin_check_SOURCES = \
	host/plugin-check/inventory.c host/plugin-check/inventory.h \
	host/plugin-check/life.c host/plugin-check/life.h \
	host/plugin-check/main.c \
	host/plugin-check/symbols.c host/plugin-check/symbols.h \
	host/plugin-check/transcript.c host/plugin-check/transcript.h \
	$(NULL)
ub_plugin_check_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(ELF_CFLAGS) \
	-DUB_AGENT_HOST='"$(pkglibexecdir)/ub-agent-host"'
ub_plugin_check_LDADD = libhost-plugin.a libhost-model.a libhost-sandbox.a libhost-scan.a libhost-util.a \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS) $(ELF_LIBS)
