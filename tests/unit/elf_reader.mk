# SPDX-License-Identifier: MIT
elf_reader_SRCS := hypervisor/lib/elf.c
