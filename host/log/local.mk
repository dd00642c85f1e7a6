# host/log: the log of the daemon: the journal, stderr, or a file that is put aside when full.
noinst_LIBRARIES += libhost-log.a
libhost_log_a_SOURCES = \
	host/log/log.c host/log/log.h \
	host/log/log-file.c host/log/log-file.h \
	$(NULL)
libhost_log_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
