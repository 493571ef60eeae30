/* SPDX-License-Identifier: MIT */
/*
 * Copies between the hypervisor and the memory of the current guest, through
 * its own page tables (the kernel-mode L4 is live during a hypercall). Every
 * address is checked to lie outside the hypervisor's slots; faults are caught.
 * All return 0 or -EFAULT. Read once, into a local; check the local.
 */
#ifndef HV_GUEST_ACCESS_H
#define HV_GUEST_ACCESS_H

#include <hv/errno.h>
#include <hv/types.h>

#include <asm/guest_store.h>

/* A guest virtual address, never dereferenced directly. */
typedef uint64_t guest_va_t;

bool guest_range_ok(guest_va_t va, uint64_t len);
int copy_from_guest_any(void *dst, guest_va_t src, size_t n) MUST_CHECK;
int copy_to_guest_any(guest_va_t dst, const void *src, size_t n) MUST_CHECK;
int clear_guest_va(guest_va_t dst, size_t n) MUST_CHECK;

/* A small struct, word by word from the lowest. */
#define GUEST_LOAD_PART(type, i)                                  \
    do {                                                          \
        if (n >= (i) + sizeof(type)) {                            \
            type w_;                                              \
            guest_load(w_, src + (i), fault);                     \
            __builtin_memcpy((char *)dst + (i), &w_, sizeof(w_)); \
        }                                                         \
    } while (0)
#define GUEST_STORE_PART(type, store, i)                                \
    do {                                                                \
        if (n >= (i) + sizeof(type)) {                                  \
            type w_;                                                    \
            __builtin_memcpy(&w_, (const char *)src + (i), sizeof(w_)); \
            store(dst + (i), w_, fault);                                \
        }                                                               \
    } while (0)

static ALWAYS_INLINE MUST_CHECK int copy_from_guest_va(void *dst,
                                                       guest_va_t src, size_t n)
{
    if (!__builtin_constant_p(n) || n > GUEST_INLINE_MAX || n % 4)
        return copy_from_guest_any(dst, src, n);
    if (in_hv_slots(src))
        goto fault;
    src = outside_hv_slots(src);
    GUEST_LOAD_PART(uint64_t, 0);
    GUEST_LOAD_PART(uint64_t, 8);
    GUEST_LOAD_PART(uint64_t, 16);
    GUEST_LOAD_PART(uint64_t, 24);
    GUEST_LOAD_PART(uint64_t, 32);
    GUEST_LOAD_PART(uint64_t, 40);
    if (n % 8)
        GUEST_LOAD_PART(uint32_t, n / 8 * 8);
    return 0;
fault:
    return -EFAULT;
}

static ALWAYS_INLINE MUST_CHECK int copy_to_guest_va(guest_va_t dst,
                                                     const void *src, size_t n)
{
    if (!__builtin_constant_p(n) || n > GUEST_INLINE_MAX || (n % 4 && n != 2))
        return copy_to_guest_any(dst, src, n);
    if (in_hv_slots(dst))
        goto fault;
    dst = outside_hv_slots(dst);
    if (n == 2) /* a status */
        GUEST_STORE_PART(uint16_t, guest_store16, 0);
    GUEST_STORE_PART(uint64_t, guest_store, 0);
    GUEST_STORE_PART(uint64_t, guest_store, 8);
    GUEST_STORE_PART(uint64_t, guest_store, 16);
    GUEST_STORE_PART(uint64_t, guest_store, 24);
    GUEST_STORE_PART(uint64_t, guest_store, 32);
    GUEST_STORE_PART(uint64_t, guest_store, 40);
    if (n % 8 == 4)
        GUEST_STORE_PART(uint32_t, guest_store32, n / 8 * 8);
    return 0;
fault:
    return -EFAULT;
}

/* The same with the ABI's typed handles (struct { T *p; }). */
#define handle_va(h)      ((guest_va_t)(uintptr_t)(h).p)
#define handle_is_null(h) ((h).p == NULL)
#define copy_from_handle(dst, h) \
    copy_from_guest_va((dst), handle_va(h), sizeof(*(dst)))
#define copy_to_handle(h, src) \
    copy_to_guest_va(handle_va(h), (src), sizeof(*(src)))
/* Element i of an array; the index must already be bounded so that the sum
 * does not wrap: guest_range_ok() refuses what does. */
#define copy_from_handle_at(dst, h, i)                                       \
    copy_from_guest_va((dst), handle_va(h) + (uint64_t)(i) * sizeof(*(dst)), \
                       sizeof(*(dst)))
#define copy_to_handle_at(h, i, src)                                       \
    copy_to_guest_va(handle_va(h) + (uint64_t)(i) * sizeof(*(src)), (src), \
                     sizeof(*(src)))

#endif
