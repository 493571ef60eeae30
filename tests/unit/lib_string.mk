# SPDX-License-Identifier: MIT
lib_string_SRCS := hypervisor/lib/string.c hypervisor/lib/strtoull.c
lib_string_SRC_CFLAGS := -ffreestanding -include tests/unit/lib_renamed.h
