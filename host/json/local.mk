# host/json: reading, checking, patching and writing JSON; the only place in the host that sees cJSON.
#
# The scanner is a library of its own: ub-agent-host links it and stays without cJSON.
noinst_LIBRARIES += libhost-scan.a
libhost_scan_a_SOURCES = \
	host/json/pointer.c host/json/pointer.h \
	host/json/scan.c host/json/scan.h \
	host/json/scan-locate.c \
	host/json/scan-string.c host/json/scan-string.h \
	$(NULL)

# Programs link libhost-json.a before libhost-scan.a, and $(CJSON_LIBS) -lm at the end.
noinst_LIBRARIES += libhost-json.a
libhost_json_a_SOURCES = \
	host/json/json.c host/json/json.h \
	host/json/merge.c host/json/merge.h \
	host/json/schema.c host/json/schema.h \
	$(NULL)
libhost_json_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
