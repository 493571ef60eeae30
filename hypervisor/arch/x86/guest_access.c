/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from the current guest's memory. The instructions that touch
 * it are in the exception table; what remains uncopied tells of a fault. They
 * go upward, so that it is enough to look at the lowest address; an empty
 * range is accepted anywhere else.
 */
#include <hv/guest_access.h>

#include <asm/asm.h>
#include <asm/config.h>

bool guest_range_ok(guest_va_t va, uint64_t len)
{
    uint64_t end;

    if (__builtin_add_overflow(va, len, &end))
        return false;
    return end <= GUEST_LOW_END || va >= HV_VIRT_END;
}

/* Words, then bytes; returns how many bytes were not copied (rounded up to
 * the interrupted word). One of dst and src is the guest's. */
static size_t copy_words(void *dst, const void *src, size_t n)
{
    size_t words = n / 8, bytes = n % 8;

    __asm__ volatile("1: rep movsq\n"
                     "   mov %3, %0\n"
                     "2: rep movsb\n"
                     "   jmp 4f\n"
                     "3: lea (%3, %0, 8), %0\n"
                     "4:\n" EX_TABLE("1b", "3b") EX_TABLE("2b", "4b")
                     : "+c"(words), "+D"(dst), "+S"(src)
                     : "r"(bytes)
                     : "memory");
    return words;
}

int copy_from_guest_any(void *dst, guest_va_t src, size_t n)
{
    if (in_hv_slots(src))
        return -EFAULT;
    src = outside_hv_slots(src);
    return copy_words(dst, (const void *)src, n) ? -EFAULT : 0;
}

int copy_to_guest_any(guest_va_t dst, const void *src, size_t n)
{
    if (in_hv_slots(dst))
        return -EFAULT;
    dst = outside_hv_slots(dst);
    return copy_words((void *)dst, src, n) ? -EFAULT : 0;
}

int clear_guest_va(guest_va_t dst, size_t n)
{
    if (in_hv_slots(dst))
        return -EFAULT;
    dst = outside_hv_slots(dst);
    __asm__ volatile("1: rep stosb\n"
                     "2:\n" EX_TABLE("1b", "2b")
                     : "+c"(n), "+D"(dst)
                     : "a"(0)
                     : "memory");
    return n ? -EFAULT : 0;
}
