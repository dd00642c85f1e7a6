# plugins/self-update/examples: what a device needs around RAUC, to copy from.
examplesdir = $(docdir)/examples/self-update
dist_examples_SCRIPTS = plugins/self-update/examples/make-bundle plugins/self-update/examples/sign-request \
	plugins/self-update/examples/unmount-leftovers
dist_examples_DATA = \
	plugins/self-update/examples/README.md \
	plugins/self-update/examples/agent-folder.conf \
	plugins/self-update/examples/kernel.cfg \
	plugins/self-update/examples/rauc-access.conf \
	plugins/self-update/examples/unmount-leftovers.conf \
	$(NULL)
examplesgrubdir = $(examplesdir)/grub
dist_examplesgrub_DATA = \
	plugins/self-update/examples/grub/grub.cfg \
	plugins/self-update/examples/grub/rauc.wks \
	plugins/self-update/examples/grub/system.conf \
	$(NULL)
examplesubootdir = $(examplesdir)/uboot
dist_examplesuboot_DATA = \
	plugins/self-update/examples/uboot/boot.cmd \
	plugins/self-update/examples/uboot/fw_env.config \
	plugins/self-update/examples/uboot/rauc.wks \
	plugins/self-update/examples/uboot/system.conf \
	plugins/self-update/examples/uboot/uboot.config \
	$(NULL)
examplesefidir = $(examplesdir)/efi
dist_examplesefi_DATA = \
	plugins/self-update/examples/efi/system.conf \
	$(NULL)
