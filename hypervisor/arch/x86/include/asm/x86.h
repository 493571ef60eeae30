/* SPDX-License-Identifier: MIT */
/*
 * Control registers, flags, CPUID, ports and single instructions. Names as in
 * the Intel SDM vol. 3, "System Architecture Overview". Nothing here has
 * policy.
 */
#ifndef ASM_X86_H
#define ASM_X86_H

#include <asm/irqflags.h>

#define CR0_PE (1UL << 0)
#define CR0_MP (1UL << 1)
#define CR0_EM (1UL << 2)
#define CR0_TS (1UL << 3)
#define CR0_ET (1UL << 4)
#define CR0_NE (1UL << 5)
#define CR0_WP (1UL << 16)
#define CR0_AM (1UL << 18)
#define CR0_NW (1UL << 29)
#define CR0_CD (1UL << 30)
#define CR0_PG (1UL << 31)

#define CR4_VME        (1UL << 0)
#define CR4_PVI        (1UL << 1)
#define CR4_TSD        (1UL << 2)
#define CR4_DE         (1UL << 3)
#define CR4_PSE        (1UL << 4)
#define CR4_PAE        (1UL << 5)
#define CR4_MCE        (1UL << 6)
#define CR4_PGE        (1UL << 7)
#define CR4_PCE        (1UL << 8)
#define CR4_OSFXSR     (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_UMIP       (1UL << 11)
#define CR4_LA57       (1UL << 12)
#define CR4_VMXE       (1UL << 13)
#define CR4_FSGSBASE   (1UL << 16)
#define CR4_PCIDE      (1UL << 17)
#define CR4_OSXSAVE    (1UL << 18)
#define CR4_SMEP       (1UL << 20)
#define CR4_SMAP       (1UL << 21)
#define CR4_PKE        (1UL << 22)

#define DR6_DEFAULT 0xffff0ff0UL
#define DR7_DEFAULT 0x400UL

/* Exceptions. */
#define X86_TRAP_DE  0
#define X86_TRAP_DB  1
#define X86_TRAP_NMI 2
#define X86_TRAP_BP  3
#define X86_TRAP_OF  4
#define X86_TRAP_BR  5
#define X86_TRAP_UD  6
#define X86_TRAP_NM  7
#define X86_TRAP_DF  8
#define X86_TRAP_TS  10
#define X86_TRAP_NP  11
#define X86_TRAP_SS  12
#define X86_TRAP_GP  13
#define X86_TRAP_PF  14
#define X86_TRAP_MF  16
#define X86_TRAP_AC  17
#define X86_TRAP_MC  18
#define X86_TRAP_XM  19

/* XCR0 components. */
#define XCR0_X87    (1UL << 0)
#define XCR0_SSE    (1UL << 1)
#define XCR0_AVX    (1UL << 2)
#define XCR0_AVX512 (7UL << 5)

#ifndef __ASSEMBLY__

#include <hv/types.h>

#define DEFINE_CR(n)                                                \
    static inline uint64_t read_cr##n(void)                         \
    {                                                               \
        uint64_t v;                                                 \
                                                                    \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory"); \
        return v;                                                   \
    }                                                               \
    static inline void write_cr##n(uint64_t v)                      \
    {                                                               \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");    \
    }
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
#undef DEFINE_CR

#define DEFINE_DR(n)                                      \
    static inline uint64_t read_dr##n(void)               \
    {                                                     \
        uint64_t v;                                       \
                                                          \
        __asm__ volatile("mov %%dr" #n ", %0" : "=r"(v)); \
        return v;                                         \
    }                                                     \
    static inline void write_dr##n(uint64_t v)            \
    {                                                     \
        __asm__ volatile("mov %0, %%dr" #n ::"r"(v));     \
    }
DEFINE_DR(0)
DEFINE_DR(1)
DEFINE_DR(2)
DEFINE_DR(3)
DEFINE_DR(6)
DEFINE_DR(7)
#undef DEFINE_DR

struct cpuid_leaf {
    uint32_t a, b, c, d;
};

static inline struct cpuid_leaf cpuid_count(uint32_t leaf, uint32_t sub)
{
    struct cpuid_leaf l;

    __asm__ volatile("cpuid"
                     : "=a"(l.a), "=b"(l.b), "=c"(l.c), "=d"(l.d)
                     : "a"(leaf), "c"(sub));
    return l;
}

static inline struct cpuid_leaf cpuid(uint32_t leaf)
{
    return cpuid_count(leaf, 0);
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t v;

    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outb(uint8_t v, uint16_t port)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outw(uint16_t v, uint16_t port)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outl(uint32_t v, uint16_t port)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

/* A device's register in memory that is not cached. */
static inline uint32_t mmio_read32(const volatile uint32_t *reg)
{
    return *reg;
}

static inline void mmio_write32(volatile uint32_t *reg, uint32_t value)
{
    *reg = value;
}

/* Not ordered against other instructions. */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return lo | (uint64_t)hi << 32;
}

/* Waits for earlier loads. */
static inline uint64_t rdtsc_ordered(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return lo | (uint64_t)hi << 32;
}

static inline void invlpg(unsigned long va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void wbinvd(void)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static inline void clts(void)
{
    __asm__ volatile("clts");
}

static inline void stts(void)
{
    write_cr0(read_cr0() | CR0_TS);
}

static inline uint64_t xgetbv(uint32_t index)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(index));
    return lo | (uint64_t)hi << 32;
}

static inline void xsetbv(uint32_t index, uint64_t v)
{
    __asm__ volatile("xsetbv" ::"c"(index), "a"((uint32_t)v),
                     "d"((uint32_t)(v >> 32)));
}

/* a * b / c without losing bits in between; the quotient must fit. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t high;

    __asm__("mulq %2; divq %3"
            : "+a"(a), "=&d"(high)
            : "rm"(b), "rm"(c)
            : "cc");
    return a;
}

/* Memory barriers: x86 reorders only a store with a later load. */
#define smp_mb()  __asm__ volatile("lock addl $0, -4(%%rsp)" ::: "memory", "cc")
#define smp_rmb() barrier()
#define smp_wmb() barrier()

#endif
#endif
