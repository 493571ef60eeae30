# SPDX-License-Identifier: MIT
# Other guests, on a data disk of their own for dom0: Debian's kernels with a
# root file system, and Debian's installer, as its package has it for network
# boot. Only the long tests boot it.

INSTALLER := debian-installer-12-netboot-amd64
INSTALLER_FILES = $(addprefix $(wildcard $(PKG)/$(INSTALLER)/usr/lib/debian-installer/images/*/amd64/text/debian-installer/amd64)/,\
	linux initrd.gz)
OTHERS_TREE := $(IMG)/others

$(PKG)/$(INSTALLER)/.done: tests/images/fetch.sh
	@$(FETCH) $(INSTALLER)
	@touch $@

$(IMG)/others.img: $(wildcard tests/images/others/*) tests/images/cfg/g1.cfg \
		$(PKG)/$(INSTALLER)/.done $(PKG_DONE) $(GUEST_INITRAMFS) \
		$(IMG)/guest-root.img
	@rm -rf $(OTHERS_TREE) && mkdir -p $(OTHERS_TREE)/installer
	@cp tests/images/others/*.cfg tests/images/cfg/g1.cfg $(OTHERS_TREE)
	@for k in 6.1=$(KERNEL_6.1) 6.1-cloud=$(KERNEL_6.1-cloud) \
		6.12=$(KERNEL_6.12); do \
		cp $(PKG)/$${k#*=}/boot/vmlinuz-* $(OTHERS_TREE)/vmlinuz-$${k%=*}; \
		cp $(IMG)/guest-$${k%=*}.cpio.gz $(OTHERS_TREE)/initrd-$${k%=*}; done
	@cp $(INSTALLER_FILES) $(OTHERS_TREE)/installer
	@cp --sparse=always $(IMG)/guest-root.img $(OTHERS_TREE)/g1.img
	@mke2fs -q -F -t ext4 -L guests -d $(OTHERS_TREE) -E root_owner=0:0 -m 0 $@.tmp 2G
	@mv $@.tmp $@
	@rm -r $(OTHERS_TREE)
