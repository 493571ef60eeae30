/* SPDX-License-Identifier: MIT */
/* RAM: one mapping, a frame table and a machine-to-physical table over it. */
#include <string.h>
#include <sys/mman.h>

#include <hostarch.h>

struct page_info host_frames[HOST_MAX_FRAMES];
struct page_info *const frame_table = host_frames;
uint64_t max_mfn;

mfn_t host_image_mfn = {~0ULL};

static uint64_t m2p[HOST_MAX_FRAMES];
static char *ram;

void host_frames_init(uint64_t nr)
{
    size_t all = HOST_MAX_FRAMES * PAGE_SIZE;

    BUG_ON(nr > HOST_MAX_FRAMES);
    if (ram != NULL)
        munmap(ram, all);
    ram = mmap(NULL, all, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    BUG_ON(ram == MAP_FAILED);
    memset(host_frames, 0, sizeof(host_frames));
    memset(m2p, 0xff, sizeof(m2p));
    max_mfn = nr;
}

bool mfn_is_ram(mfn_t m)
{
    return mfn_x(m) < max_mfn;
}

void *mfn_to_virt(mfn_t m)
{
    BUG_ON(!mfn_is_ram(m));
    return ram + (mfn_x(m) << PAGE_SHIFT);
}

mfn_t virt_to_mfn(const void *va)
{
    mfn_t m = mfn((uint64_t)((const char *)va - ram) >> PAGE_SHIFT);

    if (!mfn_is_ram(m) && !mfn_eq(host_image_mfn, INVALID_MFN))
        return host_image_mfn;
    BUG_ON(!mfn_is_ram(m));
    return m;
}

struct page_info *virt_to_page(const void *va)
{
    return mfn_to_page(virt_to_mfn(va));
}

void m2p_set(mfn_t m, uint64_t pfn)
{
    BUG_ON(!mfn_is_ram(m));
    m2p[mfn_x(m)] = pfn;
}

uint64_t m2p_get(mfn_t m)
{
    return mfn_is_ram(m) ? m2p[mfn_x(m)] : INVALID_M2P;
}
