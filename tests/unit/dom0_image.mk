# SPDX-License-Identifier: MIT
dom0_image_SRCS := hypervisor/lib/elf.c \
	hypervisor/arch/x86/pv/dom0_kernel.c \
	hypervisor/arch/x86/pv/dom0_layout.c
