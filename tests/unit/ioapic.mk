# SPDX-License-Identifier: MIT
# The registers are a model's: see x86_model.h.
ioapic_SRCS := hypervisor/arch/x86/ioapic.c
ioapic_CFLAGS := -include tests/unit/hostarch/include/x86_model.h
