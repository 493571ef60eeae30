/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables. hv_l4's slots 256..271 are shared by all
 * L4 tables of guests: their L3 tables exist from boot on, so that an L4 entry
 * never changes afterwards; everything below them may. Slot 256, the guests'
 * view of the machine-to-physical table, is in some of them only
 * (asm/pv/m2p_slot.h).
 */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/boot.h>
#include <asm/page.h>
#include <asm/pv/isolation.h>
#include <asm/pv/m2p_slot.h>
#include <asm/tlb.h>
#include <asm/x86.h>

static pte_t l4_page[PT_ENTRIES] ALIGNED(PAGE_SIZE)
    __attribute__((section(".bss.page_aligned")));
pte_t *hv_l4 = l4_page;

/* Guards every entry below slots 256..271; the L4 itself is constant. Taken
 * with interrupts on: a table's allocation may have to flush other CPUs. */
static spinlock_t map_lock = SPINLOCK_INIT(LOCK_RANK_HV_MAP);

bool heap_ready;
/* Tables are reached through the direct map; before it is live, through the
 * boot page tables, where low memory lies at its own address. */
bool directmap_ready;

static pte_t *table_virt(pte_t e)
{
    paddr_t pa = e & PTE_ADDR_MASK;

    return (pte_t *)(directmap_ready ? maddr_to_directmap(pa) : pa);
}

static pte_t table_new(void)
{
    paddr_t pa;
    void *va;

    if (heap_ready) {
        va = hv_alloc_pages(0);
        if (!va)
            return 0;
        pa = mfn_to_maddr(virt_to_mfn(va));
    } else {
        pa = boot_alloc(PAGE_SIZE, PAGE_SIZE,
                        directmap_ready ? ~0UL : 1UL << 32);
        memset(table_virt(pa), 0, PAGE_SIZE);
    }
    return pa | PTE_P | PTE_RW | PTE_A;
}

/*
 * The entry for va at the given level, creating the tables above it.
 * NULL: no memory, or a larger page covers va.
 */
static pte_t *entry_for(unsigned long va, unsigned int level, bool create)
{
    pte_t *e = &hv_l4[PT_INDEX(va, 4)];

    for (unsigned int l = 4; l > level; l--) {
        if (*e & PTE_PSE)
            return NULL;
        if (!(*e & PTE_P)) {
            pte_t table = create ? table_new() : 0;

            if (!table)
                return NULL;
            /* Guests reach one slot, by leaves that say so. */
            if (PT_INDEX(va, 4) == PT_INDEX(RO_M2P_START, 4))
                table |= PTE_US;
            WRITE_ONCE(*e, table);
        }
        e = table_virt(*e) + PT_INDEX(va, l - 1);
    }
    return e;
}

/* An entry of the hypervisor is global unless ring 3 may use it. */
static pte_t leaf(mfn_t m, uint64_t flags)
{
    return pte_make(m, flags | (flags & PTE_US ? 0 : PTE_G));
}

int hv_map_level(unsigned long va, mfn_t m, uint64_t flags, unsigned int level)
{
    pte_t *e = entry_for(va, level, true);

    if (!e)
        return -ENOMEM;
    WRITE_ONCE(*e, leaf(m, flags | (level > 1 ? PTE_PSE : 0)));
    return 0;
}

int hv_map(unsigned long va, mfn_t m, uint64_t nr, uint64_t flags)
{
    int rc = 0;

    spin_lock(&map_lock);
    for (uint64_t i = 0; i < nr && !rc; i++)
        rc = hv_map_level(va + i * PAGE_SIZE, mfn_add(m, i), flags, 1);
    spin_unlock(&map_lock);
    return rc;
}

void hv_unmap(unsigned long va, uint64_t nr)
{
    spin_lock(&map_lock);
    for (uint64_t i = 0; i < nr; i++) {
        pte_t *e = entry_for(va + i * PAGE_SIZE, 1, false);

        if (e)
            WRITE_ONCE(*e, 0);
    }
    spin_unlock(&map_lock);
    if (nr == 1)
        tlb_flush_one_mask(&cpu_online_map, va);
    else
        tlb_flush_hypervisor();
}

pte_t *hv_l1e(unsigned long va)
{
    return entry_for(va, 1, false);
}

void l4_install_hv_slots(pte_t *l4)
{
    for (unsigned int i = HV_SLOT_FIRST; i < L4_LINES_SLOT; i++)
        WRITE_ONCE(l4[i], i == M2P_SLOT ? 0 : hv_l4[i]);
    WRITE_ONCE(l4[L4_LINES_SLOT], isolation_is_on() ? l4_lines(l4) : 0);
}

static void __init map_or_die(unsigned long va, paddr_t pa, uint64_t flags,
                              unsigned int level)
{
    if (hv_map_level(va, maddr_to_mfn(pa), flags, level))
        panic("Cannot map %#lx", va);
}

/* Rights of a page of the image, wherever it is mapped for data access. */
static uint64_t __init image_alias_flags(paddr_t pa)
{
    const char *va = (const char *)(IMAGE_START + pa);

    if ((va >= text_start && va < text_end) ||
        (va >= rodata_start && va < rodata_end))
        return HV_RO;
    return HV_RW;
}

static uint64_t __init image_flags(const char *va)
{
    if ((va >= text_start && va < text_end) ||
        (va >= init_text_start && va < init_text_end))
        return HV_RX;
    if ((va >= rodata_start && va < rodata_end) ||
        (va >= init_text_end && va < init_rodata_end))
        return HV_RO;
    return HV_RW;
}

static void __init map_image(void)
{
    for (const char *va = image_start; va < image_end; va += PAGE_SIZE)
        map_or_die((uintptr_t)va, image_to_phys(va), image_flags(va), 1);
}

static bool __init touches_image(paddr_t pa, uint64_t size)
{
    return pa < image_to_phys(image_end) &&
           pa + size > image_to_phys(image_start);
}

/* [start, end) of RAM into the direct map, in pages as large as fit. */
static void __init map_ram(paddr_t start, paddr_t end, bool gib_pages)
{
    while (start < end) {
        unsigned int level = gib_pages ? 3 : 2;
        uint64_t size = 0;

        for (; level > 0; level--) {
            size = PAGE_SIZE << (9 * (level - 1));
            if (!(start & (size - 1)) && start + size <= end &&
                (level == 1 || !touches_image(start, size)))
                break;
        }
        map_or_die(maddr_to_directmap(start), start, image_alias_flags(start),
                   level);
        start += size;
    }
}

static void __init map_all_ram(void)
{
    bool gib_pages = cpuid(0x80000001).d & (1U << 26);

    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        paddr_t end = ROUND_DOWN(e->addr + e->size, PAGE_SIZE);

        if (e->type != E820_RAM)
            continue;
        if (end > DIRECTMAP_END - DIRECTMAP_START)
            end = DIRECTMAP_END - DIRECTMAP_START;
        map_ram(ROUND_UP(e->addr, PAGE_SIZE), end, gib_pages);
    }
}

/* Slot 256 is what guests may read: the only one that ring 3 can enter. */
static void __init make_l3_tables(void)
{
    for (unsigned int i = HV_SLOT_FIRST; i < L4_LINES_SLOT; i++) {
        if (hv_l4[i] & PTE_P)
            continue;
        hv_l4[i] = table_new();
    }
    hv_l4[PT_INDEX(RO_M2P_START, 4)] |= PTE_US;
}

void __init paging_init(void)
{
    /* CPU 0's area is in use already. */
    hv_l4[PT_INDEX(PERCPU_AREA_START, 4)] =
        boot_l4[PT_INDEX(PERCPU_AREA_START, 4)];
    make_l3_tables();
    map_image();
    map_all_ram();
    write_cr3(image_to_phys(hv_l4));
    directmap_ready = true;
}
