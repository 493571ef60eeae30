/* SPDX-License-Identifier: MIT */
/*
 * All registers of a vcpu at once: image.h. Places and sizes of what comes
 * behind XMM are asked for by CPUID leaf 0xd.
 */
#include "image.h"

#include <kit/string.h>
#include <kit/trap.h>

#define CR4_OSXSAVE (1UL << 18)
#define C1_XSAVE    (1U << 26)

/* Intel SDM vol. 1, "FXSAVE Area" and "XSAVE Header". */
#define FCW       0
#define FTW       4
#define MXCSR     24
#define ST(n)     (32 + 16 * (n))
#define ST_BYTES  10
#define XMM(n)    (160 + 16 * (n))
#define XSTATE_BV 512
#define EXTENDED  576

/* Bound registers have values that cannot be loaded. */
#define NO_PATTERN 0x18UL

uint64_t components;
unsigned int image_size;
static struct leaf part[64];

struct leaf policy_cpuid(uint32_t leaf, uint32_t sub)
{
    struct leaf l;

    asm volatile("ud2; .ascii \"xen\"; cpuid"
                 : "=a"(l.a), "=b"(l.b), "=c"(l.c), "=d"(l.d)
                 : "0"(leaf), "2"(sub));
    return l;
}

uint64_t xcr0_read(void)
{
    uint32_t lo, hi;

    asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo | (uint64_t)hi << 32;
}

bool xcr0_write(uint64_t value)
{
    unsigned int before = trap_last()->count;

    asm volatile("1: xsetbv\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0)
                 : "memory");
    return trap_last()->count == before;
}

void image_find_components(void)
{
    struct leaf l = policy_cpuid(0xd, 0);

    if (!(policy_cpuid(1, 0).c & C1_XSAVE))
        return;
    components = (l.a | (uint64_t)l.d << 32) & ~NO_PATTERN;
    image_size = EXTENDED;
    for (unsigned int n = 2; n < 64; n++) {
        if (!(components & 1UL << n))
            continue;
        part[n] = policy_cpuid(0xd, n);
        if (part[n].a + part[n].b > image_size)
            image_size = part[n].a + part[n].b;
    }
    if (image_size > sizeof(struct image))
        panic("an image of %u bytes", image_size);
}

void image_enable_components(void)
{
    uint64_t cr4;

    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    xcr0_write(components);
}

static void fill(uint8_t *at, unsigned int len, unsigned int who,
                 unsigned int n)
{
    for (unsigned int i = 0; i < len; i++)
        at[i] = (uint8_t)(0x1b * (who + 1) + 0x47 * n + i);
}

void image_reset(struct image *i)
{
    uint16_t control = 0x37f;
    uint32_t mxcsr = 0x1f80;

    memset(i, 0, sizeof(*i));
    memcpy(i->byte + FCW, &control, 2);
    memcpy(i->byte + MXCSR, &mxcsr, 4);
}

void image_fill(struct image *i, unsigned int who)
{
    uint16_t control = (uint16_t)(0x07f | (who & 3) << 10); /* rounding */
    uint32_t mxcsr = 0x1f80 | (who & 3) << 13;

    memset(i, 0, sizeof(*i));
    memcpy(i->byte + FCW, &control, 2);
    i->byte[FTW] = 0xff; /* all are in use */
    memcpy(i->byte + MXCSR, &mxcsr, 4);
    for (unsigned int n = 0; n < 8; n++)
        fill(i->byte + ST(n), ST_BYTES, who, n);
    for (unsigned int n = 0; n < 16; n++)
        fill(i->byte + XMM(n), 16, who, 16 + n);
    for (unsigned int n = 2; n < 64; n++)
        if (components & 1UL << n)
            fill(i->byte + part[n].b, part[n].a, who, 32 + n);
    memcpy(i->byte + XSTATE_BV, &components, 8);
}

void image_load(const struct image *i)
{
    asm volatile("xrstor64 (%0)" : : "r"(i->byte), "a"(-1), "d"(-1) : "memory");
}

void image_save(struct image *i)
{
    memset(i->byte + XSTATE_BV, 0, EXTENDED - XSTATE_BV);
    asm volatile("xsave64 (%0)" : : "r"(i->byte), "a"(-1), "d"(-1) : "memory");
}

static bool differ(const struct image *a, const struct image *b,
                   unsigned int at, unsigned int len)
{
    return memcmp(a->byte + at, b->byte + at, len) != 0;
}

const char *image_difference(const struct image *a, const struct image *b)
{
    if (differ(a, b, FCW, 2))
        return "x87 control";
    if (differ(a, b, FTW, 1))
        return "x87 tags";
    for (unsigned int n = 0; n < 8; n++)
        if (differ(a, b, ST(n), ST_BYTES))
            return "x87 registers";
    if (differ(a, b, MXCSR, 4))
        return "MXCSR";
    if (differ(a, b, XMM(0), 16 * 16))
        return "XMM";
    for (unsigned int n = 2; n < 64; n++)
        if ((components & 1UL << n) && differ(a, b, part[n].b, part[n].a))
            return n == 2 ? "upper halves of YMM" : "AVX-512 or later";
    return NULL;
}
