# SPDX-License-Identifier: MIT
boot_map_SRCS := $(addprefix hypervisor/arch/x86/boot/,e820.c multiboot.c)
