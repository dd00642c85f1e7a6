# plugins/files: the agent that installs archives and single files, in versions, and needs no other service.
if PLUGIN_FILES
plugin_LTLIBRARIES += plugins/files/files.la
# What knows nothing of an agent is a library of its own, for its tests.
noinst_LTLIBRARIES += plugins/files/libfiles.la
files_cppflags = $(AM_CPPFLAGS) $(ARCHIVE_CFLAGS) $(CRYPTO_CFLAGS) \
	-DFILES_STATE_DIR='"$(localstatedir)/lib/update-broker"' -DFILES_VERSION='"$(PACKAGE_VERSION)"'
plugins_files_libfiles_la_SOURCES = \
	plugins/files/entry.c plugins/files/entry.h \
	plugins/files/feed.c plugins/files/feed.h \
	plugins/files/path.c plugins/files/path.h \
	plugins/files/plan.c plugins/files/plan.h \
	plugins/files/recipe.c plugins/files/recipe.h \
	plugins/files/record.c plugins/files/record.h \
	plugins/files/scan.c plugins/files/scan.h \
	plugins/files/scope.h \
	plugins/files/settings.c plugins/files/settings.h \
	plugins/files/store.c plugins/files/store.h \
	plugins/files/target.c plugins/files/target.h \
	plugins/files/tree.c plugins/files/tree.h \
	plugins/files/unpack.c plugins/files/unpack.h \
	plugins/files/verify.c plugins/files/verify.h \
	plugins/files/version.c plugins/files/version.h \
	$(NULL)
plugins_files_libfiles_la_CPPFLAGS = $(files_cppflags)

plugins_files_files_la_SOURCES = \
	plugins/files/activity.c \
	plugins/files/change.c \
	plugins/files/command.c \
	plugins/files/fetch.c \
	plugins/files/files.c plugins/files/files.h \
	plugins/files/identify.c \
	plugins/files/install.c \
	plugins/files/inventory.c \
	plugins/files/task.c \
	$(NULL)
plugins_files_files_la_CPPFLAGS = $(files_cppflags)
plugins_files_files_la_LDFLAGS = -module $(sdk_ldflags)
plugins_files_files_la_LIBADD = plugins/files/libfiles.la $(sdk_libadd) $(ARCHIVE_LIBS) $(CURL_LIBS) \
	$(CRYPTO_LIBS) -lpthread
plugins_files_files_la_DEPENDENCIES = plugins/files/libfiles.la $(sdk_deps)
endif
