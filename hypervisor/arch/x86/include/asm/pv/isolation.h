/* SPDX-License-Identifier: MIT */
/*
 * Isolation: while a guest runs, CR3 points to a root of ours that has the
 * guest's entries and, of the hypervisor, only what the way in needs. Meltdown
 * reads whatever is mapped, whoever may: so the rest is not. docs/entry.md,
 * "Isolation", draws the two views and their windows.
 *
 * A vcpu that is isolated owns some such roots for its kernel and some for its
 * user mode. Each is a copy of an L4 of the guest's, kept in step: entry by
 * entry when the L4 changes, as a whole when the vcpu gets one of which it has
 * no copy. Copies of L4 tables that it had before are kept in step too, until
 * that table is made anew or the copy is needed. Whoever is not isolated
 * (xpti=) runs on its own L4 tables, which have the hypervisor in them.
 */
#ifndef ASM_PV_ISOLATION_H
#define ASM_PV_ISOLATION_H

#include <asm/page.h>
#include <asm/patch.h>
#include <hv/types.h>

struct vcpu;
struct domain;
struct page_info;

/* Roots by mode, the index that entry.S uses: vcpu.arch.kernel_mode. */
#define ISOLATED_USER   0
#define ISOLATED_KERNEL 1

/* Copies that are kept for each mode: a guest goes to and fro between few
 * processes. */
#define ISOLATED_COPIES 4

struct isolated_copy {
    mfn_t source;   /* the guest's L4; INVALID_MFN: none */
    uint64_t cr3;   /* of l4 */
    pte_t *l4;      /* NULL: the vcpu is not isolated */
    uint64_t lines; /* parts of it that may have entries, see below */
    uint32_t cpu;   /* whose view is in its slots 256..271; ~0: none */
};

/* No two have the same source. */
struct isolated_roots {
    struct isolated_copy copy[ISOLATED_COPIES];
    unsigned int next; /* is replaced next */
};

/*
 * The entries of an L4 in parts of eight, a cache line each: most are empty,
 * and a copy is in proportion to those that are not. Which may have entries
 * says a word in the guest's L4 itself, in the hypervisor's last slot, which
 * maps nothing: bit n for line n, but bit 32 for line 0, since bit 0 would make
 * it present and line 32 is the hypervisor's.
 */
#define L4_LINE_ENTRIES 8
#define L4_LINES        (PT_ENTRIES / L4_LINE_ENTRIES)
#define L4_LINES_SLOT   HV_SLOT_LAST
static inline uint64_t l4_line_bit(unsigned int slot)
{
    unsigned int line = slot / L4_LINE_ENTRIES;

    return 1UL << (line ? line : HV_SLOT_FIRST / L4_LINE_ENTRIES);
}
/* The word for the entries of an L4 now. */
uint64_t l4_lines(const pte_t *l4);
/* Make copy's guest entries those of l4; copy has had entries in `had`. */
void l4_copy_lines(pte_t *copy, const pte_t *l4, uint64_t lines, uint64_t had);

static inline bool isolation_is_on(void)
{
    return patch_is_set(PATCH_ISOLATION);
}

/* ---- isolation.c; all are nothing for a vcpu that is not isolated ---- */

int isolation_vcpu_create(struct vcpu *v) MUST_CHECK;
void isolation_vcpu_destroy(struct vcpu *v);
/* The vcpu, which does not run, has other L4 tables: copies are worthless. */
void isolation_forget(struct vcpu *v);
/*
 * current has another L4 for the mode (INVALID_MFN: none). Before the reference
 * of the old one is dropped.
 */
void isolation_set_root(struct vcpu *v, unsigned int mode, mfn_t l4);
/*
 * v becomes current on this CPU, its descriptor window and page tables too;
 * interrupts off. The idle vcpu as well: nothing is isolated then.
 */
void isolation_load(struct vcpu *v);
/*
 * table, a frame of d, is about to be an L4 of d that can be loaded: copies of
 * what it was before are forgotten.
 */
void isolation_l4_made(const struct domain *d, const struct page_info *table);
/*
 * Entry `slot` of table, an L4 of d, has changed, and the table is still locked
 * since then (it is written to here): all copies follow before this
 * returns. The caller flushes the domain's CPUs after that.
 */
void isolation_l4_changed(const struct domain *d, struct page_info *table,
                          unsigned int slot);

/* What isolated roots map must be what is allowed: number of differences.
 * The domain's vcpus are paused, or current. */
unsigned int isolation_audit(const struct domain *d);

/* ---- isolation_view.c: the hypervisor's part of isolated roots ---- */

void isolation_init(void);                           /* boot CPU */
int isolation_cpu_init(unsigned int cpu) MUST_CHECK; /* its tables */
/* This CPU's view shows v's descriptor window and no other. */
void isolation_show_window(const struct vcpu *v);
/* Slots 256..271 of a root for the mode that is to be used on this CPU. */
void isolation_install(pte_t *l4, unsigned int mode, unsigned int cpu);
/* A root for the mode with the view of cpu maps nothing of the hypervisor that
 * it should not. */
unsigned int isolation_check_view(const struct vcpu *v, const pte_t *l4,
                                  unsigned int mode, unsigned int cpu);

#endif
