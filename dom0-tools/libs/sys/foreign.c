/* SPDX-License-Identifier: MIT */
/* Frames of another domain, or held for it, in our address space. */
#include "libs/sys/foreign.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "ioctls.h"
#include "private.h"

/* Address space only; the ioctls fill in the pages. */
static int reserve(struct sys *sys, unsigned long nr, int prot, void **addr)
{
    void *p;

    if (nr == 0 || nr > SIZE_MAX / SYS_PAGE_SIZE)
        return -EINVAL;
    p = mmap(NULL, nr * SYS_PAGE_SIZE, prot, MAP_SHARED, sys->privcmd, 0);
    if (p == MAP_FAILED)
        return -errno;
    *addr = p;
    return 0;
}

static int first_error(const int *errs, unsigned long nr)
{
    for (unsigned long i = 0; i < nr; i++) {
        if (errs[i] != 0)
            return errs[i];
    }
    return 0;
}

static int map_into(struct sys *sys, uint32_t domid, const xen_pfn_t *mfns,
                    unsigned long nr, int *errs, void *addr)
{
    struct privcmd_mmap_batch batch = {
        .num = (uint32_t)nr,
        .dom = (uint16_t)domid,
        .addr = (uintptr_t)addr,
        .arr = (const uint64_t *)mfns,
        .err = errs,
    };

    if (nr > UINT32_MAX)
        return -EINVAL;
    /* -ENOENT: some frames are paged out; errs[] tells which. */
    if (ioctl(sys->privcmd, PRIVCMD_MMAP_BATCH, &batch) != 0 && errno != ENOENT)
        return -errno;
    return 0;
}

int sys_foreign_map(struct sys *sys, uint32_t domid, int prot,
                    const xen_pfn_t *mfns, unsigned long nr, int *errs,
                    void **addr)
{
    int *all = errs != NULL ? errs : calloc(nr, sizeof(*all));
    void *p = NULL;
    int rc;

    if (all == NULL)
        return -ENOMEM;
    rc = reserve(sys, nr, prot, &p);
    if (rc == 0) {
        rc = map_into(sys, domid, mfns, nr, all, p);
        if (rc == 0 && errs == NULL)
            rc = first_error(all, nr);
        if (rc == 0)
            *addr = p;
        else
            munmap(p, nr * SYS_PAGE_SIZE);
    }
    if (errs == NULL)
        free(all);
    return rc;
}

int sys_foreign_unmap(void *addr, unsigned long nr)
{
    return munmap(addr, nr * SYS_PAGE_SIZE) != 0 ? -errno : 0;
}

int sys_resource_map(struct sys *sys, uint32_t domid, uint32_t type,
                     uint32_t id, uint32_t frame, unsigned long nr, int prot,
                     void **addr)
{
    struct privcmd_resource res = {
        .dom = (uint16_t)domid,
        .type = type,
        .id = id,
        .idx = frame,
        .num = nr,
    };
    void *p = NULL;
    int rc = reserve(sys, nr, prot, &p);

    if (rc != 0)
        return rc;
    res.addr = (uintptr_t)p;
    if (ioctl(sys->privcmd, PRIVCMD_RESOURCE, &res) != 0) {
        rc = -errno;
        munmap(p, nr * SYS_PAGE_SIZE);
        return rc;
    }
    *addr = p;
    return 0;
}
