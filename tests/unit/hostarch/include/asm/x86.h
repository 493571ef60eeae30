/* SPDX-License-Identifier: MIT */
/*
 * The real asm/x86.h, save for the instructions that a host program may not
 * execute: control and debug registers are variables here, caches and ports
 * are nothing.
 */
#ifndef HOSTARCH_ASM_X86_H
#define HOSTARCH_ASM_X86_H

#define read_cr0  real_read_cr0
#define write_cr0 real_write_cr0
#define read_cr2  real_read_cr2
#define write_cr2 real_write_cr2
#define read_cr3  real_read_cr3
#define write_cr3 real_write_cr3
#define read_cr4  real_read_cr4
#define write_cr4 real_write_cr4
#define read_dr0  real_read_dr0
#define write_dr0 real_write_dr0
#define read_dr1  real_read_dr1
#define write_dr1 real_write_dr1
#define read_dr2  real_read_dr2
#define write_dr2 real_write_dr2
#define read_dr3  real_read_dr3
#define write_dr3 real_write_dr3
#define read_dr6  real_read_dr6
#define write_dr6 real_write_dr6
#define read_dr7  real_read_dr7
#define write_dr7 real_write_dr7
#define inb       real_inb
#define inw       real_inw
#define inl       real_inl
#define outb      real_outb
#define outw      real_outw
#define outl      real_outl
#define invlpg    real_invlpg
#define wbinvd    real_wbinvd
#define clts      real_clts
#define stts      real_stts
#include_next <asm/x86.h>
#undef read_cr0
#undef write_cr0
#undef read_cr2
#undef write_cr2
#undef read_cr3
#undef write_cr3
#undef read_cr4
#undef write_cr4
#undef read_dr0
#undef write_dr0
#undef read_dr1
#undef write_dr1
#undef read_dr2
#undef write_dr2
#undef read_dr3
#undef write_dr3
#undef read_dr6
#undef write_dr6
#undef read_dr7
#undef write_dr7
#undef inb
#undef inw
#undef inl
#undef outb
#undef outw
#undef outl
#undef invlpg
#undef wbinvd
#undef clts
#undef stts

/* ---- registers of the machine that the test plays: x86.c ---- */
extern uint64_t host_cr[5], host_dr[8];

#define HOST_REGISTER(kind, n)                         \
    static inline uint64_t read_##kind##n(void)        \
    {                                                  \
        return host_##kind[n];                         \
    }                                                  \
    static inline void write_##kind##n(uint64_t value) \
    {                                                  \
        host_##kind[n] = value;                        \
    }
HOST_REGISTER(cr, 0)
HOST_REGISTER(cr, 2)
HOST_REGISTER(cr, 3)
HOST_REGISTER(cr, 4)
HOST_REGISTER(dr, 0)
HOST_REGISTER(dr, 1)
HOST_REGISTER(dr, 2)
HOST_REGISTER(dr, 3)
HOST_REGISTER(dr, 6)
HOST_REGISTER(dr, 7)
#undef HOST_REGISTER

/* No port has a device behind it. */
static inline uint8_t inb(uint16_t port)
{
    (void)port;
    return 0xff;
}

static inline uint16_t inw(uint16_t port)
{
    (void)port;
    return 0xffff;
}

static inline uint32_t inl(uint16_t port)
{
    (void)port;
    return 0xffffffff;
}

static inline void outb(uint8_t v, uint16_t port)
{
    (void)v;
    (void)port;
}

static inline void outw(uint16_t v, uint16_t port)
{
    (void)v;
    (void)port;
}

static inline void outl(uint32_t v, uint16_t port)
{
    (void)v;
    (void)port;
}

static inline void invlpg(unsigned long va)
{
    (void)va;
}

static inline void wbinvd(void)
{
}

static inline void clts(void)
{
    host_cr[0] &= ~CR0_TS;
}

static inline void stts(void)
{
    host_cr[0] |= CR0_TS;
}

#endif
