# plugins/self-update: the agent of the operating system image, which RAUC installs.
#
# The machine and what it stands on is a library of its own, so that tests drive it without a bus.
self_update_pure_sources = \
	plugins/self-update/effect.c plugins/self-update/effect.h \
	plugins/self-update/machine.c plugins/self-update/machine.h plugins/self-update/machine-internal.h \
	plugins/self-update/machine-activate.c \
	plugins/self-update/machine-back.c \
	plugins/self-update/machine-boot.c \
	plugins/self-update/machine-compare.c \
	plugins/self-update/machine-download.c \
	plugins/self-update/machine-figures.c \
	plugins/self-update/machine-identify.c \
	plugins/self-update/machine-judge.c \
	plugins/self-update/machine-update.c \
	plugins/self-update/machine-word.c \
	plugins/self-update/message.c plugins/self-update/message.h \
	plugins/self-update/policy.c plugins/self-update/policy.h \
	plugins/self-update/reading.c plugins/self-update/reading.h \
	plugins/self-update/record.c plugins/self-update/record.h \
	plugins/self-update/settings.c plugins/self-update/settings.h \
	plugins/self-update/settings-schema.c \
	plugins/self-update/signers.c plugins/self-update/signers.h \
	plugins/self-update/slots.c plugins/self-update/slots.h \
	plugins/self-update/verdict.c plugins/self-update/verdict.h \
	$(NULL)
self_update_cppflags = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) -D_GNU_SOURCE=1 -DUB_ABI_MINOR_WANTED=0 \
	-DSELF_UPDATE_VERSION='"$(PACKAGE_VERSION)"'

if PLUGIN_SELF_UPDATE
plugin_LTLIBRARIES += plugins/self-update/self-update.la
plugins_self_update_self_update_la_SOURCES = \
	$(self_update_pure_sources) \
	plugins/self-update/calendar.h \
	plugins/self-update/carry.c \
	plugins/self-update/fetch.c plugins/self-update/fetch.h \
	plugins/self-update/health.c plugins/self-update/health.h \
	plugins/self-update/inventory.c plugins/self-update/inventory.h \
	plugins/self-update/rauc.c plugins/self-update/rauc.h plugins/self-update/rauc-internal.h \
	plugins/self-update/rauc-call.c \
	plugins/self-update/rauc-other.c \
	plugins/self-update/rauc-probe.c \
	plugins/self-update/rauc-read.c \
	plugins/self-update/reader.c plugins/self-update/reader.h \
	plugins/self-update/self-update.c plugins/self-update/self-update.h \
	plugins/self-update/thread.c plugins/self-update/thread.h \
	plugins/self-update/watch.c plugins/self-update/watch.h \
	$(NULL)
plugins_self_update_self_update_la_CPPFLAGS = $(self_update_cppflags) $(CRYPTO_CFLAGS)
plugins_self_update_self_update_la_LDFLAGS = -module $(sdk_ldflags)
plugins_self_update_self_update_la_LIBADD = $(sdk_libadd) $(SYSTEMD_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS)
plugins_self_update_self_update_la_DEPENDENCIES = $(sdk_deps)

if HAVE_CHECK
check_LIBRARIES += libself-update-machine.a
libself_update_machine_a_SOURCES = $(self_update_pure_sources)
libself_update_machine_a_CPPFLAGS = $(self_update_cppflags) $(CRYPTO_CFLAGS)
endif
endif
