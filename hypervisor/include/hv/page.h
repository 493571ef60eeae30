/* SPDX-License-Identifier: MIT */
/*
 * The frame table: one struct page_info per machine frame of RAM, and the
 * allocator over it. The rules of types and counts are docs/paging.md; the
 * functions on types are arch's (asm/pv/ptype.h).
 */
#ifndef HV_PAGE_H
#define HV_PAGE_H

#include <asm/frames.h>
#include <hv/spinlock.h>
#include <hv/types.h>

struct domain;

/*
 * pg->state, one 64-bit word, changed only by compare-exchange (so that a
 * reference and a type reference are taken in one atomic step):
 *   0..25   general reference count
 *   26..51  type reference count
 *   52..54  type (enum page_type)
 *   55      VALIDATED  contents checked for the type
 *   56      PINNED     one of the references is the guest's pin
 *   57      LOCKED     page-table page lock (rank LOCK_RANK_PT)
 *   58      ALLOCATED  one general reference is the owner's allocation
 *   59      HV         allocated for the hypervisor (may be shared to owner)
 *   60      PARTIAL    (de)validation was preempted; progress in pt.nr_done
 *   61      BROKEN     never hand out again
 *   62      FOREIGN    another domain than the owner had it writable since the
 *                      last flush for a change of type
 * A free page has state 0. Counts never wrap: taking one more at the maximum
 * is refused.
 */
#define PGS_REF_ONE    (1UL << 0)
#define PGS_REF_MASK   ((1UL << 26) - 1)
#define PGS_TREF_SHIFT 26
#define PGS_TREF_ONE   (1UL << PGS_TREF_SHIFT)
#define PGS_TREF_MASK  (((1UL << 26) - 1) << PGS_TREF_SHIFT)
#define PGS_TYPE_SHIFT 52
#define PGS_TYPE_MASK  (7UL << PGS_TYPE_SHIFT)
#define PGS_VALIDATED  (1UL << 55)
#define PGS_PINNED     (1UL << 56)
#define PGS_LOCKED     (1UL << 57)
#define PGS_ALLOCATED  (1UL << 58)
#define PGS_HV         (1UL << 59)
#define PGS_PARTIAL    (1UL << 60)
#define PGS_BROKEN     (1UL << 61)
#define PGS_FOREIGN    (1UL << 62)

/* A frame has one type at a time; it changes only while its type count is 0.
 * WRITABLE excludes every other: a frame is never at once writable and a page
 * table or descriptor page. */
enum page_type {
    PGT_NONE = 0,
    PGT_L1 = 1,
    PGT_L2 = 2,
    PGT_L3 = 3,
    PGT_L4 = 4,
    PGT_WRITABLE = 5,
    PGT_SEGDESC = 6,
};

#define PAGE_LINK_NONE 0xffffffffU
#define PGF_HELD       0x04 /* in the owner's held_list; its page_list_lock */

struct page_info {
    uint64_t state;
    struct domain *owner; /* NULL: free, or the hypervisor's own */
    /* List links as frame numbers: the owner's page list (its page_list_lock)
     * or a free list (heap_lock). */
    uint32_t next, prev;
    /* Stamp of the TLB clock when the last writable type reference was
     * dropped or the page was freed: CPUs flushed since hold no stale entry. */
    uint32_t tlb_stamp;
    union {
        uint16_t nr_done; /* PT: entries (de)validated so far, with PARTIAL */
        uint16_t order;   /* head of a free block or of a HV allocation */
    };
    uint8_t flags; /* free: the allocator's, heap_lock; else PGF_HELD */
    uint8_t node;
};

/* frame_table[mfn], mfn_is_ram() and mfn_to_virt() are the machine's. */
extern uint64_t max_mfn; /* highest RAM frame + 1 */

static inline mfn_t page_to_mfn(const struct page_info *pg)
{
    return mfn((uint64_t)(pg - frame_table));
}

static inline struct page_info *mfn_to_page(mfn_t m)
{
    return &frame_table[mfn_x(m)];
}

static inline void *page_to_virt(const struct page_info *pg)
{
    return mfn_to_virt(page_to_mfn(pg));
}

mfn_t virt_to_mfn(const void *va); /* direct map or image addresses */
struct page_info *virt_to_page(const void *va);

/* ---- machine-to-physical table (visible read-only to guests) ---- */
#define INVALID_M2P (~0UL)
void m2p_set(mfn_t m, uint64_t pfn);
uint64_t m2p_get(mfn_t m);
/* Frame that holds the i-th 2 MiB of the table (XENMEM_machphys_mfn_list). */
mfn_t m2p_frame(unsigned int i);

/* ---- allocator: buddy, orders 0..MAX_ORDER (core/page_alloc.c) ---- */
#define MAX_ORDER            18
#define ALLOC_LOW_BITS(bits) ((bits)&0xff) /* below 1 << bits bytes; 0: any */
#define ALLOC_NO_SCRUB                                    \
    0x100 /* contents may be stale: caller overwrites all \
           */
#define ALLOC_OWN_DATA \
    0x400 /* may hold what the same domain had there before */
#define ALLOC_EXACT_NODE 0x200 /* from no other node than the given one */
#define ALLOC_NODE(n)    ((((n) + 1) & 0xff) << 16) /* near node n */
#define ALLOC_NODE_OF(flags) \
    ((((flags) >> 16) - 1) & 0xff) /* NODE_NONE: none */

/*
 * Frames for the hypervisor or by its own reckoning, from the nearest node:
 * not yet in a domain's list, no owner, count 0. Scrubbed unless
 * ALLOC_NO_SCRUB. NULL if there is no such block.
 */
struct page_info *heap_alloc(unsigned int order, unsigned int flags);
/*
 * The same for a domain: not what others have claimed; from the node that
 * flags name, else from those of the domain's affinity, else from any.
 */
struct page_info *heap_alloc_for(const struct domain *d, unsigned int order,
                                 unsigned int flags);
/*
 * The same for who must give way meanwhile: clearing a large block takes long.
 * pace->stop() is asked every so many frames cleared, over all calls with that
 * pace. If it says yes: NULL, pace->stopped, and the block is free again with
 * what was cleared, so that the next attempt has less to do.
 */
struct heap_pace {
    bool (*stop)(void);
    unsigned int cleared;
    bool stopped;
};
struct page_info *heap_alloc_paced(const struct domain *d, unsigned int order,
                                   unsigned int flags, struct heap_pace *pace);
/* A scrubbed block that nobody has written: free again, and clean still. */
void heap_put_back(struct page_info *pg, unsigned int order);
void heap_free(struct page_info *pg, unsigned int order);
/* The same for a single frame of a domain: this CPU keeps it for the next who
 * needs one (core/heap_cache.c). */
void heap_free_one(struct page_info *pg);
uint64_t heap_free_pages(void);
uint64_t heap_total_pages(void);
/* Of a node; free: at addresses of min_bits to max_bits bits, 0: any. */
uint64_t heap_node_total(unsigned int node);
uint64_t heap_node_free(unsigned int node, unsigned int min_bits,
                        unsigned int max_bits);
/* Give the allocator a range of RAM (boot). */
void heap_add_range(mfn_t start, uint64_t nr);
/* Sort what is free by node, once hv/numa.h knows them (boot). */
void heap_nodes_known(void);

/*
 * Scrub some free frames, as an idle CPU does. Interrupts are on. True: there
 * are more. (core/heap_scrub.c)
 */
bool heap_scrub(void);
/* Frames that await it. */
uint64_t heap_dirty_pages(void);

/* Claims (core/claim.c has the rules): set one, false if there is not that
 * much unclaimed; count nr frames against one. */
bool heap_claim_set(uint64_t *claim, uint64_t want) MUST_CHECK;
void heap_claim_use(uint64_t *claim, uint64_t nr);
uint64_t heap_claimed_pages(void);

/*
 * Bad frames (core/heap_offline.c): never handed out again once free. Each
 * returns the PG_* status word of the ABI (public/sysctl.h), or -EINVAL if m
 * is not a frame of RAM.
 */
int heap_offline(mfn_t m, uint32_t *status) MUST_CHECK;
int heap_online(mfn_t m, uint32_t *status) MUST_CHECK;
int heap_offline_query(mfn_t m, uint32_t *status) MUST_CHECK;
/* heap_free()'s part for a block with PGS_BROKEN frames. */
void heap_free_broken(struct page_info *pg, unsigned int order);

/* The option bootscrub=; and from here on tell dom0 when memory runs low. */
void heap_boot_scrub(void);
void heap_low_arm(void);

/* Frames for the hypervisor itself, mapped, zeroed; NULL without memory. */
void *hv_alloc_pages(unsigned int order);
void hv_free_pages(void *va, unsigned int order);
/* Small objects: zeroed, naturally aligned to 16 bytes. */
void *hv_alloc(size_t bytes);
void hv_free(void *p);
/* Virtually contiguous, zeroed, page-aligned, guard page behind it. */
void *hv_vmalloc(size_t bytes);
void hv_vfree(void *va, size_t bytes);

/* ---- pages of a domain (core/domain_pages.c) ---- */
/*
 * Give a fresh block to d: owner, ALLOCATED reference, list and tot_pages.
 * -E2BIG/-ENOMEM over max_pages (then the block is still the caller's),
 * -EINVAL if d is dying.
 */
int domain_assign_pages(struct domain *d, struct page_info *pg,
                        unsigned int order) MUST_CHECK;
/*
 * d gives a frame back: it goes when the last mapping goes, which for a guest
 * that did its part is now. False if it is not d's to give.
 */
bool domain_release_page(struct domain *d, struct page_info *pg) MUST_CHECK;
/*
 * Freeze a frame of whom the caller holds the one reference beside the
 * allocation: from then on nobody can take a reference, nor has one. False if
 * it is used in any way, or not its owner's to give; the caller keeps its
 * reference then. A frozen frame is thawed (which drops the reference), or
 * exchanged.
 */
bool domain_freeze_page(struct page_info *pg) MUST_CHECK;
void domain_thaw_page(struct page_info *pg);
/*
 * Frozen frames of d leave it, and are freed; nr_new fresh blocks, as many
 * frames, join it. -EINVAL if d is dying: nothing has happened.
 */
int domain_exchange_pages(struct domain *d, struct page_info **old,
                          unsigned long nr_old, struct page_info **new,
                          unsigned long nr_new, unsigned int order) MUST_CHECK;
/* Freeze and take from its owner: in no list and no TLB, nobody's, and the
 * caller's to assign or free. False as domain_freeze_page(). */
bool domain_take_page(struct page_info *pg) MUST_CHECK;
/* Last reference dropped: scrub if needed and free; called by page_put(). */
void domain_page_free(struct page_info *pg);

/* ---- general references (arch/x86/pv/ptype.c) ---- */
/* Take a reference if pg belongs to d. False: not owned, free, or at limit. */
bool page_get(struct page_info *pg, const struct domain *d) MUST_CHECK;
void page_put(struct page_info *pg);
/* mfn -> page with a reference, NULL if not RAM or not d's. */
struct page_info *page_get_from_mfn(mfn_t m, const struct domain *d) MUST_CHECK;
/* Reference and a type reference in one step, validating when the type is
 * new. -EINVAL, -EBUSY (conflicting type), -ERESTART (preempted). A table of
 * tables that is refused may be left half-way: asm/pv/mm.h. */
int page_get_and_type(struct page_info *pg, const struct domain *d,
                      enum page_type type) MUST_CHECK;
/* A tree of tables may be left half-way, to be taken apart by its owner's end:
 * pv_put_or_defer() is for those. */
void page_put_and_type(struct page_info *pg);
/* Drop the owner's ALLOCATED reference. The caller holds one of its own.
 * False: it had been dropped before, or it is a frame of the hypervisor. */
bool page_put_alloc_once(struct page_info *pg);
/* A HV page that its owner may map (shared_info, grant frames): marks owner,
 * writable type count held by the hypervisor until unshared. */
void page_share_with(struct page_info *pg, struct domain *d, bool writable);
/* End of that, by the hypervisor: the page is freed (heap_free) once the last
 * mapping is gone. Never touch it afterwards. */
void page_unshare(struct page_info *pg);

#endif
