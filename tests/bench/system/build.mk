# SPDX-License-Identifier: MIT
# Whole systems, their instructions counted: what the machines boot.

SYSBENCH := tests/bench/system
SYSBENCH_OUT := build/bench
# The compiler itself, not a link or a wrapper: it finds its parts beside it.
SYSBENCH_CC := $(shell readlink -f /usr/bin/gcc)

$(SYSBENCH_OUT)/count.so: $(SYSBENCH)/count.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -fPIC -shared -fvisibility=hidden $(WARNINGS) -o $@ $<

$(SYSBENCH_OUT)/init: $(SYSBENCH)/work.c $(SYSBENCH)/mark.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -static $(WARNINGS) -DCOMPILER='"$(SYSBENCH_CC)"' \
		-o $@ $<

$(SYSBENCH_OUT)/hello: $(SYSBENCH)/hello.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 $(WARNINGS) -o $@ $<

$(SYSBENCH_OUT)/boot.cpio: $(INITRAMFS_MAKER) $(SYSBENCH_OUT)/init
	@rm -rf $(SYSBENCH_OUT)/boot && mkdir -p $(SYSBENCH_OUT)/boot
	@cp $(SYSBENCH_OUT)/init $(SYSBENCH_OUT)/boot/init
	@$(MK_INITRAMFS) --out $@ --files $(SYSBENCH_OUT)/boot

$(SYSBENCH_OUT)/work.cpio: $(INITRAMFS_MAKER) $(SYSBENCH_OUT)/boot.cpio \
		$(SYSBENCH_OUT)/hello $(wildcard $(SYSBENCH)/mk_tree.py \
		$(SYSBENCH)/small.c)
	@$(SYSBENCH)/mk_tree.py $(SYSBENCH_OUT)/tree $(SYSBENCH_CC)
	@$(MK_INITRAMFS) --out $@ --files $(SYSBENCH_OUT)/boot \
		--files $(SYSBENCH_OUT)/tree --program $(SYSBENCH_OUT)/hello

# A control domain with Debian's tools and one guest. What is added to the
# tests' image: several archives after one another are one to Linux.

SYSBENCH_DOM0 := $(SYSBENCH)/io_dom0
SYSBENCH_BRD = $(wildcard $(PKG)/$(KERNEL_6.1)/lib/modules/*/kernel/drivers/block/brd.ko)

$(SYSBENCH_OUT)/bin/%: $(SYSBENCH)/%.c $(SYSBENCH)/mark.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -static $(WARNINGS) -o $@ $<

$(SYSBENCH_OUT)/io.cpio: $(INITRAMFS_MAKER) $(SYSBENCH)/io_guest/init \
		$(SYSBENCH_OUT)/bin/io $(PKG_DONE)
	@$(MK_INITRAMFS) --out $@ --kernel $(PKG)/$(KERNEL_6.1) \
		--modules "xen-gntdev xen-blkfront xen-netfront" \
		--files $(SYSBENCH)/io_guest --program $(SYSBENCH_OUT)/bin/io

$(SYSBENCH_OUT)/tools.cpio: $(INITRAMFS_MAKER) $(PKG_DONE) \
		$(shell find $(SYSBENCH_DOM0) -type f) \
		$(SYSBENCH_OUT)/bin/io $(SYSBENCH_OUT)/bin/calls
	@rm -rf $(SYSBENCH_OUT)/tools
	@mkdir -p $(SYSBENCH_OUT)/tools/lib/modules
	@cp $(SYSBENCH_BRD) $(SYSBENCH_OUT)/tools/lib/modules
	@$(MK_INITRAMFS) --out $@ --files $(SYSBENCH_DOM0) \
		--files $(SYSBENCH_OUT)/tools --program $(SYSBENCH_OUT)/bin/io \
		--program $(SYSBENCH_OUT)/bin/calls

SYSBENCH_IMAGES := build/images/xen.elf $(SYSBENCH_OUT)/count.so \
	$(SYSBENCH_OUT)/work.cpio $(SYSBENCH_OUT)/tools.cpio \
	$(SYSBENCH_OUT)/io.cpio build/images/dom0-clients.cpio \
	$(KIT_OUT)/scaling.elf

BENCH_SYSTEM_ARGS ?=
.PHONY: bench-system
bench-system: $(HV) $(SYSBENCH_IMAGES) ## Whole systems' instructions, beside Debian's Xen
	@$(SYSBENCH)/run.py --hv $(HV) $(BENCH_SYSTEM_ARGS)
