# debian: packages, built by dpkg-buildpackage in the tree or in an unpacked tarball.
#
# A new plugin NAME needs a paragraph in control and update-broker-plugin-NAME.install.
EXTRA_DIST += \
	debian/changelog \
	debian/control \
	debian/copyright \
	debian/rules \
	debian/source/format \
	debian/update-broker-dev.install \
	debian/update-broker-dev.lintian-overrides \
	debian/update-broker-plugin-fake.install \
	debian/update-broker-plugin-files.install \
	debian/update-broker-plugin-remote.install \
	debian/update-broker-plugin-self-update.install \
	debian/update-broker.dirs \
	debian/update-broker.install \
	debian/update-broker.postinst \
	debian/update-broker.postrm \
	debian/update-broker.triggers \
	$(NULL)

check-debian: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' MAKE='$(MAKE)' \
		$(SHELL) '$(srcdir)/tests/install/packages.tap'
.PHONY: check-debian
