/* SPDX-License-Identifier: MIT */
/*
 * Pool of pages, walks of the own page tables, single updates.
 */
#include <kit/mm.h>

#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/trap.h>

#define POOL_PAGES 1024U

struct start_info *start_info;
struct shared_info *shared_info;
uint64_t *p2m;

static char pool[POOL_PAGES][PAGE_SIZE] PAGE_ALIGNED;
static char windows[NR_WINDOWS][PAGE_SIZE] PAGE_ALIGNED;
static char shared_info_page[PAGE_SIZE] PAGE_ALIGNED;
static void *free_pages[POOL_PAGES];
static unsigned int nr_free;

void mm_init(struct start_info *si)
{
    start_info = si;
    p2m = (uint64_t *)si->mfn_list;
    for (unsigned int i = POOL_PAGES; i-- > 0;)
        free_pages[nr_free++] = pool[i];

    shared_info = (struct shared_info *)shared_info_page;
    hc_update_va_mapping(addr(shared_info), si->shared_info | KERNEL_RW,
                         UVMF_INVLPG | UVMF_ALL);
}

void *page_alloc(void)
{
    void *page;

    if (nr_free == 0)
        panic("out of pages");
    page = free_pages[--nr_free];
    memset(page, 0, PAGE_SIZE);
    return page;
}

void page_free(void *page)
{
    free_pages[nr_free++] = page;
}

unsigned int pages_free(void)
{
    return nr_free;
}

/* The builder maps whole megabytes: look where the L1 entries end. */
uint64_t mapped_end_pfn(void)
{
    uint64_t pfn = virt_to_pfn((void *)start_info->pt_base);

    for (; pfn < start_info->nr_pages; pfn++) {
        const uint64_t *pte = pte_find(pfn_to_virt(pfn), 1);

        if (!pte || !(*pte & PTE_P))
            break;
    }
    return pfn;
}

void *window(unsigned int index)
{
    return windows[index];
}

uint64_t *pte_find(const volatile void *va, unsigned int level)
{
    uint64_t *table = (uint64_t *)start_info->pt_base;

    for (unsigned int l = 4;; l--) {
        uint64_t *e = &table[(addr(va) >> (12 + 9 * (l - 1))) & 511];

        if (l == level)
            return e;
        if (!(*e & PTE_P))
            return NULL;
        table = mfn_to_virt(pte_mfn(*e));
    }
}

uint64_t pte_maddr(const volatile void *va, unsigned int level)
{
    return virt_to_maddr(pte_find(va, level));
}

long pte_set_owned(uint64_t maddr, uint64_t val, unsigned int owner)
{
    struct mmu_update u = {.ptr = maddr, .val = val};

    return hc_mmu_update(&u, 1, NULL, owner);
}

long pte_set(uint64_t maddr, uint64_t val)
{
    return pte_set_owned(maddr, val, DOMID_SELF);
}

long map_page(const volatile void *va, uint64_t pte)
{
    return hc_update_va_mapping(addr(va), pte, UVMF_INVLPG | UVMF_ALL);
}

long page_set_ro(const void *page)
{
    return map_page(page, pte_make(virt_to_mfn(page), KERNEL_RO));
}

long page_set_rw(const void *page)
{
    return map_page(page, pte_make(virt_to_mfn(page), KERNEL_RW));
}

long mmuext_mfn(unsigned int cmd, uint64_t mfn)
{
    struct mmuext_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.arg1.mfn = mfn;
    return hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

long pin_table(unsigned int level, uint64_t mfn)
{
    return mmuext_mfn(MMUEXT_PIN_L1_TABLE + level - 1, mfn);
}

long unpin_table(uint64_t mfn)
{
    return mmuext_mfn(MMUEXT_UNPIN_TABLE, mfn);
}
