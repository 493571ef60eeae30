/* SPDX-License-Identifier: MIT */
/*
 * Allocation and foreign-mapped writes, in batches that keep the mapping calls
 * few and the address space small.
 */
#include "libs/image/guest_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "libs/sys/foreign.h"
#include "libs/sys/memory.h"

#define LARGE_ORDER 9u
#define LARGE_PAGES (1ull << LARGE_ORDER)
#define BATCH_PAGES 1024ull
#define PAGE        4096ull

/* As many 2 MiB extents from pfn 0 as the hypervisor gives. Returns pages. */
static uint64_t populate_large(struct guest_mem *m)
{
    uint64_t nr = m->nr_pages >> LARGE_ORDER;
    xen_pfn_t *frames = calloc(nr ? nr : 1, sizeof(*frames));
    long got;

    if (!frames)
        return 0;
    for (uint64_t i = 0; i < nr; i++)
        frames[i] = i << LARGE_ORDER;
    got = sys_populate_physmap(m->sys, m->domid, frames, nr, LARGE_ORDER, 0);
    if (got < 0)
        got = 0;
    for (uint64_t i = 0; i < (uint64_t)got; i++)
        for (uint64_t j = 0; j < LARGE_PAGES; j++)
            m->p2m[(i << LARGE_ORDER) + j] = frames[i] + j;
    free(frames);
    return (uint64_t)got << LARGE_ORDER;
}

/* So that two creations cannot each take half of what is left. */
static int guest_mem_claim(struct guest_mem *m, struct errmsg *err)
{
    int rc = sys_claim_pages(m->sys, m->domid, m->nr_pages);

    if (rc != -ENOMEM)
        return 0; /* claims are a service, not a condition */
    err_set(err, rc, "the machine has not %llu MiB of memory left",
            (unsigned long long)m->nr_pages >> 8);
    err_hint(err, "see `tl info` for free memory; lower memory=, or shut down "
                  "another guest");
    return rc;
}

int guest_mem_populate(struct guest_mem *m, struct sys *sys, uint32_t domid,
                       uint64_t nr_pages, struct errmsg *err)
{
    uint64_t done, rest;
    long got;
    int rc;

    *m = (struct guest_mem){.sys = sys, .domid = domid, .nr_pages = nr_pages};
    m->p2m = calloc(nr_pages, sizeof(*m->p2m));
    if (!m->p2m)
        return err_set(err, -ENOMEM, "no memory for a table of %llu pages",
                       (unsigned long long)nr_pages);
    rc = guest_mem_claim(m, err);
    if (rc) {
        guest_mem_free(m);
        return rc;
    }
    done = populate_large(m);
    rest = nr_pages - done;
    for (uint64_t pfn = done; pfn < nr_pages; pfn++)
        m->p2m[pfn] = pfn;
    got =
        rest ? sys_populate_physmap(sys, domid, m->p2m + done, rest, 0, 0) : 0;
    sys_claim_pages(sys, domid, 0);
    if (got >= 0 && (uint64_t)got == rest)
        return 0;
    guest_mem_free(m);
    err_set(err, got < 0 ? (int)got : -ENOMEM,
            "the hypervisor gave %llu of %llu MiB of memory",
            (unsigned long long)(done + (uint64_t)(got < 0 ? 0 : got)) >> 8,
            (unsigned long long)nr_pages >> 8);
    err_hint(err, "see `tl info` for free memory; lower memory=, or shut down "
                  "another guest");
    return got < 0 ? (int)got : -ENOMEM;
}

void guest_mem_free(struct guest_mem *m)
{
    free(m->p2m);
    m->p2m = NULL;
}

/* One batch: bytes [offset, offset + len) of the pages from pfn on. */
static int write_batch(struct guest_mem *m, uint64_t pfn, uint64_t offset,
                       struct bytes data, uint64_t len)
{
    uint64_t nr = (offset + len + PAGE - 1) / PAGE;
    uint64_t from_data = data.len < len ? data.len : len;
    void *map;
    int rc = sys_foreign_map(m->sys, m->domid, PROT_READ | PROT_WRITE,
                             m->p2m + pfn, nr, NULL, &map);

    if (rc)
        return rc;
    if (from_data)
        memcpy((char *)map + offset, data.p, from_data);
    memset((char *)map + offset + from_data, 0, len - from_data);
    return sys_foreign_unmap(map, nr);
}

int guest_mem_write(struct guest_mem *m, uint64_t pfn, uint64_t offset,
                    struct bytes data, uint64_t len, struct errmsg *err)
{
    pfn += offset / PAGE;
    offset %= PAGE;
    while (len) {
        uint64_t room = BATCH_PAGES * PAGE - offset;
        uint64_t now = len < room ? len : room;
        uint64_t used = now < data.len ? now : data.len;
        int rc;

        if (pfn >= m->nr_pages ||
            (offset + now + PAGE - 1) / PAGE > m->nr_pages - pfn)
            return err_set(err, -EFAULT, "write beyond the guest's memory");
        rc = write_batch(m, pfn, offset, data, now);
        if (rc)
            return err_set(err, rc, "cannot map guest memory at pfn %#llx: %s",
                           (unsigned long long)pfn, strerror(-rc));
        pfn += (offset + now) / PAGE;
        offset = (offset + now) % PAGE;
        len -= now;
        data = bytes_sub(data, used, data.len - used);
    }
    return 0;
}
