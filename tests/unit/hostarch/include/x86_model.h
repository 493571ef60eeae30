/* SPDX-License-Identifier: MIT */
/*
 * Stands in for asm/x86.h: ports, CPUID, and the time stamp counter are
 * functions of the test too, as model-specific registers are (asm/msr.h).
 * Included before all else: see tests/unit/apic.mk.
 */
#ifndef X86_MODEL_H
#define X86_MODEL_H

#define HOSTARCH_ASM_X86_H
#define ASM_X86_H

#include <asm/irqflags.h>
#include <asm/msr.h>
#include <hv/types.h>

struct cpuid_leaf {
    uint32_t a, b, c, d;
};

struct cpuid_leaf cpuid(uint32_t leaf);
void outb(uint8_t v, uint16_t port);
uint8_t inb(uint16_t port);
uint32_t inl(uint16_t port);
uint64_t rdtsc_ordered(void);
uint32_t mmio_read32(const volatile uint32_t *reg);
void mmio_write32(volatile uint32_t *reg, uint32_t value);

static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#define smp_mb() __sync_synchronize()

#endif
