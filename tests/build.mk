# SPDX-License-Identifier: MIT
# What the tests and `make run` boot (build/images), and the test verbs.

IMG := build/images
PKG := $(IMG)/pkg
FETCH := tests/images/fetch.sh $(PKG)
MK_INITRAMFS := tests/images/mk_initramfs.py

KERNEL_6.1 := linux-image-amd64
KERNEL_6.1-cloud := linux-image-cloud-amd64
KERNEL_6.12 := linux-image-6.12-amd64
KERNELS := $(KERNEL_6.1) $(KERNEL_6.1-cloud) $(KERNEL_6.12)
XEN := xen-hypervisor-4.17-amd64

# stress-ng with the libraries that it is linked to.
STRESS_PKGS := stress-ng libapparmor1 libbsd0 libmd0 libegl1 libgles2 \
	libglvnd0 libgbm1 libdrm2 libwayland-server0 libffi8 libexpat1 \
	libxcb-randr0 libxcb1 libxau6 libxdmcp6 libipsec-mb1 \
	libjpeg62-turbo libjudydebian1 libkmod2 libsctp1 libxxhash0

# kexec, and the tools that read traces and counters, with their libraries.
KEXEC_PKGS := kexec-tools xen-utils-4.17 libxenmisc4.17 libxencall1 \
	libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 \
	libxentoolcore1 libxentoollog1

# Debian's tools of Xen: xl and its daemons.
CLIENTS_PKGS := xen-utils-common xenstore-utils libxenstore4 libxenhypfs1 \
	libyajl2

PACKAGES := $(KERNELS) $(XEN) $(STRESS_PKGS) $(KEXEC_PKGS) $(CLIENTS_PKGS)
PKG_DONE := $(PACKAGES:%=$(PKG)/%/.done)

# One recipe makes all: apt's lists are read once, packages come in a row.
$(PKG_DONE) &: tests/images/fetch.sh
	@$(FETCH) $(PACKAGES)
	@touch $(PKG_DONE)

# A copy of Debian's own hypervisor, the yardstick of tests and bench.
$(IMG)/xen.elf: $(PKG)/$(XEN)/.done
	@gunzip -c $(PKG)/$(XEN)/boot/xen-4.17-amd64.gz > $@

$(IMG)/bin/%: tests/images/src/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -static $(WARNINGS) -o $@ $<

# What dom0 and guests run beside busybox.
PROGRAMS := $(IMG)/bin/stream $(IMG)/bin/features $(IMG)/bin/vectors

# Control domain.

DOM0_MODULES := xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs \
	xen-blkback xen-netback xen-blkfront xen-netfront \
	llc stp bridge loop tun \
	virtio_pci virtio_blk virtio_net libahci ahci sd_mod sr_mod nvme \
	e1000 e1000e crc32c_generic crc32c_intel ext4 isofs

# Modules to load later: one without hardware, which `features` wants; the
# kernel's own tests of code that it changes and compiles.
SPARE_MODULES := --spare "dummy test_static_keys test_user_copy test_bpf"

TOOL_BINARIES := $(TOOLS_HAVE_PROGS:%=build/tools/bin/%)
DOM0_FILES := $(shell find tests/images/dom0 -type f)
INITRAMFS_MAKER := $(MK_INITRAMFS) $(wildcard tests/images/lib/*.py)

DOM0_INITRAMFS := $(IMG)/dom0-6.1.cpio $(IMG)/dom0-6.12.cpio

$(DOM0_INITRAMFS): $(IMG)/dom0-%.cpio: $(INITRAMFS_MAKER) $(DOM0_FILES) \
		$(PKG_DONE) $(PROGRAMS) $(TOOL_BINARIES)
	@$(MK_INITRAMFS) --out $@ --kernel $(PKG)/$(KERNEL_$*) \
		--modules "$(DOM0_MODULES)" $(SPARE_MODULES) \
		--files tests/images/dom0 \
		$(foreach t,$(PROGRAMS) $(TOOL_BINARIES),--program $(t))

# Control domain with kexec, and what it starts.

$(IMG)/crash.cpio.gz: $(INITRAMFS_MAKER) tests/images/crash/init \
		$(IMG)/bin/crashproof
	@$(MK_INITRAMFS) --out $@ --gzip 1 --files tests/images/crash \
		--program $(IMG)/bin/crashproof

XEN_BIN := $(PKG)/xen-utils-4.17/usr/lib/xen-4.17/bin

$(IMG)/dom0-kexec.cpio: $(INITRAMFS_MAKER) $(DOM0_FILES) $(PKG_DONE) \
		$(IMG)/bin/stream $(IMG)/bin/crashproof $(IMG)/bin/tracecount \
		$(TOOL_BINARIES) $(IMG)/crash.cpio.gz
	@mkdir -p $(IMG)/kexec/boot
	@cp $(PKG)/$(KERNEL_6.1)/boot/vmlinuz-* $(IMG)/kexec/boot/vmlinuz
	@cp $(IMG)/crash.cpio.gz $(IMG)/kexec/boot/initrd
	@$(MK_INITRAMFS) --out $@ --kernel $(PKG)/$(KERNEL_6.1) \
		--modules "$(DOM0_MODULES)" --files tests/images/dom0 \
		--files $(IMG)/kexec --program $(IMG)/bin/stream \
		--program $(IMG)/bin/crashproof --program $(IMG)/bin/tracecount \
		--program $(PKG)/kexec-tools/sbin/kexec \
		$(foreach t,xentrace xenperf xenlockprof,--program $(XEN_BIN)/$t) \
		$(foreach t,$(TOOL_BINARIES),--program $(t)) \
		$(foreach p,$(KEXEC_PKGS),--libs $(PKG)/$(p))

# Guests: an initramfs for each kernel, one root file system, one data disk
# for dom0 that holds them all.

GUEST_MODULES := xen-blkfront xen-netfront crc32c_generic crc32c_intel ext4
GUEST_FILES := $(shell find tests/images/guest tests/images/guest-root -type f)
GUEST_INITRAMFS := $(IMG)/guest-6.1.cpio.gz $(IMG)/guest-6.1-cloud.cpio.gz \
	$(IMG)/guest-6.12.cpio.gz

$(GUEST_INITRAMFS): $(IMG)/guest-%.cpio.gz: $(INITRAMFS_MAKER) $(GUEST_FILES) \
		$(PKG_DONE) $(IMG)/bin/vectors
	@$(MK_INITRAMFS) --out $@ --kernel $(PKG)/$(KERNEL_$*) --gzip 1 \
		--modules "$(GUEST_MODULES)" $(SPARE_MODULES) \
		--files tests/images/guest \
		--program $(IMG)/bin/vectors

$(IMG)/guest-root.img: tests/images/mk_guest_disk.sh $(GUEST_FILES) \
		$(PROGRAMS)
	@tests/images/mk_guest_disk.sh $@ $(PROGRAMS)

$(IMG)/stress/.done: tests/images/mk_chroot.py tests/images/lib/elf.py \
		$(PKG_DONE)
	@tests/images/mk_chroot.py --out $(@D) \
		--program $(PKG)/stress-ng/usr/bin/stress-ng \
		$(foreach p,$(STRESS_PKGS),--libs $(PKG)/$(p))

$(IMG)/guests.img: tests/images/mk_data_disk.sh $(GUEST_INITRAMFS) \
		$(IMG)/guest-root.img $(wildcard tests/images/cfg/*) \
		$(IMG)/stress/.done $(PKG_DONE)
	@tests/images/mk_data_disk.sh $@ $(IMG)

# Only the long tests boot these; they are made where they are needed.
LONG_IMAGES := $(IMG)/grub.img $(IMG)/debian/disk.img $(IMG)/others.img \
	$(IMG)/dom0-libvirt.cpio

include tests/clients/clients.mk
include tests/clients/libvirt.mk
include tests/images/grub.mk
include tests/images/debian.mk
include tests/images/others.mk

images: $(DOM0_INITRAMFS) $(IMG)/dom0-kexec.cpio $(IMG)/dom0-clients.cpio $(IMG)/guests.img $(IMG)/xen.elf ## Make kernels, initramfs and disks for the tests

build/trellis.iso: build/trellis.elf $(IMG)/dom0-6.1.cpio tests/images/mk_iso.sh
	@tests/images/mk_iso.sh $@ build/trellis.elf \
		"console=com1,vga com1=115200,8n1 dom0_mem=1024M" \
		$(PKG)/$(KERNEL_6.1)/boot/vmlinuz-* \
		"console=hvc0 trellis.mode=shell" $(IMG)/dom0-6.1.cpio
	@echo "made $@"

iso: build/trellis.iso ## Make build/trellis.iso: GRUB, hypervisor, dom0

RUN_ARGS ?=
run: all images ## Boot Trellis, dom0 and an example guest in QEMU
	@tests/system/run.py $(RUN_ARGS)

# Tests. Each layer leaves its counts in build/results.

SYSTEM_ARGS ?=
test-system: all lockprof guests images ## Whole systems in QEMU (a core subset, minutes)
	@tests/system/run-tests.sh $(SYSTEM_ARGS)

.PHONY: test-full
test-full: all lockprof guests images $(LONG_IMAGES) ## Whole systems in QEMU, every test (hours)
	@tests/system/run-tests.sh --full $(SYSTEM_ARGS)

test: ## Every layer of tests: lint, abi, unit, guests, system
	@tests/run-all.sh

# The test kernels on the hypervisor whose undefined operations are bugs.
.PHONY: test-ubsan
test-ubsan: build/ubsan/trellis.elf guests ## Boot the test kernels on the UBSan build
	@tests/guests/run.py --hv build/ubsan/trellis.elf --timeout 300 \
		--guest-append slack=20 \
		--results build/results/ubsan --logs build/results/ubsan.d

# The hypercall fuzzer under the memory sanitizer: of all that its kept inputs
# make the hypervisor copy to a guest, every byte was written by somebody.
RESIDUE_OUT := build/fuzz-residue
.PHONY: test-residue
test-residue: ## Run the hypercall fuzzer's inputs under the memory sanitizer
	@$(MAKE) --no-print-directory FUZZ_OUT=$(RESIDUE_OUT) FUZZ_SAN=memory \
		$(RESIDUE_OUT)/hypercalls
	@$(RESIDUE_OUT)/hypercalls -runs=0 -max_len=2048 \
		-artifact_prefix=$(RESIDUE_OUT)/ tests/fuzz/corpus/hypercalls
