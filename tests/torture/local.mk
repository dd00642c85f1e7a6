# tests/torture: each allocation fails once; nothing is lost and everything is said.
if HAVE_CHECK
torture_wraps = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray \
	-Wl,--wrap=strdup,--wrap=strndup,--wrap=free \
	-Wl,--wrap=asprintf,--wrap=vasprintf,--wrap=__asprintf_chk,--wrap=__vasprintf_chk
torture_programs = tests/torture/test-torture
check_PROGRAMS += $(torture_programs)
TESTS += $(torture_programs)
tests_torture_test_torture_SOURCES = \
	tests/torture/test-torture.c \
	tests/torture/torture.c tests/torture/torture.h \
	$(NULL)
tests_torture_test_torture_CPPFLAGS = $(unit_cppflags) $(CJSON_CFLAGS) -DUB_ABI_MINOR_WANTED=0
tests_torture_test_torture_LDFLAGS = $(AM_LDFLAGS) $(torture_wraps)
tests_torture_test_torture_LDADD = libub-sdk.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS)
endif

check-torture:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(torture_programs)'
.PHONY: check-torture
