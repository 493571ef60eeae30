/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries and their walk. Intel SDM vol. 3, "4-Level Paging";
 * AMD APM vol. 2, "Long-Mode Page Translation".
 */
#ifndef ASM_PAGE_H
#define ASM_PAGE_H

#include <asm/config.h>
#include <hv/types.h>

typedef uint64_t pte_t; /* an entry of any level */

#define PTE_P   (1UL << 0)
#define PTE_RW  (1UL << 1)
#define PTE_US  (1UL << 2)
#define PTE_PWT (1UL << 3)
#define PTE_PCD (1UL << 4)
#define PTE_A   (1UL << 5)
#define PTE_D   (1UL << 6)
#define PTE_PSE (1UL << 7) /* L2, L3 */
#define PTE_PAT (1UL << 7) /* L1 */
#define PTE_G   (1UL << 8)
#define PTE_AVL (7UL << 9)
#define PTE_GUEST_KERNEL                                 \
    (1UL << 52) /* ABI: guest wrote the entry without US \
                 */
#define PTE_AVL_HIGH   (0x7ffUL << 52)
#define PTE_NX         (1UL << 63)
#define PTE_ADDR_MASK  0x000ffffffffff000UL
#define PTE_CACHE_MASK (PTE_PWT | PTE_PCD | PTE_PAT)

#define PT_ENTRIES          512
#define PT_INDEX(va, level) (((va) >> (12 + 9 * ((level)-1))) & 511)

static inline mfn_t pte_mfn(pte_t e)
{
    return mfn((e & PTE_ADDR_MASK) >> PAGE_SHIFT);
}

static inline pte_t pte_make(mfn_t m, uint64_t flags)
{
    return (mfn_x(m) << PAGE_SHIFT) | flags;
}

/* #PF error code bits. */
#define PFEC_P    (1U << 0)
#define PFEC_W    (1U << 1)
#define PFEC_U    (1U << 2)
#define PFEC_RSVD (1U << 3)
#define PFEC_ID   (1U << 4)

#define CANONICAL(a) ((int64_t)((uint64_t)(a) << 16) >> 16 == (int64_t)(a))

/* The hypervisor's own L4: slots 256..271 of it are copied into every L4. */
extern pte_t *hv_l4;
/* Copy the hypervisor's slots into an L4 page, all but the guests' view of the
 * machine-to-physical table, which is left empty. */
void l4_install_hv_slots(pte_t *l4);

/* Map frames into the hypervisor's slots (allocates tables). flags: PTE_*.
 * Existing entries are replaced; caller flushes. -ENOMEM. */
int hv_map(unsigned long va, mfn_t m, uint64_t nr, uint64_t flags) MUST_CHECK;
void hv_unmap(unsigned long va, uint64_t nr); /* flushes all CPUs */
/* One entry at a level (2: 2 MiB, 3: 1 GiB); for boot. */
int hv_map_level(unsigned long va, mfn_t m, uint64_t flags,
                 unsigned int level) MUST_CHECK;
/* Pointer to the L1 entry of a mapped va, NULL if there is no table. */
pte_t *hv_l1e(unsigned long va);
#define HV_RW (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX)
#define HV_RO (PTE_P | PTE_A | PTE_NX)
#define HV_RX (PTE_P | PTE_A)
#define HV_UC (HV_RW | PTE_PCD | PTE_PWT)
/* Map device memory, uncached; page-aligned inside. NULL without memory. */
void *ioremap(paddr_t pa, size_t len);
/* The same, cached and read-only: firmware tables. */
const void *map_firmware(paddr_t pa, size_t len);
/* End of either; va and len as then. */
void iounmap(const volatile void *va, size_t len);

static inline unsigned long maddr_to_directmap(paddr_t pa)
{
    return DIRECTMAP_START + pa;
}

#endif
