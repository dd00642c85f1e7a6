# plugins/remote: the agent that lives in another process, behind Kanto's update agent API over MQTT.
if PLUGIN_REMOTE
plugin_LTLIBRARIES += plugins/remote/remote.la
plugins_remote_remote_la_SOURCES = \
	plugins/remote/activity.c \
	plugins/remote/feedback.c \
	plugins/remote/inquiry.c \
	plugins/remote/keep.c \
	plugins/remote/message.c plugins/remote/message.h \
	plugins/remote/remote.c plugins/remote/remote.h \
	plugins/remote/settings.c plugins/remote/settings.h \
	plugins/remote/word.c plugins/remote/word.h \
	$(NULL)
plugins_remote_remote_la_CPPFLAGS = $(AM_CPPFLAGS) -DREMOTE_VERSION='"$(PACKAGE_VERSION)"'
plugins_remote_remote_la_LDFLAGS = -module $(sdk_ldflags)
plugins_remote_remote_la_LIBADD = $(sdk_libadd)
plugins_remote_remote_la_DEPENDENCIES = $(sdk_deps)
endif
