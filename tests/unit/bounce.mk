# SPDX-License-Identifier: MIT
bounce_SRCS := hypervisor/arch/x86/pv/bounce.c \
	hypervisor/arch/x86/pv/entry_state.c
