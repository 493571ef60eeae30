/* SPDX-License-Identifier: MIT */
/*
 * Memory for the hypervisor itself: whole pages, and small objects cut from
 * pages by size class. A page of objects is described by its page_info: order
 * is the class, flags say so, next/prev link the pages of the class that have
 * room. The free objects of a page are a list of offsets through the objects
 * themselves; its head and the number in use are in tlb_stamp, which has no
 * other use while the hypervisor owns the page.
 */
#include <hv/lib.h>
#include <hv/page.h>

#define PGF_OBJECTS 0x10
#define NO_OBJECT   0xffff

static const uint16_t class_size[] = {16,  32,  48,  64,  96,   128,  192,
                                      256, 384, 512, 768, 1024, 1360, 2048};
#define NR_CLASSES ARRAY_SIZE(class_size)

/* Guards the lists and the page_info fields named above. */
static spinlock_t object_lock = SPINLOCK_INIT(LOCK_RANK_SLAB);
static uint32_t room[NR_CLASSES]; /* first page with room, frame + 1 */

struct object_page {
    uint16_t free; /* offset of the first free object in units of 16 */
    uint16_t used;
};
_Static_assert(sizeof(struct object_page) == sizeof(uint32_t), "in tlb_stamp");

static struct object_page *object_page(struct page_info *pg)
{
    return (struct object_page *)&pg->tlb_stamp;
}

void *hv_alloc_pages(unsigned int order)
{
    struct page_info *pg = heap_alloc(order, ALLOC_NO_SCRUB);
    void *va;

    if (!pg)
        return NULL;
    for (unsigned long i = 0; i < 1UL << order; i++)
        pg[i].state = PGS_HV;
    pg->order = (uint16_t)order;
    va = page_to_virt(pg);
    memset(va, 0, PAGE_SIZE << order);
    return va;
}

void hv_free_pages(void *va, unsigned int order)
{
    struct page_info *pg;

    if (!va)
        return;
    pg = virt_to_page(va);
    ASSERT(pg->state == PGS_HV && pg->order == order);
    heap_free(pg, order);
}

static void room_add(struct page_info *pg)
{
    uint32_t n = (uint32_t)mfn_x(page_to_mfn(pg));
    uint32_t first = room[pg->order] - 1;

    pg->prev = PAGE_LINK_NONE;
    pg->next = first;
    if (first != PAGE_LINK_NONE)
        mfn_to_page(mfn(first))->prev = n;
    room[pg->order] = n + 1;
}

static void room_remove(struct page_info *pg)
{
    if (pg->next != PAGE_LINK_NONE)
        mfn_to_page(mfn(pg->next))->prev = pg->prev;
    if (pg->prev != PAGE_LINK_NONE)
        mfn_to_page(mfn(pg->prev))->next = pg->next;
    else
        room[pg->order] = pg->next + 1;
}

static uint16_t *link_of(struct page_info *pg, uint16_t offset)
{
    return (uint16_t *)((char *)page_to_virt(pg) + offset * 16UL);
}

/* A fresh page with all its objects free, not yet on the list. */
static struct page_info *objects_new(unsigned int class)
{
    unsigned int size = class_size[class];
    char *va = hv_alloc_pages(0);
    struct page_info *pg;

    if (!va)
        return NULL;
    pg = virt_to_page(va);
    pg->order = (uint16_t) class;
    pg->flags = PGF_OBJECTS;
    *object_page(pg) = (struct object_page){.free = NO_OBJECT};
    for (unsigned int o = 0; o + size <= PAGE_SIZE; o += size) {
        *link_of(pg, (uint16_t)(o / 16)) = object_page(pg)->free;
        object_page(pg)->free = (uint16_t)(o / 16);
    }
    return pg;
}

static void *object_take(unsigned int class)
{
    struct page_info *pg, *fresh = NULL;
    uint16_t *object;

    spin_lock(&object_lock);
    if (!room[class]) {
        /* Not under the lock: a new page may mean flushing other CPUs. */
        spin_unlock(&object_lock);
        fresh = objects_new(class);
        if (!fresh)
            return NULL;
        spin_lock(&object_lock);
        room_add(fresh);
    }
    pg = mfn_to_page(mfn(room[class] - 1));
    object = link_of(pg, object_page(pg)->free);
    object_page(pg)->free = *object;
    object_page(pg)->used++;
    if (*object == NO_OBJECT)
        room_remove(pg);
    spin_unlock(&object_lock);
    return object;
}

static void object_give(struct page_info *pg, void *p)
{
    bool was_full, empty;

    spin_lock(&object_lock);
    was_full = object_page(pg)->free == NO_OBJECT;
    *(uint16_t *)p = object_page(pg)->free;
    object_page(pg)->free = (uint16_t)(((uintptr_t)p & (PAGE_SIZE - 1)) / 16);
    empty = --object_page(pg)->used == 0;
    if (empty && !was_full)
        room_remove(pg);
    else if (!empty && was_full)
        room_add(pg);
    spin_unlock(&object_lock);

    if (empty) {
        pg->flags = 0;
        pg->order = 0;
        hv_free_pages(page_to_virt(pg), 0);
    }
}

void *hv_alloc(size_t bytes)
{
    unsigned int order = 0;
    void *p;

    for (unsigned int c = 0; c < NR_CLASSES; c++) {
        if (bytes > class_size[c])
            continue;
        p = object_take(c);
        if (p)
            memset(p, 0, bytes);
        return p;
    }
    while ((PAGE_SIZE << order) < bytes && order <= MAX_ORDER)
        order++;
    return hv_alloc_pages(order);
}

void hv_free(void *p)
{
    struct page_info *pg;

    if (!p)
        return;
    pg = virt_to_page(p);
    if (pg->flags & PGF_OBJECTS)
        object_give(pg, p);
    else
        hv_free_pages(p, pg->order);
}
