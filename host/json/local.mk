# host/json: reading, checking, patching and writing JSON; the only place in the host that sees cJSON.
#
# The scanner is a library of its own: ub-agent-host links it and stays without cJSON.
noinst_LIBRARIES += libhost-scan.a
libhost_scan_a_SOURCES = \
	host/json/scan.c host/json/scan.h \
	$(NULL)
