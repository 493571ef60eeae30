# SPDX-License-Identifier: MIT
lib_printf_SRCS := hypervisor/lib/printf.c hypervisor/lib/string.c
lib_printf_SRC_CFLAGS := -ffreestanding -include tests/unit/lib_renamed.h
