/* SPDX-License-Identifier: MIT */
/*
 * Single words of the current guest's memory, in line: hv/guest_access.h uses
 * them for small sizes, the entry paths for frames on the guest's stack.
 *
 * Whoever uses them has checked with in_hv_slots() that the lowest address of
 * what he accesses is not the hypervisor's, and accesses that one first. A
 * range that begins below the slots and reaches into them begins in the hole
 * of non-canonical addresses: the first access faults.
 */
#ifndef ASM_GUEST_STORE_H
#define ASM_GUEST_STORE_H

#include <asm/asm.h>
#include <asm/config.h>

/* In the hypervisor's slots, where no guest may point. */
static inline bool in_hv_slots(uint64_t va)
{
    return va >> HV_VIRT_SHIFT == HV_VIRT_TAG;
}

/*
 * The same for speculation, which passes a check while it is still undecided,
 * and may go on to use what it read as an address: one in the hypervisor's
 * slots becomes 0, without a branch. Of a list its first address is enough: no
 * list is so long that it would lead from one side of the slots into them.
 */
static ALWAYS_INLINE uint64_t outside_hv_slots(uint64_t va)
{
    uint64_t other = va >> HV_VIRT_SHIFT ^ HV_VIRT_TAG, keep;

    __asm__("neg %1; sbb %0, %0" : "=r"(keep), "+r"(other) : : "cc");
    return va & keep;
}

/* 64, 32 or 16 bits between a variable and the guest's va; goes to label if
 * that faults. */
#define guest_store(va, value, label)                                         \
    __asm__ volatile goto("1: movq %0, %1\n" EX_TABLE("1b", "%l[" #label "]") \
                          :                                                   \
                          : "er"((uint64_t)(value)), "m"(*(uint64_t *)(va))   \
                          : "memory"                                          \
                          : label)
#define guest_store32(va, value, label)                                       \
    __asm__ volatile goto("1: movl %0, %1\n" EX_TABLE("1b", "%l[" #label "]") \
                          :                                                   \
                          : "ir"((uint32_t)(value)), "m"(*(uint32_t *)(va))   \
                          : "memory"                                          \
                          : label)
#define guest_store16(va, value, label)                                       \
    __asm__ volatile goto("1: movw %0, %1\n" EX_TABLE("1b", "%l[" #label "]") \
                          :                                                   \
                          : "ir"((uint16_t)(value)), "m"(*(uint16_t *)(va))   \
                          : "memory"                                          \
                          : label)
#define guest_load(value, va, label)                                         \
    __asm__ volatile goto("1: mov %1, %0\n" EX_TABLE("1b", "%l[" #label "]") \
                          : "=r"(value)                                      \
                          : "m"(*(const __typeof__(value) *)(va))            \
                          : "memory"                                         \
                          : label)

/* Copies of up to this many bytes, a constant, are done in line. */
#define GUEST_INLINE_MAX 48

#endif
