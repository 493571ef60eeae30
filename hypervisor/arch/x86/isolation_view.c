/* SPDX-License-Identifier: MIT */
/*
 * What of the hypervisor an isolated root maps, and nothing else:
 *
 *   slot 256  the read-only machine-to-physical table, which is the ABI's; in
 *             roots of a guest's kernel only
 *   slot 257  the descriptor window of the vcpu that is loaded
 *   slot 258  of this CPU's area: entry stub, entry page
 *   slot 261  of the image: the entry code, the interrupt table
 *
 * Tables of slots 257 and 258 are per CPU, those of slot 261 are shared. Only
 * the CPU itself changes its tables, while none of them is live, so there is
 * nothing to flush: the way out loads CR3. No entry is global.
 */
#include <asm/pv/isolation.h>

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/percpu.h>

#include <asm/cpu_info.h>
#include <asm/image.h>
#include <asm/pv/desc.h>
#include <asm/pv/m2p_slot.h>
#include <asm/traps.h>

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_A)

struct view {
    pte_t *window_l3, *window_l2, *area_l3;
    pte_t *shown_l3, *shown_l2; /* entries of both that are in use */
};
static DEFINE_PER_CPU(struct view, view);
static pte_t *image_l3 __ro_after_init;

static pte_t table_entry(const pte_t *table)
{
    return pte_make(virt_to_mfn(table), TABLE_FLAGS);
}

static pte_t *table_of(pte_t e)
{
    return mfn_to_virt(pte_mfn(e));
}

/* One page below an L3 table of ours; -ENOMEM. */
static int view_map(pte_t *l3, unsigned long va, mfn_t m, uint64_t flags)
{
    pte_t *e = &l3[PT_INDEX(va, 3)];

    for (unsigned int level = 3; level > 1; level--) {
        if (!(*e & PTE_P)) {
            pte_t *table = hv_alloc_pages(0);

            if (!table)
                return -ENOMEM;
            *e = table_entry(table);
        }
        e = table_of(*e) + PT_INDEX(va, level - 1);
    }
    *e = pte_make(m, flags);
    return 0;
}

static unsigned long area_of(unsigned int cpu)
{
    return PERCPU_AREA_START + ((unsigned long)cpu << PERCPU_AREA_SHIFT);
}

static unsigned long entry_page_of(unsigned int cpu)
{
    return area_of(cpu) + AREA_ENTRY_PAGE * PAGE_SIZE;
}

void __init isolation_init(void)
{
    int rc = 0;

    if (!isolation_is_on())
        return;
    image_l3 = hv_alloc_pages(0);
    if (!image_l3)
        panic("No memory for isolation");
    for (const char *p = entry_text_start; p < entry_text_end && !rc;
         p += PAGE_SIZE)
        rc = view_map(image_l3, (uintptr_t)p, virt_to_mfn(p), HV_RX);
    for (unsigned int i = 0; i < NR_IDT_PAGES && !rc; i++)
        rc = view_map(image_l3, (uintptr_t)idt_page(i),
                      virt_to_mfn(idt_page(i)), HV_RO);
    if (rc)
        panic("No memory for isolation");
}

int isolation_cpu_init(unsigned int cpu)
{
    struct view *w = &per_cpu(view, cpu);
    unsigned long area = area_of(cpu);
    int rc;

    if (!isolation_is_on())
        return 0;
    w->window_l3 = hv_alloc_pages(0);
    w->window_l2 = hv_alloc_pages(0);
    w->area_l3 = hv_alloc_pages(0);
    if (!w->window_l3 || !w->window_l2 || !w->area_l3)
        return -ENOMEM;
    rc = view_map(w->area_l3, area, virt_to_mfn(entry_stub_start), HV_RX);
    if (!rc)
        rc = view_map(w->area_l3, entry_page_of(cpu),
                      pte_mfn(*hv_l1e(entry_page_of(cpu))), HV_RW);
    cpu_info_of(cpu)->hv_cr3 = mfn_to_maddr(virt_to_mfn(hv_l4));
    return rc;
}

void isolation_install(pte_t *l4, unsigned int mode, unsigned int cpu)
{
    const struct view *w = &per_cpu(view, cpu);

    l4[M2P_SLOT] = mode == ISOLATED_KERNEL ? hv_l4[M2P_SLOT] : 0;
    l4[PT_INDEX(DESC_WINDOW_START, 4)] = table_entry(w->window_l3);
    l4[PT_INDEX(PERCPU_AREA_START, 4)] = table_entry(w->area_l3);
    l4[PT_INDEX(IMAGE_START, 4)] = table_entry(image_l3);
}

/* Windows lie so far apart that each has an L1 table of its own. */
void isolation_show_window(const struct vcpu *v)
{
    struct view *w = &this_cpu(view);
    unsigned long va = v->arch.desc_window;
    const pte_t *l1 = (pte_t *)((uintptr_t)v->arch.window_ptes & PAGE_MASK);

    if (w->shown_l3)
        *w->shown_l3 = *w->shown_l2 = 0;
    w->shown_l3 = &w->window_l3[PT_INDEX(va, 3)];
    w->shown_l2 = &w->window_l2[PT_INDEX(va, 2)];
    *w->shown_l3 = table_entry(w->window_l2);
    *w->shown_l2 = table_entry(l1);
}

/* ---- the audit ---- */

struct check {
    const struct vcpu *v;
    unsigned int cpu; /* whose view it is */
    unsigned int errors;
};

static bool same_page(mfn_t m, const void *p)
{
    return mfn_eq(m, virt_to_mfn(p));
}

/* May an isolated root of v map this? Address, frame, rights: all must fit. */
static bool is_allowed(const struct vcpu *v, unsigned int cpu, unsigned long va,
                       pte_t e)
{
    uint64_t rights = e & (PTE_RW | PTE_US | PTE_NX | PTE_G);
    unsigned int slot = PT_INDEX(va, 4);
    mfn_t m = pte_mfn(e);

    if (slot == PT_INDEX(DESC_WINDOW_START, 4))
        return va - v->arch.desc_window < DESC_WINDOW_SIZE &&
               !(rights & (PTE_US | PTE_G)) && (rights & PTE_NX);
    if (va == area_of(cpu))
        return rights == 0 && same_page(m, entry_stub_start);
    if (va == entry_page_of(cpu))
        return rights == (PTE_RW | PTE_NX) &&
               mfn_eq(m, pte_mfn(*hv_l1e(entry_page_of(cpu))));
    for (unsigned int i = 0; i < NR_IDT_PAGES; i++)
        if (va == (uintptr_t)idt_page(i))
            return rights == PTE_NX && same_page(m, idt_page(i));
    if (va >= (uintptr_t)entry_text_start && va < (uintptr_t)entry_text_end)
        return rights == 0 && same_page(m, (const void *)va);
    return false;
}

static void check_leaf(struct check *c, unsigned long va, pte_t e)
{
    if (is_allowed(c->v, c->cpu, va, e))
        return;
    if (c->errors++ < 10)
        printk(LOG_ERR "audit: d%dv%u: its isolated root maps %#lx: %016lx\n",
               c->v->domain->id, c->v->id, va, e);
}

static void check_table(struct check *c, const pte_t *table, unsigned int level,
                        unsigned long va)
{
    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        unsigned long at = va + ((unsigned long)i << (12 + 9 * (level - 1)));

        if (!(table[i] & PTE_P))
            continue;
        if (level == 1 || (table[i] & PTE_PSE))
            check_leaf(c, at, table[i]);
        else
            check_table(c, table_of(table[i]), level - 1, at);
    }
}

/* Is it v whose window the tables of cpu show? Else it is not loaded there, and
 * whoever is shows his. */
static bool is_shown(const struct vcpu *v, unsigned int cpu)
{
    const struct view *w = &per_cpu(view, cpu);
    unsigned long va = v->arch.desc_window;

    return w->shown_l3 == &w->window_l3[PT_INDEX(va, 3)] &&
           w->shown_l2 == &w->window_l2[PT_INDEX(va, 2)];
}

unsigned int isolation_check_view(const struct vcpu *v, const pte_t *l4,
                                  unsigned int mode, unsigned int cpu)
{
    struct check c = {.v = v, .cpu = cpu};

    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++) {
        unsigned long va = 0xffff000000000000 | (unsigned long)i << 39;

        if (!(l4[i] & PTE_P))
            continue;
        if (i == M2P_SLOT) {
            if (mode != ISOLATED_KERNEL || l4[i] != hv_l4[i])
                check_leaf(&c, va, l4[i]);
        } else if (i != PT_INDEX(DESC_WINDOW_START, 4) || is_shown(v, cpu)) {
            check_table(&c, table_of(l4[i]), 3, va);
        }
    }
    return c.errors;
}
