# tests/install: what `make install` leaves on a machine: files, units, completions, registrations.
install_tests = \
	tests/install/10-make-install.tap \
	tests/install/20-completion.tap \
	tests/install/30-units.tap \
	tests/install/40-registrations.tap \
	$(NULL)
TESTS += $(install_tests)
EXTRA_DIST += $(install_tests) tests/install/files.in tests/install/packages.tap

# The list of files, with this build's folders.
tests/install/files: tests/install/files.in Makefile
	$(AM_V_GEN)$(MKDIR_P) tests/install && $(folders_sed) '$(srcdir)/tests/install/files.in' >$@.tmp && mv $@.tmp $@
check_DATA += tests/install/files
CLEANFILES += tests/install/files
