# SPDX-License-Identifier: MIT
# A control domain with Debian's tools of Xen 4.17, unmodified, beside ours.
# The scripts of devices want bash and util-linux's flock.

CLIENTS := $(IMG)/clients
CLIENTS_BIN := $(CLIENTS)/usr/lib/xen-4.17/bin
CLIENTS_FILES := $(shell find tests/clients/dom0 -type f)

# The C library loads it by itself when a thread is cancelled.
LIBGCC := /lib/x86_64-linux-gnu/libgcc_s.so.1

$(CLIENTS)/.done: $(PKG_DONE) tests/clients/clients.mk
	@rm -rf $(CLIENTS)
	@mkdir -p $(CLIENTS_BIN) $(CLIENTS)/usr/bin $(CLIENTS)/bin \
		$(CLIENTS)$(dir $(LIBGCC))
	@cp -rL $(PKG)/xen-utils-4.17/usr/lib/xen-4.17/bin $(CLIENTS_BIN)/..
	@cp -rL $(PKG)/xen-utils-common/usr/sbin $(CLIENTS)/usr
	@cp -r $(PKG)/xen-utils-common/usr/lib $(CLIENTS)/usr
	@cp -r $(PKG)/xen-utils-common/etc $(CLIENTS)
	@cp -L $(PKG)/xenstore-utils/usr/bin/xenstore $(CLIENTS)/usr/bin
	@for t in chmod exists list ls read rm watch write; do \
		cp $(CLIENTS)/usr/bin/xenstore $(CLIENTS)/usr/bin/xenstore-$$t; done
	@cp /bin/bash /usr/bin/flock $(CLIENTS)/bin
	@cp $(LIBGCC) $(CLIENTS)$(LIBGCC)
	@rm $(CLIENTS)/usr/sbin/xen
	@touch $@

CLIENTS_PROGRAMS := $(IMG)/bin/vectors $(TOOL_BINARIES)
CLIENTS_IMAGE = $(MK_INITRAMFS) --out $@ --kernel $(PKG)/$(KERNEL_6.1) \
	--modules "$(DOM0_MODULES)" --files tests/images/dom0 \
	--files $(CLIENTS) --files tests/clients/dom0 \
	$(foreach t,$(CLIENTS_PROGRAMS),--program $(t)) \
	$$(find $(CLIENTS) -type f -perm -1 -printf '--needs %p ') \
	$(foreach p,$(KEXEC_PKGS) $(CLIENTS_PKGS),--libs $(PKG)/$(p))

$(IMG)/dom0-clients.cpio: $(INITRAMFS_MAKER) $(DOM0_FILES) $(CLIENTS_FILES) \
		$(CLIENTS)/.done $(CLIENTS_PROGRAMS)
	@$(CLIENTS_IMAGE)

# Everything on Debian's Xen, our tools in dom0 and Debian's (whose recorded
# answers have to be true); then Debian's on ours. Limits of time are for what
# hangs, and were set by what Trellis needs.
ON_XEN_ARGS ?= --full --matrix core --cycles 3 -k "not long_attack"
CLIENTS_ARGS ?= --full -k "test_clients or test_libvirt or test_debian or \
	test_others or test_grub"
.PHONY: test-on-xen test-clients
test-on-xen: all guests images $(LONG_IMAGES) ## Our tools and Debian's on Debian's Xen
	@TRELLIS_PATIENCE=$${TRELLIS_PATIENCE:-3} \
		tests/system/run-tests.sh --hv xen $(ON_XEN_ARGS)

test-clients: test-on-xen ## Others' tools on ours, ours on Debian's Xen
	@tests/system/run-tests.sh $(CLIENTS_ARGS)
