# tests/abi: the ABI compared with its frozen first release.
abi_tests = \
	tests/abi/dump.tap \
	tests/abi/frozen.tap \
	tests/abi/headers.tap \
	tests/abi/layout.tap \
	tests/abi/symbols.tap \
	$(NULL)
TESTS += $(abi_tests)
EXTRA_DIST += \
	$(abi_tests) \
	tests/abi/breakages \
	tests/abi/breakages.sh \
	tests/abi/golden.sh \
	tests/abi/layout-1.0.c \
	tests/abi/probe.c \
	tests/abi/ub-1.abi \
	tests/abi/update-abi \
	tests/abi/v1.0/update-broker/plugin.h \
	$(NULL)

check-abi:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(abi_tests)'
update-abi:
	top_srcdir='$(abs_top_srcdir)' CC='$(CC)' $(SHELL) '$(srcdir)/tests/abi/update-abi'
.PHONY: check-abi update-abi
