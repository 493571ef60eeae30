# SPDX-License-Identifier: MIT
# Whole systems, their instructions counted: what the machines boot.

SYSBENCH := tests/bench/system
SYSBENCH_OUT := build/bench
# The compiler itself, not a link or a wrapper: it finds its parts beside it.
SYSBENCH_CC := $(shell readlink -f /usr/bin/gcc)

$(SYSBENCH_OUT)/count.so: $(SYSBENCH)/count.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -fPIC -shared -fvisibility=hidden $(WARNINGS) -o $@ $<

$(SYSBENCH_OUT)/init: $(SYSBENCH)/work.c
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

BENCH_SYSTEM_ARGS ?=
.PHONY: bench-system
bench-system: $(HV) build/images/xen.elf $(SYSBENCH_OUT)/count.so $(SYSBENCH_OUT)/work.cpio ## Whole systems' instructions, beside Debian's Xen
	@$(SYSBENCH)/run.py --hv $(HV) $(BENCH_SYSTEM_ARGS)
