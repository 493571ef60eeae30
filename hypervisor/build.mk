# SPDX-License-Identifier: MIT
# The hypervisor image, in two kinds built side by side from the same sources:
# build/trellis.elf and, with assertions, build/debug/trellis.elf. Sources are
# found by wildcard; adding a file needs no change here.

HV_ARCH := hypervisor/arch/x86
HV_SRCS := $(wildcard $(addsuffix /*.c, hypervisor hypervisor/lib \
	hypervisor/core hypervisor/hypercall hypervisor/drivers $(HV_ARCH) \
	$(HV_ARCH)/boot $(HV_ARCH)/pv) \
	$(addsuffix /*.S, $(HV_ARCH) $(HV_ARCH)/boot $(HV_ARCH)/pv))
HV_SRCS := $(filter-out %/asm-offsets.c %.lds.S, $(HV_SRCS))
HV_LDS := $(HV_ARCH)/boot/trellis.lds.S
HV_SYMBOLS := hypervisor/symbols.awk
HV_THUNKS := hypervisor/thunk_sites.awk

# Boot-only decoders of Debian's -dev packages; the linker script puts them
# into the part of the image that is freed after boot.
HV_BOOT_LIBS = $(foreach l, lzma zstd lz4 z, \
	$(shell $(CC) -print-file-name=lib$(l).a))

HV_BASE_CFLAGS := $(filter-out -DTRELLIS_DEBUG%, $(HV_CFLAGS)) \
	-I$(HV_ARCH)/include -include hypervisor/include/hv/visibility.h
HV_BASE_AFLAGS := $(filter-out -DTRELLIS_DEBUG%, $(HV_AFLAGS)) \
	-I$(HV_ARCH)/include
HV_LINK := $(CC) $(HV_LDFLAGS) -Wl,--gc-sections -Wl,--no-relax -Wl,--no-warn-rwx-segments

# Debian's decoders use SSE: they are called with the stack that the System V
# ABI promises them, whatever the caller's is.
CFLAGS_dom0_unpack := -mpreferred-stack-boundary=4 -mincoming-stack-boundary=3

TRELLIS_VERSION ?= 0.1
HV_BASE_CFLAGS += -DTRELLIS_VERSION='"$(TRELLIS_VERSION)"'

# It calls the decoders, whose vector registers want the stack aligned to 16;
# who calls it aligns to 8 only.
CFLAGS_dom0_unpack := -mpreferred-stack-boundary=4 -mincoming-stack-boundary=3

# V=1 shows every command.
V ?= 0
HV_SAY = $(if $(filter 1,$(V)),,@echo "  $(1)  $(2)";)

# One kind: $(1) output folder, $(2) extra flags, $(3) extra sources.
# Linked twice: the first link gives the addresses of all functions and of all
# indirect branches, the second adds them as tables, for backtraces and for the choice of the branches' form.
# The tables lie behind all code, so nothing moves.
define hv_kind
$(1)_OBJS := $(patsubst %,$(1)/obj/%.o,$(basename $(HV_SRCS) $(3)))
$(1)_GEN := $(1)/gen/asm_offsets.h

$(1)/gen/asm_offsets.h: $(HV_ARCH)/asm-offsets.c
	@mkdir -p $$(@D)
	$$(call HV_SAY,GEN,$$@)$$(CC) $$(HV_BASE_CFLAGS) $(2) \
		-MMD -MP -MT $$@ -MF $$@.d -S -o $$@.s $$<
	@sed -n 's/^.*@@\([A-Z0-9_a-z]*\) \$$$$*\([-0-9]*\).*@@.*$$$$/#define \1 \2/p' \
		$$@.s > $$@.tmp
	@mv $$@.tmp $$@

$(1)/obj/%.o: %.c $(HV_ARCH)/asm-offsets.c Config.mk | $(1)/gen/asm_offsets.h
	@mkdir -p $$(@D)
	$$(call HV_SAY,CC ,$$@)$$(CC) $$(HV_BASE_CFLAGS) $(2) -I$(1)/gen \
		$$(CFLAGS_$$(notdir $$*)) \
		-MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<

$(1)/obj/%.o: %.S | $(1)/gen/asm_offsets.h
	@mkdir -p $$(@D)
	$$(call HV_SAY,AS ,$$@)$$(CC) $$(HV_BASE_AFLAGS) $(2) -I$(1)/gen -MMD -MP -MF $$(@:.o=.d) \
		-c -o $$@ $$<

$(1)/gen/trellis.lds: $(HV_LDS)
	@mkdir -p $$(@D)
	$$(call HV_SAY,GEN,$$@)$$(CC) -E -P -x assembler-with-cpp $$(HV_BASE_AFLAGS) $(2) -MMD -MP \
		-MT $$@ -MF $$@.d -o $$@ $$<

$(1)/gen/symbols0.S: $(HV_SYMBOLS)
	@mkdir -p $$(@D)
	@awk -f $(HV_SYMBOLS) < /dev/null > $$@

$(1)/gen/symbols1.S: $(1)/gen/trellis0.elf $(HV_SYMBOLS)
	@$$(NM) -n $$< | awk -f $(HV_SYMBOLS) > $$@

$(1)/gen/thunk_sites0.S: $(HV_THUNKS)
	@mkdir -p $$(@D)
	@awk -f $(HV_THUNKS) < /dev/null > $$@

$(1)/gen/thunk_sites1.S: $(1)/gen/trellis0.elf $(HV_THUNKS)
	@readelf -rW $$< | awk -f $(HV_THUNKS) \
		-v start=$$$$($(NM) $$< | sed -n 's/^........\(........\) . image_start$$$$/\1/p') > $$@

$(1)/gen/symbols%.o: $(1)/gen/symbols%.S
	$$(call HV_SAY,AS ,$$@)$$(CC) -m64 -c -o $$@ $$<

$(1)/gen/thunk_sites%.o: $(1)/gen/thunk_sites%.S
	$$(call HV_SAY,AS ,$$@)$$(CC) -m64 -c -o $$@ $$<

$(1)/gen/trellis0.elf: $$($(1)_OBJS) $(1)/gen/symbols0.o \
		$(1)/gen/thunk_sites0.o $(1)/gen/trellis.lds
	$$(call HV_SAY,LD ,$$@)$$(HV_LINK) -Wl,--emit-relocs -Wl,-T,$(1)/gen/trellis.lds \
		-o $$@ $$($(1)_OBJS) \
		$(1)/gen/symbols0.o $(1)/gen/thunk_sites0.o -Wl,--start-group $$(HV_BOOT_LIBS) \
		-Wl,--end-group

$(1)/trellis.elf: $(1)/gen/trellis0.elf $(1)/gen/symbols1.o $(1)/gen/thunk_sites1.o
	$$(call HV_SAY,LD ,$$@)$$(HV_LINK) -Wl,-T,$(1)/gen/trellis.lds -o $$@ $$($(1)_OBJS) \
		$(1)/gen/symbols1.o $(1)/gen/thunk_sites1.o -Wl,--start-group $$(HV_BOOT_LIBS) \
		-Wl,--end-group

-include $$($(1)_OBJS:.o=.d) $(1)/gen/asm_offsets.h.d $(1)/gen/trellis.lds.d
endef

$(eval $(call hv_kind,build,))
$(eval $(call hv_kind,build/debug,-DTRELLIS_DEBUG=1))

# Every undefined operation is a bug with its place: build/ubsan/trellis.elf.
# Alignment is left out: tables of firmware and guests' pointers have none.
HV_UBSAN_CFLAGS := -DTRELLIS_DEBUG=1 -fsanitize=undefined \
	-fno-sanitize=alignment,object-size,return -Wno-conversion
CFLAGS_ubsan := -fno-sanitize=all
$(eval $(call hv_kind,build/ubsan,$(HV_UBSAN_CFLAGS),hypervisor/ubsan/ubsan.c))

# UBSAN=1: this one too.
UBSAN ?= 0
hypervisor: $(if $(filter 1,$(UBSAN)),build/ubsan/trellis.elf)

# With profiles of all locks (docs/observability.md).
$(eval $(call hv_kind,build/lockprof,-DTRELLIS_LOCKPROF=1))

.PHONY: lockprof
lockprof: build/lockprof/trellis.elf ## Build the hypervisor with lock profiles

hypervisor: build/trellis.elf build/debug/trellis.elf ## Build the hypervisor, release and debug

# For `make coverage`: each line keeps instructions of its own.
$(eval $(call hv_kind,build/cover,-DTRELLIS_DEBUG=1 -O0))
