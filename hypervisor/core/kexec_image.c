/* SPDX-License-Identifier: MIT */
/*
 * A kexec image's memory. A crash image's segments are written to where they
 * belong, in the reserved area. A default image's are kept in frames of the
 * heap, with a list of where each is to be copied at the end: none of these
 * frames, nor of the lists and tables, may lie where a segment goes. Frames of
 * the heap that do are set aside until the image is gone, so that the heap
 * does not offer them again.
 */
#include <hv/kexec.h>
#include <hv/lib.h>
#include <hv/page.h>

int kexec_image_new(struct kexec_image **out)
{
    struct kexec_image *img = hv_alloc(sizeof(*img));

    if (!img)
        return -ENOMEM;
    img->pages = img->refused = PAGE_LINK_NONE;
    *out = img;
    return 0;
}

static void free_chain(uint32_t first)
{
    while (first != PAGE_LINK_NONE) {
        struct page_info *pg = mfn_to_page(mfn(first));

        first = pg->next;
        hv_free_pages(page_to_virt(pg), 0);
    }
}

void kexec_image_free(struct kexec_image *img)
{
    if (!img)
        return;
    free_chain(img->pages);
    free_chain(img->refused);
    hv_free(img);
}

static bool is_destination(const struct kexec_image *img, paddr_t pa)
{
    for (unsigned int i = 0; i < img->nr_segments; i++)
        if (pa >= img->segment[i].dest &&
            pa - img->segment[i].dest < img->segment[i].dest_size)
            return true;
    return false;
}

/* At most as many frames are refused as the segments have. */
static void *take_page(struct kexec_image *img, unsigned int alloc_flags)
{
    for (;;) {
        struct page_info *pg = heap_alloc(0, alloc_flags | ALLOC_NO_SCRUB);
        uint32_t *chain;

        if (!pg)
            return NULL;
        pg->state = PGS_HV;
        chain = is_destination(img, mfn_to_maddr(page_to_mfn(pg)))
                    ? &img->refused
                    : &img->pages;
        pg->next = *chain;
        *chain = (uint32_t)mfn_x(page_to_mfn(pg));
        if (chain == &img->pages)
            return memset(page_to_virt(pg), 0, PAGE_SIZE);
    }
}

void *kexec_image_page(struct kexec_image *img)
{
    return take_page(img, 0);
}

void *kexec_image_low_page(struct kexec_image *img)
{
    return take_page(img, ALLOC_LOW_BITS(32));
}

static bool room_for_copy(struct kexec_image *img)
{
    struct kexec_copies *fresh;

    if (img->last_copies && img->last_copies->nr < KEXEC_COPIES_PER_PAGE)
        return true;
    fresh = kexec_image_page(img);
    if (!fresh)
        return false;
    if (img->last_copies)
        img->last_copies->next = mfn_to_maddr(virt_to_mfn(fresh));
    else
        img->first_copies = fresh;
    img->last_copies = fresh;
    return true;
}

void *kexec_image_dest(struct kexec_image *img, paddr_t dest)
{
    struct kexec_copies *c;
    void *va;

    if (img->type == KEXEC_TYPE_CRASH)
        return mfn_to_virt(maddr_to_mfn(dest));
    if (!room_for_copy(img))
        return NULL;
    va = kexec_image_page(img);
    if (!va)
        return NULL;
    c = img->last_copies;
    c->page[c->nr].dest = dest;
    c->page[c->nr].src = mfn_to_maddr(virt_to_mfn(va));
    c->nr++;
    return va;
}
