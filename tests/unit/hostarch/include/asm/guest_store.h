/* SPDX-License-Identifier: MIT */
/* The host's stand-in for asm/guest_store.h, on the host's guest memory. */
#ifndef ASM_GUEST_STORE_H
#define ASM_GUEST_STORE_H

#include <asm/config.h>
#include <hv/guest_access.h>

static inline bool in_hv_slots(uint64_t va)
{
    return va >> HV_VIRT_SHIFT == HV_VIRT_TAG;
}

#define guest_store(va, off, value, label)                             \
    do {                                                               \
        uint64_t value_ = (value);                                     \
                                                                       \
        if (copy_to_guest_va((va) + (uint64_t)(off), &value_, 8) != 0) \
            goto label;                                                \
    } while (0)

#endif
