# SPDX-License-Identifier: MIT
# asm/x86.h is the model's, for its mul_div(): see x86_model.h.
tsc_follow_SRCS := hypervisor/arch/x86/tsc_follow.c
tsc_follow_CFLAGS := -include tests/unit/hostarch/include/x86_model.h \
	-Ihypervisor/arch/x86
