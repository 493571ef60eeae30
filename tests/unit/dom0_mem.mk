# SPDX-License-Identifier: MIT
dom0_mem_SRCS := hypervisor/arch/x86/pv/dom0_mem.c hypervisor/core/cmdline.c
dom0_mem_LIBS := -Wl,-T,tests/unit/params.lds
