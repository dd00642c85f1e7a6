# tests/fake: what tests put in place of the broker.
#
# fake-host: a host for what lives behind the ABI; fake-mqtt: its MQTT server.  Link $(fake_host_ldadd) after the test's own objects.
if HAVE_CHECK
check_LIBRARIES += libfake-host.a
libfake_host_a_SOURCES = \
	tests/fake/fake-host.c tests/fake/fake-host.h \
	tests/fake/fake-mqtt.c tests/fake/fake-mqtt.h \
	$(NULL)
libfake_host_a_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SYSTEMD_CFLAGS)
fake_host_ldadd = libfake-host.a libub-sdk.a $(unit_ldadd) $(SYSTEMD_LIBS) $(CJSON_LIBS)

# downloader: ub_download behind a command line; http_server.py: a server that can be told to misbehave.
check_PROGRAMS += tests/fake/downloader
tests_fake_downloader_SOURCES = tests/fake/downloader.c
tests_fake_downloader_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SYSTEMD_CFLAGS)
tests_fake_downloader_LDADD = $(fake_host_ldadd) $(CURL_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += tests/fake/http_server.py

# puppet.so: a plugin whose functions are those of the test that loads it.
check_LTLIBRARIES += tests/fake/puppet.la
tests_fake_puppet_la_SOURCES = tests/fake/puppet.c tests/fake/puppet.h
tests_fake_puppet_la_LDFLAGS = $(bad_ldflags)
endif

# radio.so: an agent whose work a program does, radio-agent.
check_LTLIBRARIES += tests/fake/radio.la
tests_fake_radio_la_SOURCES = tests/fake/radio.c
tests_fake_radio_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
tests_fake_radio_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere $(sdk_ldflags)
tests_fake_radio_la_LIBADD = $(sdk_libadd)
tests_fake_radio_la_DEPENDENCIES = $(sdk_deps)
EXTRA_DIST += tests/fake/radio-agent

# fake-broker.c: what the control interface needs of a broker; control-server: that behind a real socket, for ubctl.
check_PROGRAMS += tests/fake/control-server
tests_fake_control_server_SOURCES = tests/fake/control-server.c tests/fake/fake-broker.c tests/fake/fake-broker.h
tests_fake_control_server_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_fake_control_server_LDADD = libhost-broker.a libhost-model.a libhost-log.a libhost-json.a libhost-scan.a \
	libhost-util.a $(SYSTEMD_LIBS) $(CJSON_LIBS) -lm

# fake-logind.c: locks and reboots, noted; logind-server: that as a process on a bus of the test's own.
check_PROGRAMS += tests/fake/logind-server
tests_fake_logind_server_SOURCES = tests/fake/logind-server.c tests/fake/fake-logind.c tests/fake/fake-logind.h
tests_fake_logind_server_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_fake_logind_server_LDADD = $(SYSTEMD_LIBS)
