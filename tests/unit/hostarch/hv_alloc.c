/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own memory: pages from the heap, all else from malloc, so
 * that the sanitizer watches it. host_alloc_fail_in makes one fail.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

unsigned int host_alloc_fail_in;
unsigned int host_allocs_live;

static bool fails(void)
{
    return host_alloc_fail_in != 0 && --host_alloc_fail_in == 0;
}

static void *count(void *p)
{
    host_allocs_live += p != NULL;
    return p;
}

void *hv_alloc_pages(unsigned int order)
{
    struct page_info *pg = fails() ? NULL : heap_alloc(order, 0);

    return pg == NULL ? NULL : count(page_to_virt(pg));
}

void hv_free_pages(void *va, unsigned int order)
{
    if (va == NULL)
        return;
    host_allocs_live--;
    heap_free(virt_to_page(va), order);
}

void *hv_alloc(size_t bytes)
{
    return fails() ? NULL : count(calloc(1, bytes));
}

void hv_free(void *p)
{
    host_allocs_live -= p != NULL;
    free(p);
}

void *hv_vmalloc(size_t bytes)
{
    void *p;

    if (fails())
        return NULL;
    p = aligned_alloc(PAGE_SIZE, ROUND_UP(bytes, PAGE_SIZE));
    return count(memset(p, 0, bytes));
}

void hv_vfree(void *va, size_t bytes)
{
    (void)bytes;
    hv_free(va);
}
