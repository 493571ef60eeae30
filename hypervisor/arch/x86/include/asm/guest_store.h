/* SPDX-License-Identifier: MIT */
/*
 * Single words stored to the current guest's memory, for frames on its stack:
 * no call, no copy of the range check. hv/guest_access.h is for all else.
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

/* 64 bits to va + off (a constant); goes to label if that faults. The caller
 * has made sure that the place is not in the hypervisor's slots. */
#define guest_store(va, off, value, label)                                \
    __asm__ goto("1: movq %0, %c2(%1)\n" EX_TABLE("1b", "%l[" #label "]") \
                 :                                                        \
                 : "er"((uint64_t)(value)), "r"(va), "i"(off)             \
                 : "memory"                                               \
                 : label)

#endif
