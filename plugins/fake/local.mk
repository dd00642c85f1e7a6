# plugins/fake: the fake agent, for tests and demonstrations.
if PLUGIN_FAKE
plugin_LTLIBRARIES += plugins/fake/fake.la
plugins_fake_fake_la_SOURCES = \
	plugins/fake/activity.c \
	plugins/fake/fake.c plugins/fake/fake.h \
	plugins/fake/inventory.c plugins/fake/inventory.h \
	plugins/fake/keep.c \
	plugins/fake/settings.c plugins/fake/settings.h \
	$(NULL)
plugins_fake_fake_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_VERSION='"$(PACKAGE_VERSION)"'
plugins_fake_fake_la_LDFLAGS = -module $(sdk_ldflags)
plugins_fake_fake_la_LIBADD = $(sdk_libadd)
plugins_fake_fake_la_DEPENDENCIES = $(sdk_deps)
endif
