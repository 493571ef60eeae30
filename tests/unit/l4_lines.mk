# SPDX-License-Identifier: MIT
l4_lines_SRCS := hypervisor/arch/x86/pv/l4_lines.c
