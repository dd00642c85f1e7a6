# man: the manual, written in scdoc.
#
# man/X.scd --scdoc--> man/X.roff --sed--> man/X.N.  The *.roff are in the tarball, so that only who changes a page
# needs scdoc; folders are written @confdir@ until make knows where they are.  A plugin's page is ub-plugin-NAME.
man_scd = \
	man/ub-agent-host.scd \
	man/ub-plugin.scd \
	man/ub-plugin-check.scd \
	man/ub-plugin-fake.scd \
	man/ub-plugin-files.scd \
	man/ub-plugin-remote.scd \
	man/ub-plugin-self-update.scd \
	man/ubctl.scd \
	man/update-broker.conf.scd \
	man/update-brokerd.scd \
	$(NULL)
man_roff = $(man_scd:.scd=.roff)
EXTRA_DIST += $(man_scd)
DIST_HOOKS += dist-man

if MAN_PAGES
EXTRA_DIST += $(man_roff)
man_MANS = \
	man/ub-agent-host.8 \
	man/ub-plugin.3 \
	man/ub-plugin-check.1 \
	man/ubctl.1 \
	man/update-broker.conf.5 \
	man/update-brokerd.8 \
	$(NULL)
if PLUGIN_FAKE
man_MANS += man/ub-plugin-fake.7
endif
if PLUGIN_FILES
man_MANS += man/ub-plugin-files.7
endif
if PLUGIN_REMOTE
man_MANS += man/ub-plugin-remote.7
endif
if PLUGIN_SELF_UPDATE
man_MANS += man/ub-plugin-self-update.7
endif
CLEANFILES += $(man_MANS)
MAINTAINERCLEANFILES = $(man_roff)
endif

SUFFIXES = .scd .roff
.scd.roff:
	$(AM_V_GEN)$(MKDIR_P) man && $(SCDOC) <$< >$@.tmp && mv $@.tmp $@
roff_to_page = $(AM_V_GEN)$(MKDIR_P) man && $(folders_sed) $< >$@.tmp && mv $@.tmp $@
.roff.1:
	$(roff_to_page)
.roff.3:
	$(roff_to_page)
.roff.5:
	$(roff_to_page)
.roff.7:
	$(roff_to_page)
.roff.8:
	$(roff_to_page)

# A tarball without the pages would make every user need scdoc.
dist-man:
	@for page in $(man_roff); do \
		test -f "$$page" || test -f "$(srcdir)/$$page" || \
			{ echo "make dist needs scdoc for $$page" >&2; exit 1; }; \
	done
