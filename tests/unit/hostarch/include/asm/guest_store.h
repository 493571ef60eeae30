/* SPDX-License-Identifier: MIT */
/* The host's stand-in for asm/guest_store.h, on the host's guest memory. */
#ifndef ASM_GUEST_STORE_H
#define ASM_GUEST_STORE_H

#include <asm/config.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int copy_from_guest_any(void *dst, uint64_t src, size_t n);
int copy_to_guest_any(uint64_t dst, const void *src, size_t n);

static inline bool in_hv_slots(uint64_t va)
{
    return va >> HV_VIRT_SHIFT == HV_VIRT_TAG;
}

static inline uint64_t outside_hv_slots(uint64_t va)
{
    return in_hv_slots(va) ? 0 : va;
}

#define host_guest_store(type, va, value, label)                   \
    do {                                                           \
        type value_ = (type)(value);                               \
                                                                   \
        if (copy_to_guest_any((va), &value_, sizeof(value_)) != 0) \
            goto label;                                            \
    } while (0)
#define guest_store(va, value, label) \
    host_guest_store(uint64_t, va, value, label)
#define guest_store32(va, value, label) \
    host_guest_store(uint32_t, va, value, label)
#define guest_store16(va, value, label) \
    host_guest_store(uint16_t, va, value, label)
#define guest_load(value, va, label)                                 \
    do {                                                             \
        if (copy_from_guest_any(&(value), (va), sizeof(value)) != 0) \
            goto label;                                              \
    } while (0)

/* None in line: a read of several words is one read. */
#define GUEST_INLINE_MAX 0

#endif
