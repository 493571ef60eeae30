/* SPDX-License-Identifier: MIT */
/*
 * Single words of the current guest's memory, inline: for the paths where a
 * call of copy_from_guest_va() is most of the cost. The range was checked
 * with guest_words_ok() and begins outside_hv_slots(); each word is read once.
 */
#ifndef ASM_GUEST_WORD_H
#define ASM_GUEST_WORD_H

#include <asm/asm.h>
#include <asm/config.h>
#include <hv/guest_access.h>

/* guest_range_ok() of a length below 2^40, which no address below
 * HV_VIRT_END can carry beyond the end. */
static inline bool guest_words_ok(guest_va_t va, uint64_t len)
{
    return va >= HV_VIRT_END ? va + len >= va : va + len <= GUEST_LOW_END;
}

/* The word at va. False: a fault, nothing is set. */
static inline MUST_CHECK bool guest_read_word(guest_va_t va, uint64_t *word)
{
    uint64_t w;

    __asm__ goto volatile("1: mov (%1), %0\n" EX_TABLE("1b", "%l2")
                          : "=&r"(w)
                          : "r"(va)
                          : "memory"
                          : fault);
    *word = w;
    return true;
fault:
    return false;
}

/* Two words at va. False: a fault, nothing is set. */
static inline MUST_CHECK bool guest_read_pair(guest_va_t va, uint64_t *first,
                                              uint64_t *second)
{
    uint64_t a, b;

    __asm__ goto volatile("1: mov (%2), %0\n"
                          "2: mov 8(%2), %1\n" EX_TABLE("1b", "%l3")
                              EX_TABLE("2b", "%l3")
                          : "=&r"(a), "=&r"(b)
                          : "r"(va)
                          : "memory"
                          : fault);
    *first = a;
    *second = b;
    return true;
fault:
    return false;
}

#endif
