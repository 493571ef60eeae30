/* SPDX-License-Identifier: MIT */
/*
 * The few types and compiler words that every file of the kit uses.
 */
#ifndef KIT_TYPES_H
#define KIT_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE_ALIGNED \
    __attribute__((aligned(4096), section(".bss.page_aligned")))
#define NORETURN          __attribute__((noreturn))
#define NOINLINE          __attribute__((noinline))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* The address as the number that a hypercall register carries. */
static inline uint64_t addr(const volatile void *p)
{
    return (uint64_t)(uintptr_t)p;
}

/* A guest handle is one pointer, whatever type its header wraps it in. */
#define HANDLE_SET(handle, pointer)                                \
    do {                                                           \
        _Static_assert(sizeof(handle) == 8, "not a guest handle"); \
        *(uint64_t *)(void *)&(handle) = addr(pointer);            \
    } while (0)

static inline void barrier(void)
{
    asm volatile("" ::: "memory");
}

static inline void cpu_relax(void)
{
    asm volatile("pause" ::: "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return ((uint64_t)hi << 32) | lo;
}

#endif
