/* SPDX-License-Identifier: MIT */
/*
 * RAM before the heap: a short list of free ranges, taken from the top so
 * that low memory stays for devices with short addresses. What is left goes
 * to the heap.
 */
#include <hv/boot.h>
#include <hv/lib.h>
#include <hv/page.h>

#include <asm/boot.h>

#define LOW_END    0x100000UL /* below: firmware's and dom0's (DOMID_IO) */
#define MAX_RANGES (E820_MAX + MAX_BOOT_MODULES + 2)

struct range {
    paddr_t start, end;
};
static struct range __initdata range[MAX_RANGES];
static unsigned int __initdata nr_ranges;

static void __init remove_range(unsigned int i)
{
    nr_ranges--;
    memmove(&range[i], &range[i + 1], (nr_ranges - i) * sizeof(range[0]));
}

static void __init add_range(paddr_t start, paddr_t end)
{
    if (start >= end)
        return;
    BUG_ON(nr_ranges == MAX_RANGES);
    range[nr_ranges++] = (struct range){start, end};
}

/* Take [start, end) out of what is free. */
static void __init reserve(paddr_t start, paddr_t end)
{
    for (unsigned int i = 0; i < nr_ranges;) {
        struct range r = range[i];

        if (end <= r.start || start >= r.end) {
            i++;
            continue;
        }
        remove_range(i);
        add_range(r.start, min_t(paddr_t, r.end, start));
        add_range(max_t(paddr_t, r.start, end), r.end);
        i = 0;
    }
}

void __init boot_alloc_init(void)
{
    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM)
            add_range(ROUND_UP(max_t(paddr_t, e->addr, LOW_END), PAGE_SIZE),
                      ROUND_DOWN(e->addr + e->size, PAGE_SIZE));
    }
    reserve(image_to_phys(image_start),
            ROUND_UP(image_to_phys(image_end), PAGE_SIZE));
    for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
        const struct boot_module *m = &boot_info.module[i];

        reserve(ROUND_DOWN(m->start, PAGE_SIZE),
                ROUND_UP(m->start + m->len, PAGE_SIZE));
    }
}

paddr_t __init boot_alloc_try(uint64_t bytes, uint64_t align, paddr_t limit)
{
    paddr_t best = 0;

    bytes = ROUND_UP(bytes, PAGE_SIZE);
    for (unsigned int i = 0; i < nr_ranges; i++) {
        paddr_t end = min_t(paddr_t, range[i].end, limit);
        paddr_t at;

        if (end < bytes)
            continue;
        at = ROUND_DOWN(end - bytes, align);
        if (at >= range[i].start && at > best)
            best = at;
    }
    if (best)
        reserve(best, best + bytes);
    return best;
}

paddr_t __init boot_alloc(uint64_t bytes, uint64_t align, paddr_t limit)
{
    paddr_t at = boot_alloc_try(bytes, align, limit);

    if (!at)
        panic("Out of memory at boot: %lu KiB wanted", bytes >> 10);
    return at;
}

bool __init boot_alloc_at(paddr_t start, uint64_t bytes)
{
    paddr_t end = start + bytes;

    if ((start | bytes) & (PAGE_SIZE - 1) || end < start)
        return false;
    for (unsigned int i = 0; i < nr_ranges; i++) {
        if (start >= range[i].start && end <= range[i].end) {
            reserve(start, end);
            return true;
        }
    }
    return false;
}

void __init boot_alloc_finish(void)
{
    for (unsigned int i = 0; i < nr_ranges; i++) {
        mfn_t first = maddr_to_mfn(range[i].start);

        /* A map in too many pieces leaves some out of the frame table. */
        if (mfn_is_ram(first))
            heap_add_range(first,
                           (range[i].end - range[i].start) >> PAGE_SHIFT);
    }
    nr_ranges = 0;
}
