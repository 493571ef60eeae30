# SPDX-License-Identifier: MIT
# The knobs. Give them on make's command line: `make DEBUG=1 CC=gcc-12`.

CC := gcc
LD := ld
AR := ar
OBJCOPY := objcopy
NM := nm

# DEBUG=1: assertions, lock ranks and audits in the hypervisor; objects and
# image in build/debug, so both kinds live side by side.
DEBUG ?= 0

# WERROR= (empty) lets warnings of a compiler newer than Debian 12's pass.
WERROR ?= -Werror

ifeq ($(DEBUG),1)
HV_OUT := build/debug
HV_DEBUG_CFLAGS := -DTRELLIS_DEBUG=1
else
HV_OUT := build
HV_DEBUG_CFLAGS :=
endif

WARNINGS := -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wpointer-arith \
	-Wundef $(WERROR)

# The same source gives the same bytes wherever the tree lies.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=. -Wdate-time

# The hypervisor is linked at a fixed address beyond the reach of 32-bit
# absolute relocations: all its code and data references are RIP-relative.
# No red zone (interrupts use the stack below RSP), no FPU or SSE registers
# (they hold the guest's state); without those, 8 bytes align a stack. Indirect
# branches go through thunks, chosen at boot (hypervisor/arch/x86/patch.c).
HV_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fpie -fvisibility=hidden \
	-mcmodel=small -m64 -march=x86-64 -mno-red-zone -mgeneral-regs-only \
	-fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fno-omit-frame-pointer -mpreferred-stack-boundary=3 \
	-fno-stack-protector -fcf-protection=none \
	-fno-common -ffunction-sections -fno-delete-null-pointer-checks \
	-mindirect-branch=thunk-extern -mindirect-branch-register \
	-fno-jump-tables \
	$(WARNINGS) $(REPRODUCIBLE) $(HV_DEBUG_CFLAGS) \
	-Ihypervisor/include -Iinclude
HV_AFLAGS := -D__ASSEMBLY__ -m64 -g $(REPRODUCIBLE) $(HV_DEBUG_CFLAGS) \
	-Ihypervisor/include -Iinclude
HV_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=sha1 \
	-Wl,-z,noexecstack -Wl,-z,max-page-size=0x1000 -Wl,--fatal-warnings

# The dom0 tools: ordinary Debian programs.
TOOL_CFLAGS := -std=gnu11 -O2 -g -fstack-protector-strong \
	-fno-strict-aliasing -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-D_FORTIFY_SOURCE=2 $(WARNINGS) $(REPRODUCIBLE) -Iinclude
TOOL_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed

# Unit tests: the code under test compiled for the host. Instrumentation hides
# value ranges from -Wconversion, which the real build applies.
UNIT_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
UNIT_CFLAGS := -std=gnu11 -O1 -g -fno-omit-frame-pointer \
	-fno-strict-aliasing -D_GNU_SOURCE $(UNIT_SANITIZE) \
	$(filter-out -Wmissing-prototypes -Wconversion,$(WARNINGS)) $(REPRODUCIBLE)
