# SPDX-License-Identifier: MIT
#
# The guest kit and everything that is kit + one folder of sources: each folder
# here, in tests/guests and in tests/bench that has a main.c becomes
# build/guests/NAME.elf.

KIT := guest-patches/kit
KIT_OUT := build/guests

KIT_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-builtin -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include) \
	$(KIT_EXTRA_CFLAGS) -Iinclude -I$(KIT)/include -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-tree-loop-distribute-patterns -fno-strict-aliasing -fno-common \
	-D__XEN_INTERFACE_VERSION__=0x00040e00 -MMD -MP -Wa,--noexecstack \
	$(WARNINGS) $(REPRODUCIBLE)
KIT_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments \
	-T $(KIT)/kit.lds

KIT_SRCS := $(wildcard $(KIT)/src/*.c $(KIT)/src/*.S)
KIT_OBJS := $(patsubst %,$(KIT_OUT)/obj/%.o,$(KIT_SRCS))

GUEST_DIRS := $(patsubst %/main.c,%,$(wildcard guest-patches/*/main.c \
	tests/guests/*/main.c tests/bench/*/main.c))
GUEST_ELFS := $(patsubst %,$(KIT_OUT)/%.elf,$(notdir $(GUEST_DIRS)))
# A folder -> its objects.
guest_objs = $(patsubst %,$(KIT_OUT)/obj/%.o,$(wildcard $(1)/*.c $(1)/*.S))

guests: $(GUEST_ELFS) ## Build the tiny PV test kernels

# GUESTS="name ..." picks kernels, HV=FILE another hypervisor.
HV ?= $(HV_OUT)/trellis.elf
GUESTS ?=

test-guests: guests $(HV) ## Boot the test kernels as control domain
	@tests/guests/run.py --hv $(HV) $(GUESTS)

# BENCH_CPU=MODEL: QEMU's CPU.
BENCH_CPU ?= EPYC,-smap

bench: $(KIT_OUT)/bench.elf $(HV) build/images/xen.elf ## Instructions per operation, beside Debian's Xen
	@tests/bench/run.py --hv $(HV) --reference build/images/xen.elf \
		--kernel $< --cpu $(BENCH_CPU)

bench-preempt: $(KIT_OUT)/preempt.elf $(HV) build/images/xen.elf ## Longest time without preemption, beside Debian's Xen
	@tests/bench/preempt.py --hv $(HV) --reference build/images/xen.elf \
		--kernel $<

$(KIT_OUT)/obj/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) $(KIT_CFLAGS) -c -o $@ $<

$(KIT_OUT)/obj/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(KIT_CFLAGS) -D__ASSEMBLY__ -c -o $@ $<

define GUEST_RULE
$(KIT_OUT)/$(notdir $(1)).elf: $(call guest_objs,$(1)) $(KIT_OBJS) $(KIT)/kit.lds
	$$(CC) $(KIT_LDFLAGS) -o $$@ $(call guest_objs,$(1)) $(KIT_OBJS)
endef
$(foreach d,$(GUEST_DIRS),$(eval $(call GUEST_RULE,$(d))))

-include $(shell find $(KIT_OUT)/obj -name '*.d' 2>/dev/null)
