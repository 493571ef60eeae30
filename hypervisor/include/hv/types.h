/* SPDX-License-Identifier: MIT */
/*
 * Basic types. A frame number is never a plain integer: mfn_t is a machine
 * frame, gfn_t a frame as a guest names it (for PV the same number space as
 * mfn, or a pfn where the ABI says so). Open one with mfn_x() only where
 * hardware or the ABI wants the number.
 */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t; /* machine address in bytes */
typedef long ssize_t;

typedef struct {
    uint64_t n;
} mfn_t;

#define INVALID_MFN ((mfn_t){~0ULL})

static inline mfn_t mfn(uint64_t n)
{
    return (mfn_t){n};
}

static inline uint64_t mfn_x(mfn_t m)
{
    return m.n;
}

static inline mfn_t mfn_add(mfn_t m, uint64_t n)
{
    return (mfn_t){m.n + n};
}

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.n == b.n;
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

static inline paddr_t mfn_to_maddr(mfn_t m)
{
    return m.n << PAGE_SHIFT;
}

static inline mfn_t maddr_to_mfn(paddr_t a)
{
    return (mfn_t){a >> PAGE_SHIFT};
}

#define ARRAY_SIZE(a)      (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ROUND_UP(n, a)     (((n) + (a)-1) & ~((a)-1))
#define ROUND_DOWN(n, a)   ((n) & ~((a)-1))
#define container_of(p, type, member) \
    ((type *)((char *)(p)-offsetof(type, member)))

#define min_t(type, a, b)        \
    ({                           \
        type a_ = (a), b_ = (b); \
        a_ < b_ ? a_ : b_;       \
    })
#define max_t(type, a, b)        \
    ({                           \
        type a_ = (a), b_ = (b); \
        a_ > b_ ? a_ : b_;       \
    })

#define MUST_CHECK       __attribute__((warn_unused_result))
#define NORETURN         __attribute__((noreturn))
#define PACKED           __attribute__((packed))
#define ALIGNED(n)       __attribute__((aligned(n)))
#define NOINLINE         __attribute__((noinline))
#define ALWAYS_INLINE    inline __attribute__((always_inline))
#define likely(x)        __builtin_expect(!!(x), 1)
#define unlikely(x)      __builtin_expect(!!(x), 0)
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()        __asm__ volatile("" ::: "memory")
/* Boot-only code and data: freed once the control domain runs. */
#define __init      __attribute__((section(".init.text"), cold))
#define __initdata  __attribute__((section(".init.data")))
#define __initconst __attribute__((section(".init.rodata")))
/* Written during boot only, read-only afterwards. */
#define __ro_after_init __attribute__((section(".data.ro_after_init")))

#endif
