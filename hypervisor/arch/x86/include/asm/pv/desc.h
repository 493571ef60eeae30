/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables of guests. Each vcpu has a window of hypervisor addresses
 * (asm/config.h): 16 pages of GDT, of which the guest's frames are the first
 * 14 and number 14 is the reserved page of the CPU it runs on, then 16 pages
 * of LDT, faulted in one by one.
 */
#ifndef ASM_PV_DESC_H
#define ASM_PV_DESC_H

#include <asm/page.h>
#include <hv/types.h>

struct vcpu;

#define WINDOW_GDT_PAGES 16
#define WINDOW_LDT_PAGES 16
#define WINDOW_PAGES     (WINDOW_GDT_PAGES + WINDOW_LDT_PAGES)
#define GDT_GUEST_PAGES  14
#define GDT_GUEST_ENTS   7168
#define LDT_MAX_ENTS     8192
#define DESCS_PER_PAGE   512

/*
 * Make a frame's 512 descriptors safe for use as GDT or LDT, in place: DPL is
 * raised to 3. -EINVAL: one is of a kind that no guest may have; the frame may
 * be partly changed then. Nobody may write to the frame meanwhile.
 */
int pv_segdesc_validate(uint64_t *descs) MUST_CHECK;
/* One descriptor: the value to store through *desc. Intel SDM vol. 3, "Segment
 * Descriptors". */
static inline MUST_CHECK bool pv_desc_ok(uint64_t *desc)
{
    const uint64_t type = 0xfUL << 40, code_or_data = 1UL << 44;
    const uint64_t dpl = 3UL << 45, present = 1UL << 47;
    uint64_t d = *desc;

    if (!(d & present))
        return true;
    if (d & code_or_data) {
        *desc = d | dpl;
        return true;
    }
    return !(d & type);
}

/* A selector that the guest may have in CS resp. SS: at least RPL 3. */
static inline uint16_t pv_fix_sel(uint16_t sel)
{
    return sel | 3;
}

int pv_window_create(struct vcpu *v) MUST_CHECK;
void pv_window_destroy(struct vcpu *v);
/* L1 entry of page n of v's window. */
pte_t *pv_window_pte(struct vcpu *v, unsigned int n);

/* Take the frames (their references and types) as GDT, dropping the old one.
 * -EINVAL: bad count or frame; nothing changed. */
int pv_set_gdt(struct vcpu *v, const uint64_t *frames,
               unsigned int ents) MUST_CHECK;
void pv_drop_gdt(struct vcpu *v);

/* This CPU's descriptor-table registers := v's (v is, or becomes, current).
 * pv_load_ldt: v->arch.ldt_base or ldt_ents changed. */
void pv_load_gdt(struct vcpu *v);
void pv_load_ldt(struct vcpu *v);

/* MMUEXT_SET_LDT for the current vcpu: -EINVAL. ents 0: none. */
int pv_set_ldt(struct vcpu *v, unsigned long base,
               unsigned long ents) MUST_CHECK;

/* The copy of the time record at the guest's chosen address; kernel L4 live. */
void pv_time_area_update(struct vcpu *v);

#endif
