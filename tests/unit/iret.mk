# SPDX-License-Identifier: MIT
iret_SRCS := hypervisor/arch/x86/pv/iret.c
