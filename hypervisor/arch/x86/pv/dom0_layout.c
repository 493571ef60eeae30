/* SPDX-License-Identifier: MIT */
/*
 * What the control domain's kernel asks for in its notes, and the addresses
 * it finds at its start. From virt_base upwards, in pages:
 *
 *   kernel | [initrd] | [p2m list] | start_info | page tables | stack | slack
 *
 * all mapped, up to a multiple of 4 MiB with at least 512 KiB behind the
 * stack. initrd and p2m list are there only if the kernel does not name other
 * places for them (notes MOD_START_PFN, INIT_P2M); else their frames follow.
 */
#include "dom0.h"

#include <hv/lib.h>

#include <public/elfnote.h>

#include <asm/config.h>
#include <asm/page.h>

#define SLACK_BYTES  0x80000UL
#define REGION_ALIGN 0x400000UL
/* No kernel is near it; keeps all sums far from overflow. */
#define MAX_KERNEL_BYTES 0x40000000UL

static bool __init note(const struct dom0_kernel *k, uint32_t type,
                        uint64_t *value)
{
    return elf_note_number(&k->elf, "Xen", type, value);
}

static const char *__init check_loader(const struct dom0_kernel *k)
{
    uint64_t size, features;
    const char *s = elf_note(&k->elf, "Xen", XEN_ELFNOTE_XEN_VERSION, &size);

    if (!s)
        return "not a paravirtualized kernel: it has no Xen notes";
    if (size < 8 || memcmp(s, "xen-3.0", 8))
        return "made for another interface than xen-3.0";
    /* Bit 11: may be the control domain (public/features.h). */
    if (note(k, XEN_ELFNOTE_SUPPORTED_FEATURES, &features) &&
        !(features & (1UL << 11)))
        return "it cannot be a control domain";
    return NULL;
}

static const char *__init read_extent(const struct dom0_kernel *k,
                                      struct dom0_params *p)
{
    uint64_t low = UINT64_MAX, high = 0;

    for (unsigned int i = 0; i < k->elf.nr_segments; i++) {
        const struct elf_segment *s = &k->elf.segment[i];

        low = min_t(uint64_t, low, s->paddr);
        high = max_t(uint64_t, high, s->paddr + s->mem_bytes);
    }
    if (low < p->paddr_offset || high - p->paddr_offset > MAX_KERNEL_BYTES)
        return "its segments are at impossible addresses";
    p->first = p->virt_base + (low - p->paddr_offset);
    p->end = p->virt_base + (high - p->paddr_offset);
    return NULL;
}

static bool __init guest_va_ok(uint64_t va)
{
    return CANONICAL(va) && (va < HV_VIRT_START || va >= HV_VIRT_END);
}

const char *__init dom0_params_read(const struct dom0_kernel *k,
                                    struct dom0_params *p)
{
    const char *err = check_loader(k);
    uint64_t v;

    if (err)
        return err;
    memset(p, 0, sizeof(*p));
    if (!note(k, XEN_ELFNOTE_VIRT_BASE, &p->virt_base))
        return "its notes name no virtual base";
    (void)note(k, XEN_ELFNOTE_PADDR_OFFSET, &p->paddr_offset);
    if (!note(k, XEN_ELFNOTE_ENTRY, &p->entry))
        p->entry = k->elf.entry;
    (void)note(k, XEN_ELFNOTE_HYPERCALL_PAGE, &p->hypercall_page);
    (void)note(k, XEN_ELFNOTE_INIT_P2M, &p->init_p2m);
    p->mod_start_pfn = note(k, XEN_ELFNOTE_MOD_START_PFN, &v) && v;
    if (p->virt_base % PAGE_SIZE || !guest_va_ok(p->virt_base) ||
        p->virt_base > UINT64_MAX - MAX_KERNEL_BYTES)
        return "its virtual base is no usable address";
    if (p->init_p2m % (1UL << 30) || !guest_va_ok(p->init_p2m))
        return "it wants its p2m list at an unusable address";
    err = read_extent(k, p);
    if (err)
        return err;
    if (p->entry < p->first || p->entry >= p->end)
        return "its entry point is outside of it";
    if (p->hypercall_page &&
        (p->hypercall_page % PAGE_SIZE || p->hypercall_page < p->first ||
         p->hypercall_page >= ROUND_UP(p->end, PAGE_SIZE)))
        return "its hypercall page is outside of it";
    return NULL;
}

/* [start, end) is the guest's, and all of it pointers. */
static bool __init guest_range(uint64_t start, uint64_t end)
{
    return guest_va_ok(start) && guest_va_ok(end - 1) &&
           !((start ^ (end - 1)) >> 47) &&
           (end <= HV_VIRT_START || start >= HV_VIRT_END);
}

/* Tables of one level that cover [start, end): how many entries' worth. */
static uint64_t __init span(uint64_t start, uint64_t end, unsigned int shift)
{
    return ((end - 1) >> shift) - (start >> shift) + 1;
}

/* L1, L2 and L3 tables that map [start, end). */
static uint64_t __init tables_for(uint64_t start, uint64_t end)
{
    return span(start, end, 21) + span(start, end, 30) + span(start, end, 39);
}

const char *__init dom0_layout_make(const struct dom0_params *p,
                                    uint64_t nr_pages, uint64_t initrd_bytes,
                                    struct dom0_layout *l)
{
    uint64_t at = ROUND_UP(p->end, PAGE_SIZE), end, pfn;

    memset(l, 0, sizeof(*l));
    l->nr_pages = nr_pages;
    l->nr_initrd = DIV_ROUND_UP(initrd_bytes, PAGE_SIZE);
    l->nr_p2m_list = DIV_ROUND_UP(nr_pages * sizeof(uint64_t), PAGE_SIZE);
    if (l->nr_initrd > nr_pages || l->nr_p2m_list > nr_pages)
        return "not enough memory for its initrd";
    if (l->nr_initrd && !p->mod_start_pfn) {
        l->initrd = at;
        at += l->nr_initrd * PAGE_SIZE;
    }
    if (!p->init_p2m) {
        l->p2m_va = at;
        at += l->nr_p2m_list * PAGE_SIZE;
    }
    l->start_info = at;
    l->tables = at + PAGE_SIZE;
    for (l->nr_tables = 0;;) {
        uint64_t need;

        l->stack = l->tables + l->nr_tables * PAGE_SIZE;
        end = ROUND_UP(l->stack + PAGE_SIZE + SLACK_BYTES, REGION_ALIGN);
        need = 1 + tables_for(p->virt_base, end);
        if (end <= p->virt_base || end - p->virt_base > 2 * MAX_KERNEL_BYTES)
            return "it does not fit the address space from its base up";
        if (need == l->nr_tables)
            break;
        l->nr_tables = need;
    }
    if (!guest_range(p->virt_base, end))
        return "its addresses are not all a guest's";
    pfn = l->region_pages = (end - p->virt_base) / PAGE_SIZE;
    if (l->nr_initrd && p->mod_start_pfn) {
        l->initrd = pfn;
        pfn += l->nr_initrd;
    }
    if (p->init_p2m) {
        uint64_t bytes = l->nr_p2m_list * PAGE_SIZE;

        if (!guest_range(p->init_p2m, p->init_p2m + bytes))
            return "its p2m list does not fit the address it names";
        l->p2m_va = p->init_p2m;
        l->p2m_pfn = pfn;
        l->nr_p2m =
            l->nr_p2m_list + tables_for(p->init_p2m, p->init_p2m + bytes);
        pfn += l->nr_p2m;
    }
    if (pfn > nr_pages)
        return "not enough memory for it and its initrd";
    return NULL;
}
