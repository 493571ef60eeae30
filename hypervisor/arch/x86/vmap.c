/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous memory and device mappings, in VMAP_START..VMAP_END.
 * The page tables themselves say what is taken: an entry of 0 is free, an
 * area ends with a guard entry that is not present but not 0 either. The
 * search goes on where the last one ended or, if that is lower, where memory
 * was given back, so that few tables are needed; a window bounds it.
 */
#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/page.h>
#include <asm/tlb.h>

#define WINDOW_STEP 0x40000000UL /* 1 GiB */
#define GUARD       (1UL << 9)   /* not present */

/* Guards the search position and who owns which entry. */
static spinlock_t vmap_lock = SPINLOCK_INIT(LOCK_RANK_HV_MAP - 1);
static unsigned long window_end = VMAP_START + WINDOW_STEP;
static unsigned long next_va = VMAP_START;

static bool va_is_free(unsigned long va)
{
    const pte_t *e = hv_l1e(va);

    return !e || !*e;
}

/* First of nr free entries at or after from, 0 if none before the end. */
static unsigned long find_run(unsigned long from, uint64_t nr)
{
    unsigned long start = from;

    for (unsigned long va = from; va < window_end; va += PAGE_SIZE) {
        if (!va_is_free(va))
            start = va + PAGE_SIZE;
        else if (va + PAGE_SIZE - start == nr * PAGE_SIZE)
            return start;
    }
    return 0;
}

static void release(unsigned long va, uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i++) {
        pte_t *e = hv_l1e(va + i * PAGE_SIZE);

        if (e)
            WRITE_ONCE(*e, 0);
    }
}

/* Mark nr pages and the guard behind them as taken. 0: no memory. */
static unsigned long vmap_reserve(uint64_t nr)
{
    unsigned long va;

    spin_lock(&vmap_lock);
    while (!(va = find_run(next_va, nr + 1)) &&
           !(va = find_run(VMAP_START, nr + 1)) &&
           window_end + WINDOW_STEP <= VMAP_END)
        window_end += WINDOW_STEP;
    for (uint64_t i = 0; va && i <= nr; i++) {
        if (hv_map(va + i * PAGE_SIZE, mfn(0), 1, GUARD)) {
            release(va, i);
            va = 0;
        }
    }
    if (va)
        next_va = va + (nr + 1) * PAGE_SIZE;
    spin_unlock(&vmap_lock);
    return va;
}

/* The mapping is gone and flushed before anybody else may get the addresses. */
static void vmap_release(unsigned long va, uint64_t nr)
{
    tlb_flush_hypervisor();
    spin_lock(&vmap_lock);
    release(va, nr + 1);
    next_va = min_t(unsigned long, next_va, va);
    spin_unlock(&vmap_lock);
}

/* Take the pages out, leaving guard entries: nobody else may come in yet. */
static mfn_t vmap_take(unsigned long va)
{
    pte_t *e = hv_l1e(va), old = *e;

    ASSERT(old & PTE_P);
    WRITE_ONCE(*e, GUARD);
    return pte_mfn(old);
}

static void *map_device(paddr_t pa, size_t len, uint64_t flags)
{
    size_t offset = pa & (PAGE_SIZE - 1);
    uint64_t nr = DIV_ROUND_UP(offset + len, PAGE_SIZE);
    unsigned long va = vmap_reserve(nr);

    if (!va)
        return NULL;
    if (hv_map(va, maddr_to_mfn(pa), nr, flags)) {
        vmap_release(va, nr);
        return NULL;
    }
    return (char *)va + offset;
}

void *ioremap(paddr_t pa, size_t len)
{
    return map_device(pa, len, HV_UC);
}

const void *map_firmware(paddr_t pa, size_t len)
{
    return map_device(pa, len, HV_RO);
}

void iounmap(const volatile void *va, size_t len)
{
    size_t offset = (uintptr_t)va & (PAGE_SIZE - 1);
    unsigned long start = (uintptr_t)va - offset;
    uint64_t nr = DIV_ROUND_UP(offset + len, PAGE_SIZE);

    if (!va)
        return;
    for (uint64_t i = 0; i < nr; i++)
        (void)vmap_take(start + i * PAGE_SIZE);
    vmap_release(start, nr);
}

/* Chain of frames that wait for the flush; linked through page_info.next. */
static void free_chain(uint32_t first)
{
    while (first != PAGE_LINK_NONE) {
        struct page_info *pg = mfn_to_page(mfn(first));

        first = pg->next;
        hv_free_pages(page_to_virt(pg), 0);
    }
}

static uint32_t take_pages(unsigned long va, uint64_t nr)
{
    uint32_t first = PAGE_LINK_NONE;

    for (uint64_t i = 0; i < nr; i++) {
        mfn_t m = vmap_take(va + i * PAGE_SIZE);

        mfn_to_page(m)->next = first;
        first = (uint32_t)mfn_x(m);
    }
    return first;
}

void *hv_vmalloc(size_t bytes)
{
    uint64_t nr = DIV_ROUND_UP(bytes, PAGE_SIZE);
    unsigned long va = vmap_reserve(nr);
    uint32_t chain;

    if (!va)
        return NULL;
    for (uint64_t i = 0; i < nr; i++) {
        void *page = hv_alloc_pages(0);

        if (page && !hv_map(va + i * PAGE_SIZE, virt_to_mfn(page), 1, HV_RW))
            continue;
        hv_free_pages(page, 0);
        chain = take_pages(va, i);
        vmap_release(va, nr);
        free_chain(chain);
        return NULL;
    }
    return (void *)va;
}

void hv_vfree(void *va, size_t bytes)
{
    uint64_t nr = DIV_ROUND_UP(bytes, PAGE_SIZE);
    uint32_t chain;

    if (!va)
        return;
    chain = take_pages((uintptr_t)va, nr);
    vmap_release((uintptr_t)va, nr);
    free_chain(chain);
}
