# tests/fuzz: fuzz targets; their corpora are replayed by make check.
#
# Each target is tests/fuzz/fuzz-NAME.c with the code that it attacks; its corpus is tests/fuzz/corpus/NAME.
# With --enable-fuzzing (CC=clang) a target is linked with libFuzzer and run by hand:
#     tests/fuzz/fuzz-NAME -max_total_time=600 CORPUS-COPY tests/fuzz/corpus/NAME
# otherwise with replay.c, which makes a test of its corpus.
if FUZZING
fuzz_cflags = $(AM_CFLAGS) -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
fuzz_main =
else
fuzz_cflags = $(AM_CFLAGS)
fuzz_main = tests/fuzz/replay.c
TESTS += $(fuzz_programs)
endif
if PLUGIN_SELF_UPDATE
fuzz_self_update = tests/fuzz/fuzz-rauc
endif
fuzz_programs = \
	tests/fuzz/fuzz-config \
	tests/fuzz/fuzz-desired-state \
	tests/fuzz/fuzz-ditto \
	tests/fuzz/fuzz-download-headers \
	tests/fuzz/fuzz-envelope \
	tests/fuzz/fuzz-feedback \
	tests/fuzz/fuzz-frame \
	tests/fuzz/fuzz-fragment \
	tests/fuzz/fuzz-inventory \
	tests/fuzz/fuzz-journal \
	tests/fuzz/fuzz-json \
	tests/fuzz/fuzz-merge \
	tests/fuzz/fuzz-precondition \
	$(fuzz_self_update) \
	tests/fuzz/fuzz-record \
	tests/fuzz/fuzz-mqtt-topics \
	$(NULL)
if PLUGIN_FILES
fuzz_programs += tests/fuzz/fuzz-archive
endif
check_PROGRAMS += $(fuzz_programs)
EXTRA_DIST += tests/fuzz/corpus

tests_fuzz_fuzz_download_headers_SOURCES = tests/fuzz/fuzz-download-headers.c $(fuzz_main) \
	sdk/download-headers.c sdk/download-url.c sdk/error.c sdk/text.c
tests_fuzz_fuzz_download_headers_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_download_headers_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS)
tests_fuzz_fuzz_download_headers_LDADD = $(CURL_LIBS)

tests_fuzz_fuzz_rauc_SOURCES = tests/fuzz/fuzz-rauc.c $(fuzz_main) \
	plugins/self-update/rauc-read.c plugins/self-update/slots.c
tests_fuzz_fuzz_rauc_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_rauc_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_fuzz_fuzz_rauc_LDADD = $(SYSTEMD_LIBS)

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz-frame.c $(fuzz_main) \
	host/plugin/frame.c host/plugin/gate.c host/util/topic.c $(libhost_scan_a_SOURCES) \
	host/util/diag.c host/util/utf8.c
tests_fuzz_fuzz_frame_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_frame_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)

# The code under attack is compiled into the target, so that libFuzzer sees its branches.
fuzz_json_sources = host/json/json.c host/json/merge.c $(libhost_scan_a_SOURCES) \
	host/util/diag.c host/util/utf8.c

tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz-json.c $(fuzz_main) $(fuzz_json_sources)
tests_fuzz_fuzz_json_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_json_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_json_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_merge_SOURCES = tests/fuzz/fuzz-merge.c $(fuzz_main) $(fuzz_json_sources)
tests_fuzz_fuzz_merge_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_merge_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_merge_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_mqtt_topics_SOURCES = tests/fuzz/fuzz-mqtt-topics.c $(fuzz_main) \
	host/model/prefix.c host/mqtt/topics.c host/util/address.c host/util/diag.c host/util/nearest.c host/util/topic.c \
	host/util/utf8.c
tests_fuzz_fuzz_mqtt_topics_CFLAGS = $(fuzz_cflags)

tests_fuzz_fuzz_fragment_SOURCES = tests/fuzz/fuzz-fragment.c $(fuzz_main) $(fuzz_json_sources) \
	host/config/confd.c host/config/fragment.c host/config/problem.c host/config/registration.c \
	host/json/schema.c host/util/file.c host/util/nearest.c
tests_fuzz_fuzz_fragment_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_fragment_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_fragment_LDADD = $(CJSON_LIBS) -lm

fuzz_model_sources = $(fuzz_json_sources) $(libhost_model_a_SOURCES)

tests_fuzz_fuzz_desired_state_SOURCES = tests/fuzz/fuzz-desired-state.c $(fuzz_main) $(fuzz_model_sources)
tests_fuzz_fuzz_desired_state_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_desired_state_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_desired_state_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_ditto_SOURCES = tests/fuzz/fuzz-ditto.c $(fuzz_main) $(fuzz_model_sources)
tests_fuzz_fuzz_ditto_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_ditto_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_ditto_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_envelope_SOURCES = tests/fuzz/fuzz-envelope.c $(fuzz_main) $(fuzz_model_sources)
tests_fuzz_fuzz_envelope_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_envelope_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_envelope_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_feedback_SOURCES = tests/fuzz/fuzz-feedback.c $(fuzz_main) $(fuzz_model_sources)
tests_fuzz_fuzz_feedback_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_feedback_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_feedback_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_inventory_SOURCES = tests/fuzz/fuzz-inventory.c $(fuzz_main) $(fuzz_model_sources)
tests_fuzz_fuzz_inventory_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_inventory_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_inventory_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_precondition_SOURCES = tests/fuzz/fuzz-precondition.c $(fuzz_main) $(fuzz_model_sources)
tests_fuzz_fuzz_precondition_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_precondition_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_precondition_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz-record.c $(fuzz_main) $(fuzz_model_sources) \
	$(libhost_orchestrator_a_SOURCES)
tests_fuzz_fuzz_record_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_record_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_record_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz-config.c $(fuzz_main) $(fuzz_json_sources) \
	$(libhost_config_a_SOURCES) host/json/schema.c host/model/duration.c host/model/prefix.c host/model/status.c \
	host/util/address.c host/util/file.c host/util/log-level.c host/util/nearest.c
tests_fuzz_fuzz_config_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_config_CPPFLAGS = $(libhost_config_a_CPPFLAGS) $(CJSON_CFLAGS)
tests_fuzz_fuzz_config_LDADD = $(CJSON_LIBS) -lm

tests_fuzz_fuzz_journal_SOURCES = tests/fuzz/fuzz-journal.c $(fuzz_main) \
	host/state/journal.c host/util/crc32.c host/util/diag.c host/util/file.c host/util/utf8.c host/util/worker.c
tests_fuzz_fuzz_journal_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_journal_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_fuzz_fuzz_journal_LDADD = $(SYSTEMD_LIBS) -lpthread

tests_fuzz_fuzz_archive_SOURCES = tests/fuzz/fuzz-archive.c $(fuzz_main) \
	plugins/files/entry.c plugins/files/feed.c plugins/files/path.c plugins/files/scan.c \
	plugins/files/tree.c plugins/files/unpack.c plugins/files/verify.c sdk/error.c sdk/text.c
tests_fuzz_fuzz_archive_CFLAGS = $(fuzz_cflags)
tests_fuzz_fuzz_archive_CPPFLAGS = $(AM_CPPFLAGS) $(ARCHIVE_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_archive_LDADD = $(ARCHIVE_LIBS) $(CRYPTO_LIBS)
