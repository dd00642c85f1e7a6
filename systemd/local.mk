# systemd: the service, its user, its folders, and its name on D-Bus.
EXTRA_DIST += \
	systemd/dbus/org.updatebroker1.conf \
	systemd/dbus/org.updatebroker1.service \
	systemd/sysusers.d/update-broker.conf \
	systemd/tmpfiles.d/update-broker.conf.in \
	systemd/update-broker.service.in \
	$(NULL)
if SYSTEMD_UNITS
systemdsystemunit_DATA = systemd/update-broker.service
dbuspolicy_DATA = systemd/dbus/org.updatebroker1.conf
dbussystemservice_DATA = systemd/dbus/org.updatebroker1.service
sysusers_DATA = systemd/sysusers.d/update-broker.conf
tmpfiles_DATA = systemd/tmpfiles.d/update-broker.conf
dist_doc_DATA += systemd/raw-devices.conf systemd/read-back.conf
CLEANFILES += systemd/update-broker.service systemd/tmpfiles.d/update-broker.conf
else
EXTRA_DIST += systemd/raw-devices.conf systemd/read-back.conf
endif

# Below /var systemd makes the folder of state; one elsewhere is made by tmpfiles.d, and may be in a part of the
# system that is read-only to the service.
systemd/update-broker.service: systemd/update-broker.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	case '$(localstatedir)' in \
	/var) state='StateDirectory=update-broker' ;; \
	*) state='ReadWritePaths=-$(localstatedir)/lib/update-broker' ;; \
	esac && \
	$(folders_sed) -e "s|@state_directory[@]|$$state|" -e 's|@notify_type[@]|$(NOTIFY_TYPE)|' \
		-e 's|@exec_reload[@]|$(EXEC_RELOAD)|' '$(srcdir)/systemd/update-broker.service.in' >$@.tmp && \
	mv $@.tmp $@
systemd/tmpfiles.d/update-broker.conf: systemd/tmpfiles.d/update-broker.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd/tmpfiles.d && \
	$(folders_sed) '$(srcdir)/systemd/tmpfiles.d/update-broker.conf.in' >$@.tmp && mv $@.tmp $@
