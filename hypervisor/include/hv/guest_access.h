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

/* A guest virtual address, never dereferenced directly. */
typedef uint64_t guest_va_t;

bool guest_range_ok(guest_va_t va, uint64_t len);
int copy_from_guest_va(void *dst, guest_va_t src, size_t n) MUST_CHECK;
int copy_to_guest_va(guest_va_t dst, const void *src, size_t n) MUST_CHECK;
int clear_guest_va(guest_va_t dst, size_t n) MUST_CHECK;

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
