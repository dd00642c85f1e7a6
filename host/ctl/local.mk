# host/ctl: ubctl, the command line for people on the device.
bin_PROGRAMS += ubctl
ubctl_SOURCES = \
	host/ctl/apply.c \
	host/ctl/check-config.c \
	host/ctl/client.c host/ctl/client.h \
	host/ctl/ctl.h \
	host/ctl/dry-run.c host/ctl/dry-run.h \
	host/ctl/enable.c \
	host/ctl/main.c \
	host/ctl/progress.c host/ctl/progress.h \
	host/ctl/show.c \
	host/ctl/slots.c \
	host/ctl/text.c host/ctl/text.h \
	host/ctl/watch.c host/ctl/watch.h \
	$(NULL)
ubctl_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) -DCONTROL_SOCKET='"/run/update-broker/control"'
ubctl_LDADD = libhost-broker.a libhost-config.a libhost-plugin.a libhost-model.a libhost-json.a libhost-scan.a libhost-util.a \
	$(SYSTEMD_LIBS) $(CJSON_LIBS) -lm
