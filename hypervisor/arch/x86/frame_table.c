/* SPDX-License-Identifier: MIT */
/*
 * The frame table and the machine-to-physical table: allocated at boot for
 * the RAM that there is, in large pages where a whole one is needed, with
 * holes where the machine has holes.
 */
#include <hv/boot.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/boot.h>
#include <asm/page.h>

#define TWO_MIB        0x200000UL
#define LOW_FRAMES     0x100 /* below 1 MiB: DOMID_IO */
#define MAX_RAM_RANGES 64
#define MAX_M2P_CHUNKS 8192 /* 8 TiB of machine address space */

uint64_t max_mfn __ro_after_init;

/* RAM that has page_info, ascending; constant after boot. */
static struct {
    uint64_t start, end;
} ram[MAX_RAM_RANGES] __ro_after_init;
static unsigned int nr_ram __ro_after_init;

/* Frame of each chunk of the table by index, 0: none. */
static uint32_t *m2p_chunk __ro_after_init;
static unsigned int nr_m2p_chunks __ro_after_init;

uint64_t main_ram_start __ro_after_init, main_ram_nr __ro_after_init;

bool mfn_is_other_ram(mfn_t m)
{
    for (unsigned int i = 0; i < nr_ram; i++)
        if (mfn_x(m) < ram[i].end)
            return mfn_x(m) >= ram[i].start;
    return false;
}

mfn_t virt_to_mfn(const void *va)
{
    if (in_image(va))
        return maddr_to_mfn(image_to_phys(va));
    ASSERT((uintptr_t)va >= DIRECTMAP_START && (uintptr_t)va < DIRECTMAP_END);
    return maddr_to_mfn((uintptr_t)va - DIRECTMAP_START);
}

struct page_info *virt_to_page(const void *va)
{
    return mfn_to_page(virt_to_mfn(va));
}

static uint64_t *m2p_entry(mfn_t m)
{
    return (uint64_t *)RW_M2P_START + mfn_x(m);
}

void m2p_set(mfn_t m, uint64_t pfn)
{
    WRITE_ONCE(*m2p_entry(m), pfn);
}

uint64_t m2p_get(mfn_t m)
{
    return READ_ONCE(*m2p_entry(m));
}

mfn_t m2p_frame(unsigned int i)
{
    if (i >= nr_m2p_chunks || !m2p_chunk[i])
        return INVALID_MFN;
    return mfn(m2p_chunk[i]);
}

static void __init find_ram(void)
{
    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        uint64_t start = DIV_ROUND_UP(e->addr, PAGE_SIZE);
        uint64_t end = (e->addr + e->size) >> PAGE_SHIFT;

        if (e->type != E820_RAM || end <= LOW_FRAMES)
            continue;
        start = max_t(uint64_t, start, LOW_FRAMES);
        /* Links in the frame table are 32 bits wide. */
        end = min_t(uint64_t, end, PAGE_LINK_NONE - 1);
        if (start >= end)
            continue;
        if (nr_ram && ram[nr_ram - 1].end == start) {
            ram[nr_ram - 1].end = end;
        } else if (nr_ram == MAX_RAM_RANGES) {
            printk(LOG_WARN "Memory map too fragmented: RAM at %#lx unused\n",
                   e->addr);
            continue;
        } else {
            ram[nr_ram].start = start;
            ram[nr_ram++].end = end;
        }
        max_mfn = end;
    }
    if (!nr_ram)
        panic("No memory in the boot loader's map");
}

static void __init choose_main_ram(void)
{
    for (unsigned int i = 0; i < nr_ram; i++) {
        if (ram[i].end - ram[i].start <= main_ram_nr)
            continue;
        main_ram_start = ram[i].start;
        main_ram_nr = ram[i].end - ram[i].start;
    }
}

static mfn_t __init map_fresh(unsigned long va, uint64_t size,
                              unsigned int level, int fill)
{
    paddr_t pa = boot_alloc(size, size, ~0UL);

    /* In brackets, our own function: here the compiler would go by bytes. */
    (memset)((void *)maddr_to_directmap(pa), fill, size);
    if (hv_map_level(va, maddr_to_mfn(pa), HV_RW, level))
        panic("Cannot map %#lx", va);
    return maddr_to_mfn(pa);
}

static void __init make_frame_table(void)
{
    unsigned long done = 0;

    for (unsigned int i = 0; i < nr_ram; i++) {
        unsigned long va =
            ROUND_DOWN((uintptr_t)&frame_table[ram[i].start], PAGE_SIZE);
        unsigned long end =
            ROUND_UP((uintptr_t)&frame_table[ram[i].end], PAGE_SIZE);

        /* Two ranges may share a page of the table. */
        for (va = max_t(unsigned long, va, done); va < end;) {
            bool large = !(va & (TWO_MIB - 1)) && va + TWO_MIB <= end;
            uint64_t size = large ? TWO_MIB : PAGE_SIZE;

            map_fresh(va, size, large ? 2 : 1, 0);
            va += size;
        }
        done = end;
    }
}

/* Guests find it at RO_M2P_START, in whole chunks of consecutive frames. */
static void __init make_m2p(void)
{
    const uint64_t per_chunk = TWO_MIB / sizeof(uint64_t);

    nr_m2p_chunks = (unsigned int)DIV_ROUND_UP(max_mfn, per_chunk);
    nr_m2p_chunks = min_t(unsigned int, nr_m2p_chunks, MAX_M2P_CHUNKS);
    m2p_chunk = (uint32_t *)maddr_to_directmap(
        boot_alloc(nr_m2p_chunks * sizeof(*m2p_chunk), PAGE_SIZE, ~0UL));
    memset(m2p_chunk, 0, nr_m2p_chunks * sizeof(*m2p_chunk));

    for (unsigned int i = 0; i < nr_ram; i++) {
        uint64_t last = (ram[i].end - 1) / per_chunk;

        for (uint64_t c = ram[i].start / per_chunk; c <= last; c++) {
            unsigned long offset = c * TWO_MIB;
            mfn_t m;

            if (m2p_chunk[c])
                continue;
            m = map_fresh(RW_M2P_START + offset, TWO_MIB, 2, 0xff);
            m2p_chunk[c] = (uint32_t)mfn_x(m);
            if (hv_map_level(RO_M2P_START + offset, m, HV_RO | PTE_US, 2))
                panic("Cannot map the machine-to-physical table");
        }
    }
}

void __init frame_table_init(void)
{
    find_ram();
    choose_main_ram();
    make_frame_table();
    make_m2p();
    boot_alloc_finish();
    heap_ready = true;
}
