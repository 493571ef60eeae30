# SPDX-License-Identifier: MIT
iret_SRCS := hypervisor/arch/x86/pv/iret.c \
	hypervisor/arch/x86/pv/entry_state.c
