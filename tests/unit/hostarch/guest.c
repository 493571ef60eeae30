/* SPDX-License-Identifier: MIT */
/* Guest memory: a list of areas; all else faults. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#endif
#endif
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/guest_access.h>

struct area {
    struct area *next;
    char *start;
    size_t len;
    uint8_t *faults; /* one per page */
};

static struct area *areas;
void (*host_guest_after_read)(uint64_t va, size_t n);

void *host_guest_alloc(size_t len)
{
    struct area *a = malloc(sizeof(*a));

    a->len = ROUND_UP(len, PAGE_SIZE);
    a->start = aligned_alloc(PAGE_SIZE, a->len);
    a->faults = calloc(a->len >> PAGE_SHIFT, 1);
    a->next = areas;
    areas = a;
    return memset(a->start, 0, a->len);
}

void host_guest_free_all(void)
{
    while (areas != NULL) {
        struct area *a = areas;

        areas = a->next;
        free(a->start);
        free(a->faults);
        free(a);
    }
    host_guest_after_read = NULL;
}

static struct area *area_of(uint64_t va)
{
    struct area *a = areas;

    while (a != NULL && va - (uint64_t)a->start >= a->len)
        a = a->next;
    return a;
}

void host_guest_fault(void *p, bool on)
{
    struct area *a = area_of((uint64_t)p);

    BUG_ON(a == NULL);
    a->faults[((char *)p - a->start) >> PAGE_SHIFT] = on;
}

bool guest_range_ok(guest_va_t va, uint64_t len)
{
    uint64_t end = va + len;

    return end >= va && (end <= HV_VIRT_START || va >= HV_VIRT_END);
}

static bool accessible(guest_va_t va, size_t n)
{
    const struct area *a = area_of(va);

    if (n == 0)
        return true;
    if (a == NULL || n > a->len - (va - (uint64_t)a->start))
        return false;
    for (uint64_t p = va & PAGE_MASK; p < va + n; p += PAGE_SIZE)
        if (a->faults[(p - (uint64_t)a->start) >> PAGE_SHIFT])
            return false;
    return true;
}

int copy_from_guest_any(void *dst, guest_va_t src, size_t n)
{
    if (!guest_range_ok(src, n) || !accessible(src, n))
        return -EFAULT;
    if (n == 0)
        return 0;
    memcpy(dst, (const void *)src, n);
    if (host_guest_after_read != NULL)
        host_guest_after_read(src, n);
    return 0;
}

/* Under the memory sanitizer (make test-residue): all that leaves for a guest
 * was written by somebody, padding included. */
static void check_written(const void *src, size_t n)
{
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
    __msan_check_mem_is_initialized(src, n);
#endif
#endif
    (void)src;
    (void)n;
}

int copy_to_guest_any(guest_va_t dst, const void *src, size_t n)
{
    check_written(src, n);
    if (!guest_range_ok(dst, n) || !accessible(dst, n))
        return -EFAULT;
    if (n > 0)
        memcpy((void *)dst, src, n);
    return 0;
}

int clear_guest_va(guest_va_t dst, size_t n)
{
    if (!guest_range_ok(dst, n) || !accessible(dst, n))
        return -EFAULT;
    if (n > 0)
        memset((void *)dst, 0, n);
    return 0;
}
