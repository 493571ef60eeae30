/* SPDX-License-Identifier: MIT */
/* The host's stand-in for asm/guest_word.h: its guest's faults are made up. */
#ifndef ASM_GUEST_WORD_H
#define ASM_GUEST_WORD_H

#include <hv/guest_access.h>

static inline bool guest_words_ok(guest_va_t va, uint64_t len)
{
    return guest_range_ok(va, len);
}

static inline MUST_CHECK bool guest_read_word(guest_va_t va, uint64_t *word)
{
    return !copy_from_guest_va(word, va, sizeof(*word));
}

static inline MUST_CHECK bool guest_read_pair(guest_va_t va, uint64_t *first,
                                              uint64_t *second)
{
    uint64_t words[2];

    if (copy_from_guest_va(words, va, sizeof(words)))
        return false;
    *first = words[0];
    *second = words[1];
    return true;
}

#endif
