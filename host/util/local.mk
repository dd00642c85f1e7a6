# host/util: the ground floor - cleanup attributes, error texts, files, time, children, a worker thread.
noinst_LIBRARIES += libhost-util.a
libhost_util_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_util_a_SOURCES = \
	host/util/address.c host/util/address.h \
	host/util/cleanup.h \
	host/util/crc32.c host/util/crc32.h \
	host/util/diag.c host/util/diag.h \
	host/util/file.c host/util/file.h \
	host/util/log-level.c host/util/log-level.h \
	host/util/nearest.c host/util/nearest.h \
	host/util/spawn.c host/util/spawn.h \
	host/util/time.h \
	host/util/topic.c host/util/topic.h \
	host/util/utf8.c host/util/utf8.h \
	host/util/values.c host/util/values.h \
	host/util/worker.c host/util/worker.h \
	$(NULL)
