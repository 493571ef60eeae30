# SPDX-License-Identifier: MIT
spec_choose_SRCS := hypervisor/arch/x86/spec_choose.c \
	hypervisor/arch/x86/spec_options.c hypervisor/arch/x86/patch_thunk.c
