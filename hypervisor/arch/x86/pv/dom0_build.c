/* SPDX-License-Identifier: MIT */
/*
 * The control domain: memory, its kernel, its first page tables, its first
 * registers. The page tables are written into plain frames and then validated
 * and pinned like any guest's: nothing here may break a rule of
 * docs/paging.md.
 */
#include "dom0.h"
#include "dom0_mem.h"

#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <public/elfnote.h>

#include <asm/page.h>
#include <asm/pv/domain.h>
#include <asm/pv/ptype.h>

/* Left for the hypervisor, for guests' grant tables, and above all contiguous
 * below 4 GiB for the control domain's DMA buffers (XENMEM_exchange). */
#define PTE_TABLE  (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define PTE_KERNEL (PTE_P | PTE_RW | PTE_A | PTE_D)

/* Everything while building. */
struct builder {
    struct domain *d;
    struct dom0_kernel kernel;
    struct dom0_params p;
    struct dom0_layout l;
    uint64_t *p2m;       /* mfn by pfn; the hypervisor's copy */
    uint64_t next_table; /* pfn of the next frame for a table */
    pte_t *l4;
};

static void *__init pfn_to_virt(const struct builder *b, uint64_t pfn)
{
    BUG_ON(pfn >= b->l.nr_pages);
    return mfn_to_virt(mfn(b->p2m[pfn]));
}

static uint64_t __init va_to_pfn(const struct builder *b, uint64_t va)
{
    return (va - b->p.virt_base) / PAGE_SIZE;
}

/* ---- memory ---- */

/* (memcpy) and (memset), in brackets, are our own functions: in boot code the
 * compiler puts string instructions in their place that go by single bytes. */

/* Whether load_kernel() will write all of that frame. */
static bool __init is_loaded_whole(const struct builder *b, uint64_t pfn)
{
    for (unsigned int i = 0; i < b->kernel.elf.nr_segments; i++) {
        const struct elf_segment *s = &b->kernel.elf.segment[i];
        uint64_t start = s->paddr - b->p.paddr_offset;

        if (pfn << PAGE_SHIFT >= start &&
            (pfn + 1) << PAGE_SHIFT <= start + s->file_bytes)
            return true;
    }
    return false;
}

/* What no loader writes must read as zero: gaps of the kernel, tables. The rest
 * of its memory the kernel clears itself when it needs that; what was there
 * before the hypervisor is no secret from the control domain, and touching all
 * of a large memory takes long. */
static void __init clear_pfns(const struct builder *b, uint64_t pfn,
                              uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i++) {
        if (!is_loaded_whole(b, pfn + i))
            (memset)(pfn_to_virt(b, pfn + i), 0, PAGE_SIZE);
    }
}

/* Blocks as large as there are, so that few of them are touched. */
static void __init populate(struct builder *b)
{
    uint64_t pfn = 0;
    unsigned int order = 9;

    while (pfn < b->l.nr_pages) {
        struct page_info *pg = NULL;

        if (pfn + (1UL << order) <= b->l.nr_pages)
            pg = heap_alloc_for(b->d, order, ALLOC_NO_SCRUB);
        if (!pg) {
            if (order == 0)
                panic("dom0 kernel: no memory for %lu MiB of dom0",
                      b->l.nr_pages >> (20 - PAGE_SHIFT));
            order = 0;
            continue;
        }
        if (domain_assign_pages(b->d, pg, order))
            panic("dom0 kernel: its memory cannot be assigned");
        for (uint64_t i = 0; i < 1UL << order; i++, pfn++) {
            b->p2m[pfn] = mfn_x(page_to_mfn(pg + i));
            m2p_set(page_to_mfn(pg + i), pfn);
        }
    }
}

/* To a run of pfns, frame by frame. */
static void __init copy_to_pfns(const struct builder *b, uint64_t pfn,
                                uint64_t offset, const void *src, uint64_t len)
{
    const char *from = src;

    while (len) {
        uint64_t at = (pfn << PAGE_SHIFT) + offset;
        uint64_t n = min_t(uint64_t, len, PAGE_SIZE - (at & ~PAGE_MASK));

        (memcpy)((char *)pfn_to_virt(b, at >> PAGE_SHIFT) + (at & ~PAGE_MASK),
                 from, n);
        from += n;
        offset += n;
        len -= n;
    }
}

static void __init load_kernel(const struct builder *b)
{
    for (unsigned int i = 0; i < b->kernel.elf.nr_segments; i++) {
        const struct elf_segment *s = &b->kernel.elf.segment[i];

        /* By physical address: some segments have no virtual one. */
        copy_to_pfns(b, 0, s->paddr - b->p.paddr_offset, s->data,
                     s->file_bytes);
    }
    if (b->p.hypercall_page)
        hypercall_page_fill(pfn_to_virt(b, va_to_pfn(b, b->p.hypercall_page)));
}

/* ---- page tables ---- */

/* The table that entry points to; a new one if there is none. */
static pte_t *__init descend(struct builder *b, pte_t *entry)
{
    if (!(*entry & PTE_P))
        *entry = pte_make(mfn(b->p2m[b->next_table++]), PTE_TABLE);
    return mfn_to_virt(pte_mfn(*entry));
}

static void __init map_pfn(struct builder *b, uint64_t va, uint64_t pfn,
                           uint64_t flags)
{
    pte_t *l3 = descend(b, &b->l4[PT_INDEX(va, 4)]);
    pte_t *l2 = descend(b, &l3[PT_INDEX(va, 3)]);
    pte_t *l1 = descend(b, &l2[PT_INDEX(va, 2)]);

    l1[PT_INDEX(va, 1)] = pte_make(mfn(b->p2m[pfn]), flags);
}

/* The tables that map the region are part of it, read-only. */
static void __init map_region(struct builder *b)
{
    uint64_t first = va_to_pfn(b, b->l.tables);

    b->next_table = first;
    b->l4 = pfn_to_virt(b, b->next_table++);
    for (uint64_t pfn = 0; pfn < b->l.region_pages; pfn++) {
        bool table = pfn >= first && pfn < first + b->l.nr_tables;

        map_pfn(b, b->p.virt_base + pfn * PAGE_SIZE, pfn,
                table ? PTE_KERNEL & ~PTE_RW : PTE_KERNEL);
    }
    BUG_ON(b->next_table != first + b->l.nr_tables);
}

static void __init map_p2m(struct builder *b)
{
    if (!b->p.init_p2m)
        return;
    b->next_table = b->l.p2m_pfn + b->l.nr_p2m_list;
    for (uint64_t i = 0; i < b->l.nr_p2m_list; i++)
        map_pfn(b, b->p.init_p2m + i * PAGE_SIZE, b->l.p2m_pfn + i, PTE_KERNEL);
    BUG_ON(b->next_table != b->l.p2m_pfn + b->l.nr_p2m);
}

static void __init write_p2m(struct builder *b)
{
    uint64_t pfn = b->p.init_p2m ? b->l.p2m_pfn : va_to_pfn(b, b->l.p2m_va);
    uint64_t bytes = b->l.nr_pages * sizeof(b->p2m[0]);

    copy_to_pfns(b, pfn, 0, b->p2m, bytes);
    /* What lies behind the last page in the last frame is no frame. */
    if (bytes & ~PAGE_MASK)
        memset((char *)pfn_to_virt(b, pfn + (bytes >> PAGE_SHIFT)) +
                   (bytes & ~PAGE_MASK),
               0xff, PAGE_SIZE - (bytes & ~PAGE_MASK));
}

/* ---- start_info and registers ---- */

static void __init write_start_info(struct builder *b,
                                    const struct boot_module *kernel,
                                    const struct boot_module *initrd)
{
    struct start_info *si = pfn_to_virt(b, va_to_pfn(b, b->l.start_info));

    strlcpy(si->magic, "xen-3.0-x86_64p", sizeof(si->magic));
    si->nr_pages = b->l.nr_pages;
    si->shared_info = mfn_to_maddr(virt_to_mfn(b->d->shared_info));
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
    si->pt_base = b->l.tables;
    si->nr_pt_frames = b->l.nr_tables;
    si->mfn_list = b->l.p2m_va;
    if (b->p.init_p2m) {
        si->first_p2m_pfn = b->l.p2m_pfn;
        si->nr_p2m_frames = b->l.nr_p2m;
    }
    if (initrd) {
        si->mod_start = b->l.initrd;
        si->mod_len = initrd->len;
        if (b->p.mod_start_pfn)
            si->flags |= SIF_MOD_START_PFN;
    }
    strlcpy((char *)si->cmd_line, kernel->cmdline, sizeof(si->cmd_line));
}

static void __init start_vcpu(struct builder *b)
{
    struct vcpu *v = b->d->vcpu[0];
    struct vcpu_guest_context *c = hv_alloc(sizeof(*c));
    struct page_info *l4 = virt_to_page(b->l4);
    int rc;

    if (!c)
        panic("dom0 kernel: no memory for its first context");
    do {
        rc = page_pin(l4, b->d, PGT_L4);
    } while (rc == -ERESTART);
    if (rc)
        panic("dom0 kernel: its page tables are refused (%d)", rc);
    c->flags = VGCF_in_kernel | VGCF_online;
    c->user_regs.rip = b->p.entry;
    c->user_regs.rsp = b->l.stack + PAGE_SIZE;
    c->user_regs.rsi = b->l.start_info;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = c->user_regs.rsp;
    c->ctrlreg[3] = xen_pfn_to_cr3(mfn_x(page_to_mfn(l4)));
    rc = arch_vcpu_set_context(v, c);
    if (rc)
        panic("dom0 kernel: its first context is refused (%d)", rc);
    hv_free(c);
    arch_vcpu_time_update(v, true);
    __atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST);
}

/* ---- boot modules ---- */

static const void *__init module_data(const struct boot_module *m)
{
    return (const char *)mfn_to_virt(maddr_to_mfn(m->start)) +
           (m->start & ~PAGE_MASK);
}

static void __init load_initrd(const struct builder *b,
                               const struct boot_module *m)
{
    uint64_t pfn = b->p.mod_start_pfn ? b->l.initrd : va_to_pfn(b, b->l.initrd);

    copy_to_pfns(b, pfn, 0, module_data(m), m->len);
}

/*
 * Started by EFI, a machine has no ACPI root pointer where the kernel of a PC
 * looks. So there is one in the kernel's own first pages, as an extended BIOS
 * area to which the word at its usual place points.
 */
#define EBDA_SEGMENT_AT 0x40e
#define EBDA_PFN        1
#define RSDP_BYTES      36

static void __init publish_rsdp(const struct builder *b)
{
    uint16_t segment = (EBDA_PFN << PAGE_SHIFT) >> 4;
    const char *page = mfn_to_virt(maddr_to_mfn(boot_info.rsdp));

    if (!boot_info.efi || !boot_info.rsdp)
        return;
    copy_to_pfns(b, 0, EBDA_SEGMENT_AT, &segment, sizeof(segment));
    copy_to_pfns(b, EBDA_PFN, 0, page + (boot_info.rsdp & ~PAGE_MASK),
                 RSDP_BYTES);
}

static void __init module_release(const struct boot_module *m)
{
    uint64_t first = DIV_ROUND_UP(m->start, PAGE_SIZE);
    uint64_t end = (m->start + m->len) >> PAGE_SHIFT;

    if (end > first && first >= 0x100)
        heap_add_range(mfn(first), end - first);
}

static void __init open_kernel(struct builder *b, const struct boot_module *m)
{
    const char *err = dom0_kernel_open(module_data(m), m->len, &b->kernel);

    if (!err)
        err = dom0_params_read(&b->kernel, &b->p);
    if (err)
        panic("dom0 kernel: %s", err);
}

static void __init make_layout(struct builder *b, uint64_t initrd_bytes)
{
    uint64_t nr = dom0_mem_pages(heap_total_pages(), heap_free_pages(),
                                 DIV_ROUND_UP(initrd_bytes, PAGE_SIZE));
    const char *err = dom0_layout_make(&b->p, nr, initrd_bytes, &b->l);

    if (err)
        panic("dom0 kernel: %s (%lu MiB)", err, nr >> (20 - PAGE_SHIFT));
    b->p2m = hv_vmalloc(nr * sizeof(b->p2m[0]));
    if (!b->p2m)
        panic("dom0 kernel: no memory for the list of its frames");
}

int __init construct_dom0(struct domain *d)
{
    const struct boot_module *kernel = &boot_info.module[0];
    const struct boot_module *initrd =
        boot_info.nr_modules > 1 ? &boot_info.module[1] : NULL;
    struct builder b = {.d = d};

    if (boot_info.nr_modules == 0)
        panic("dom0 kernel: the loader gave none");
    open_kernel(&b, kernel);
    make_layout(&b, initrd ? initrd->len : 0);
    populate(&b);
    clear_pfns(&b, 0, b.l.region_pages);
    if (b.p.init_p2m)
        clear_pfns(&b, b.l.p2m_pfn, b.l.nr_p2m);
    load_kernel(&b);
    if (initrd)
        load_initrd(&b, initrd);
    publish_rsdp(&b);
    map_region(&b);
    map_p2m(&b);
    write_p2m(&b);
    write_start_info(&b, kernel, initrd);
    bit_set_atomic(&d->vm_assist, VMASST_TYPE_pae_extended_cr3);
    d->max_pages = dom0_mem_limit(heap_total_pages(), d->tot_pages);
    start_vcpu(&b);
    printk(LOG_INFO "dom0: %lu MiB, %u vcpus, kernel %lx..%lx entry %lx\n",
           b.l.nr_pages >> (20 - PAGE_SHIFT), d->max_vcpus, b.p.first, b.p.end,
           b.p.entry);
    hv_vfree(b.p2m, b.l.nr_pages * sizeof(b.p2m[0]));
    dom0_kernel_close(&b.kernel);
    module_release(kernel);
    if (initrd)
        module_release(initrd);
    return 0;
}
