# SPDX-License-Identifier: MIT
# Guests that boot by GRUB for PV guests, on a data disk of their own for dom0.
# Only the long tests boot it.

GRUB_PKGS := grub-xen-host grub-xen-bin
GRUB_PKG_DONE := $(GRUB_PKGS:%=$(PKG)/%/.done)
GRUB_TREE := $(IMG)/grub

$(GRUB_PKG_DONE) &: tests/images/fetch.sh
	@$(FETCH) $(GRUB_PKGS)
	@touch $(GRUB_PKG_DONE)

# GRUB reads XZ, but neither LZ4 nor ZSTD: not every kernel of Debian's.
GRUB_KERNEL = $(wildcard $(PKG)/$(KERNEL_6.1)/boot/vmlinuz-*)

$(IMG)/grub.img: tests/images/mk_grub_disk.sh $(wildcard tests/images/grub/*) \
		$(GRUB_PKG_DONE) $(PKG_DONE) $(IMG)/guest-6.1.cpio.gz \
		$(IMG)/guest-root.img
	@rm -rf $(GRUB_TREE) && mkdir -p $(GRUB_TREE)
	@cp tests/images/grub/*.cfg $(GRUB_TREE)
	@cp $(PKG)/grub-xen-host/usr/lib/grub-xen/grub-x86_64-xen.bin $(GRUB_TREE)/grub.bin
	@tests/images/mk_grub_disk.sh $(GRUB_TREE)/menu.img $(IMG)/guest-root.img \
		$(GRUB_KERNEL) $(IMG)/guest-6.1.cpio.gz
	@tests/images/mk_grub_disk.sh $(GRUB_TREE)/chain.img $(IMG)/guest-root.img \
		$(GRUB_KERNEL) $(IMG)/guest-6.1.cpio.gz \
		$(PKG)/grub-xen-bin/usr/lib/grub/x86_64-xen
	@mke2fs -q -F -t ext4 -L guests -d $(GRUB_TREE) -E root_owner=0:0 -m 0 $@.tmp 2G
	@mv $@.tmp $@
	@rm -r $(GRUB_TREE)
