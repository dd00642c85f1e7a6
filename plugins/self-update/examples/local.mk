# plugins/self-update/examples: what a device needs around RAUC, to copy from.
selfupdateexampledir = $(docdir)/examples/self-update
dist_selfupdateexample_SCRIPTS = plugins/self-update/examples/make-bundle
