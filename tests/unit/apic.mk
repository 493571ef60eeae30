# SPDX-License-Identifier: MIT
# The processor's registers are a model's: see x86_model.h.
apic_SRCS := hypervisor/arch/x86/apic.c hypervisor/arch/x86/apic_timer.c
apic_CFLAGS := -include tests/unit/hostarch/include/x86_model.h
