/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables of a physical CPU: its page of reserved GDT entries (which
 * every vcpu's window shows while it runs there), its TSS, and the GDT it
 * uses while idle. Intel SDM vol. 3, "Task Management in 64-bit Mode".
 */
#ifndef ASM_DESC_H
#define ASM_DESC_H

#include <asm/config.h>
#include <hv/percpu.h>
#include <hv/types.h>

struct tss64 {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* IST n is ist[n - 1] */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap; /* beyond the limit: no port is open to ring 3 */
} PACKED;
_Static_assert(sizeof(struct tss64) == 104, "SDM: 64-bit TSS");

struct desc_ptr {
    uint16_t limit;
    uint64_t base;
} PACKED;

/* Limit of any GDT in use: guest entries and the reserved page. */
#define GDT_LIMIT (GDT_RESERVED_BYTE + 0xfff)

/* The frame of cpu's reserved GDT entries. */
mfn_t percpu_gdt_page(unsigned int cpu);
/* The GDT for when no guest is loaded: only the reserved entries exist. */
void load_idle_gdt(void);
/* The page of cpu; -ENOMEM. */
int desc_alloc(unsigned int cpu) MUST_CHECK;
/* This CPU: reserved page, TSS, segment registers, task register. */
void desc_cpu_init(unsigned int cpu);

static inline void load_gdt(unsigned long base)
{
    struct desc_ptr p = {GDT_LIMIT, base};

    __asm__ volatile("lgdt %0" ::"m"(p));
}

static inline void load_idt(const void *base, uint16_t limit)
{
    struct desc_ptr p = {limit, (uintptr_t)base};

    __asm__ volatile("lidt %0" ::"m"(p));
}

static inline void load_ldt(uint16_t sel)
{
    __asm__ volatile("lldt %0" ::"r"(sel) : "memory");
}

#endif
