/* SPDX-License-Identifier: MIT */
/*
 * The descriptor windows: the GDT and LDT of every vcpu at fixed hypervisor
 * addresses, so that its frames stay mapped while it sleeps. The mappings are
 * writable for the processor alone, which sets accessed bits; they carry no U
 * bit. Unlike the hypervisor's other entries they are not global: the load of
 * CR3 when a vcpu moves to a CPU drops what that CPU kept from earlier runs.
 */
#include <asm/pv/desc.h>

#include <hv/bitmap.h>
#include <hv/domain.h>
#include <hv/lib.h>

#include <asm/desc.h>
#include <asm/pv/isolation.h>
#include <asm/x86.h>

#define NR_WINDOWS 16384

static unsigned long windows_used[BITMAP_LONGS(NR_WINDOWS)];
static spinlock_t windows_lock = SPINLOCK_INIT(LOCK_RANK_PAGE_LIST);
/* What is in a GDT where the guest has put nothing. */
static const uint64_t no_descs[DESCS_PER_PAGE] ALIGNED(PAGE_SIZE);

/* A vcpu's window is all that its isolated root shows of the slot, by an L1
 * table of its own. */
static unsigned long window_stride(void)
{
    return isolation_is_on() ? DESC_WINDOW_ALONE : DESC_WINDOW_SIZE;
}

static unsigned long window_alloc(void)
{
    unsigned long n;

    spin_lock(&windows_lock);
    n = bitmap_find_next_zero(windows_used, NR_WINDOWS, 0);
    if (n < NR_WINDOWS)
        bit_set(windows_used, n);
    spin_unlock(&windows_lock);
    return n < NR_WINDOWS ? DESC_WINDOW_START + n * window_stride() : 0;
}

static void window_free(unsigned long va)
{
    spin_lock(&windows_lock);
    bit_clear(windows_used, (va - DESC_WINDOW_START) / window_stride());
    spin_unlock(&windows_lock);
}

static pte_t empty_pte(void)
{
    return pte_make(virt_to_mfn(no_descs), HV_RO);
}

/* A page of the reserved entries is put in by the first pv_load_gdt(). */
int pv_window_create(struct vcpu *v)
{
    unsigned long va = window_alloc();
    int rc;

    if (!va)
        return -ENOMEM;
    for (unsigned int i = 0; i < WINDOW_GDT_PAGES; i++) {
        rc = hv_map(va + i * PAGE_SIZE, virt_to_mfn(no_descs), 1, HV_RO);
        if (rc) {
            window_free(va);
            return rc;
        }
    }
    v->arch.desc_window = va;
    v->arch.window_ptes = hv_l1e(va);
    for (unsigned int i = 0; i < WINDOW_GDT_PAGES; i++)
        WRITE_ONCE(v->arch.window_ptes[i], empty_pte()); /* not global */
    v->arch.window_cpu = ~0U;
    return 0;
}

void pv_window_destroy(struct vcpu *v)
{
    if (!v->arch.desc_window)
        return;
    hv_unmap(v->arch.desc_window, WINDOW_PAGES);
    window_free(v->arch.desc_window);
    v->arch.desc_window = 0;
}

pte_t *pv_window_pte(struct vcpu *v, unsigned int n)
{
    ASSERT(n < WINDOW_PAGES);
    return &v->arch.window_ptes[n];
}

/* Only the CPU that runs v uses these translations (another flushes when it
 * loads v), so a local flush is enough. */
static void window_set(struct vcpu *v, unsigned int n, pte_t pte)
{
    WRITE_ONCE(*pv_window_pte(v, n), pte);
    invlpg(v->arch.desc_window + n * PAGE_SIZE);
}

void pv_drop_gdt(struct vcpu *v)
{
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        struct page_info *pg = v->arch.gdt_pages[i];

        if (!pg)
            continue;
        window_set(v, i, empty_pte());
        v->arch.gdt_pages[i] = NULL;
        page_put_and_type(pg);
    }
    v->arch.gdt_ents = 0;
}

int pv_set_gdt(struct vcpu *v, const uint64_t *frames, unsigned int ents)
{
    unsigned int nr = DIV_ROUND_UP(ents, DESCS_PER_PAGE), i;
    struct page_info *pg[GDT_GUEST_PAGES];
    int rc = 0;

    if (ents > GDT_GUEST_ENTS)
        return -EINVAL;
    for (i = 0; i < nr && !rc; i++) {
        if (!mfn_is_ram(mfn(frames[i]))) {
            rc = -EINVAL;
            break;
        }
        pg[i] = mfn_to_page(mfn(frames[i]));
        rc = page_get_and_type(pg[i], v->domain, PGT_SEGDESC);
        if (rc)
            break;
    }
    if (rc) {
        while (i--)
            page_put_and_type(pg[i]);
        return -EINVAL;
    }
    pv_drop_gdt(v);
    for (i = 0; i < nr; i++) {
        v->arch.gdt_pages[i] = pg[i];
        window_set(v, i, pte_make(page_to_mfn(pg[i]), HV_RW));
    }
    v->arch.gdt_ents = ents;
    return 0;
}

/* The caller loads CR3 afterwards, which flushes what this CPU may have kept
 * of the window from an earlier run of v. */
void pv_load_gdt(struct vcpu *v)
{
    unsigned int cpu = smp_processor_id();

    if (v->arch.window_cpu != cpu) {
        WRITE_ONCE(*pv_window_pte(v, GDT_RESERVED_PAGE),
                   pte_make(percpu_gdt_page(cpu), HV_RW));
        v->arch.window_cpu = cpu;
    }
    load_gdt(v->arch.desc_window);
}

/* Intel SDM vol. 3, "LDT Descriptor in 64-bit mode": 16 bytes. */
void pv_load_ldt(struct vcpu *v)
{
    unsigned long base = v->arch.desc_window + WINDOW_GDT_PAGES * PAGE_SIZE;
    uint64_t *gdt = mfn_to_virt(percpu_gdt_page(smp_processor_id()));
    uint64_t *d = &gdt[(SEL_LDT - GDT_RESERVED_BYTE) / 8];
    uint64_t limit = v->arch.ldt_ents * 8UL - 1;

    if (!v->arch.ldt_ents) {
        load_ldt(0);
        return;
    }
    d[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | 0x82UL << 40 |
           (limit & 0xf0000) << 32 | (base >> 24 & 0xff) << 56;
    d[1] = base >> 32;
    load_ldt(SEL_LDT);
}
