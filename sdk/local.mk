# sdk: libub-sdk.a, what a plugin links so that its author writes little.
#
# The objects go into shared objects (-fPIC) and their symbols stay inside them (hidden).  One noun per object,
# so that a plugin gets only what it calls: nest.o needs libsystemd, download.o libcurl and libcrypto.
lib_LIBRARIES += libub-sdk.a
libub_sdk_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) $(SYSTEMD_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
libub_sdk_a_CFLAGS = $(AM_CFLAGS) -fPIC -fvisibility=hidden
libub_sdk_a_SOURCES = \
	sdk/actions.c \
	sdk/desired-state.c \
	sdk/download.c sdk/download-private.h sdk/downloader.c \
	sdk/download-attempt.c \
	sdk/download-backoff.c sdk/download-backoff.h \
	sdk/download-disk.c sdk/download-disk.h \
	sdk/download-headers.c sdk/download-headers.h \
	sdk/download-multi.c sdk/download-multi.h \
	sdk/download-part.c sdk/download-part.h \
	sdk/download-request.c \
	sdk/download-transfer.c \
	sdk/download-url.c sdk/download-url.h \
	sdk/download-worker.c sdk/download-worker.h \
	sdk/error.c \
	sdk/feedback.c \
	sdk/host.c \
	sdk/inventory.c \
	sdk/json.c \
	sdk/json-writer.c \
	sdk/log.c \
	sdk/nest.c \
	sdk/program.c \
	sdk/program-call.c sdk/program-call.h \
	sdk/program-inventory.c \
	sdk/program-memory.c \
	sdk/program-private.h \
	sdk/status.c \
	sdk/text.c sdk/text.h \
	$(NULL)

# What a plugin of this tree puts in its LDFLAGS and LIBADD; -l keeps libtool from doubting an archive
# in a shared object.  $(sdk_deps) goes into its DEPENDENCIES; automake wants to see -module itself.
sdk_map = $(top_srcdir)/sdk/plugin.map
sdk_ldflags = $(AM_LDFLAGS) $(PLUGIN_LDFLAGS) -Wl,--version-script=$(sdk_map)
sdk_libadd = -L$(top_builddir) -lub-sdk $(CJSON_LIBS)
sdk_deps = libub-sdk.a $(sdk_map)

pkgconfig_DATA += sdk/update-broker-plugin.pc sdk/update-broker-plugin-download.pc
dist_pkgdata_DATA = sdk/plugin.map

# A plugin of a vendor: installed with the SDK, built outside this tree by a test.
exampledir = $(docdir)/example
dist_example_DATA = \
	sdk/example/50-hello.conf \
	sdk/example/Makefile.am \
	sdk/example/README.md \
	sdk/example/configure.ac \
	sdk/example/hello.c \
	$(NULL)
