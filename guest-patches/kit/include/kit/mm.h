/* SPDX-License-Identifier: MIT */
/*
 * Memory of a kit kernel: the builder maps pfn 0 upward at KIT_VIRT_BASE, the
 * p2m list translates pfn to mfn, the read-only M2P table back. Pages for
 * tests come from a pool in the image, so they are mapped from the start.
 */
#ifndef KIT_MM_H
#define KIT_MM_H

#include <kit/types.h>
#include <public/xen.h>

#define KIT_VIRT_BASE 0xffffffff80000000UL
#define M2P_BASE      0xffff800000000000UL
#define INVALID_MFN   (~0UL)

#define PTE_P            0x001UL
#define PTE_RW           0x002UL
#define PTE_US           0x004UL
#define PTE_PWT          0x008UL
#define PTE_PCD          0x010UL
#define PTE_A            0x020UL
#define PTE_D            0x040UL
#define PTE_PSE          0x080UL
#define PTE_PAT          0x080UL
#define PTE_G            0x100UL
#define PTE_GUEST_KERNEL (1UL << 52) /* the hypervisor's mark: U was clear */
#define PTE_NX           (1UL << 63)
#define PTE_ADDR         0x000ffffffffff000UL

#define KERNEL_RW   (PTE_P | PTE_RW | PTE_A | PTE_D)
#define KERNEL_RO   (PTE_P | PTE_A | PTE_D)
#define USER_RW     (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)
#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

extern struct start_info *start_info;
extern struct shared_info *shared_info;
extern uint64_t *p2m;

void mm_init(struct start_info *si);

static inline uint64_t virt_to_pfn(const volatile void *va)
{
    return (addr(va) - KIT_VIRT_BASE) >> PAGE_SHIFT;
}

static inline uint64_t virt_to_mfn(const volatile void *va)
{
    return p2m[virt_to_pfn(va)];
}

static inline uint64_t virt_to_maddr(const volatile void *va)
{
    return (virt_to_mfn(va) << PAGE_SHIFT) | (addr(va) & ~PAGE_MASK);
}

static inline void *pfn_to_virt(uint64_t pfn)
{
    return (void *)(KIT_VIRT_BASE + (pfn << PAGE_SHIFT));
}

static inline uint64_t mfn_to_pfn(uint64_t mfn)
{
    return ((const volatile uint64_t *)M2P_BASE)[mfn];
}

static inline void *mfn_to_virt(uint64_t mfn)
{
    return pfn_to_virt(mfn_to_pfn(mfn));
}

static inline uint64_t pte_make(uint64_t mfn, uint64_t flags)
{
    return (mfn << PAGE_SHIFT) | flags;
}

static inline uint64_t pte_mfn(uint64_t pte)
{
    return (pte & PTE_ADDR) >> PAGE_SHIFT;
}

/* One zeroed page; panics when the pool is empty. */
void *page_alloc(void);
void page_free(void *page);
unsigned int pages_free(void);

/* End of the area that the builder mapped; pfns above are not mapped. */
uint64_t mapped_end_pfn(void);

/* A reserved page of address space, to map foreign or special frames at. */
void *window(unsigned int index);
#define NR_WINDOWS 16

/* Walk of the kernel L4: the entry of `level` (4..1) for va; NULL if a higher
 * level is not present. Tables are read through their mapping. */
uint64_t *pte_find(const volatile void *va, unsigned int level);
uint64_t pte_maddr(const volatile void *va, unsigned int level);

/* Single updates; the result of the hypercall. */
long pte_set(uint64_t maddr, uint64_t val);
long pte_set_owned(uint64_t maddr, uint64_t val, unsigned int owner);
long map_page(const volatile void *va, uint64_t pte);
long page_set_ro(const void *page);
long page_set_rw(const void *page);

long mmuext_mfn(unsigned int cmd, uint64_t mfn);
long pin_table(unsigned int level, uint64_t mfn);
long unpin_table(uint64_t mfn);

#endif
