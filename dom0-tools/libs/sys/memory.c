/* SPDX-License-Identifier: MIT */
/* Memory of a domain: typed HYPERVISOR_memory_op. */
#include "libs/sys/memory.h"

#include <errno.h>

#include "private.h"

/* Extents per call: bounds the buffer to 1 MiB. */
#define CHUNK (128UL * 1024)

static long memory_op(struct sys *sys, unsigned int cmd, void *arg, size_t len)
{
    return sys_hypercall_arg(sys, __HYPERVISOR_memory_op, cmd, arg, len);
}

/* One call over frames[0..nr); back: copy the result over the input. */
static long reservation(struct sys *sys, unsigned int cmd,
                        struct xen_memory_reservation res,
                        const xen_pfn_t *frames, unsigned long nr, bool back)
{
    struct bounce b;
    long rc = bounce_in(&b, sys, frames, nr * sizeof(*frames));

    if (rc != 0)
        return rc;
    res.nr_extents = nr;
    set_xen_guest_handle(res.extent_start, b.safe);
    rc = memory_op(sys, cmd, &res, sizeof(res));
    if (rc > 0 && back)
        bounce_out(&b, (size_t)rc * sizeof(*frames));
    bounce_free(&b);
    return rc;
}

static long reservations(struct sys *sys, unsigned int cmd,
                         const struct xen_memory_reservation *res,
                         const xen_pfn_t *frames, unsigned long nr, bool back)
{
    unsigned long done = 0;

    while (done < nr) {
        unsigned long n = nr - done < CHUNK ? nr - done : CHUNK;
        long rc = reservation(sys, cmd, *res, frames + done, n, back);

        if (rc < 0)
            return done > 0 ? (long)done : rc;
        done += (unsigned long)rc;
        if ((unsigned long)rc < n)
            break;
    }
    return (long)done;
}

long sys_populate_physmap(struct sys *sys, uint32_t domid, xen_pfn_t *frames,
                          unsigned long nr, unsigned int order,
                          unsigned int mem_flags)
{
    struct xen_memory_reservation res = {
        .extent_order = order,
        .mem_flags = mem_flags,
        .domid = (domid_t)domid,
    };

    return reservations(sys, XENMEM_populate_physmap, &res, frames, nr, true);
}

long sys_decrease_reservation(struct sys *sys, uint32_t domid,
                              const xen_pfn_t *mfns, unsigned long nr,
                              unsigned int order)
{
    struct xen_memory_reservation res = {
        .extent_order = order,
        .domid = (domid_t)domid,
    };

    return reservations(sys, XENMEM_decrease_reservation, &res, mfns, nr,
                        false);
}

int sys_claim_pages(struct sys *sys, uint32_t domid, uint64_t nr_pages)
{
    struct xen_memory_reservation res = {
        .nr_extents = nr_pages,
        .domid = (domid_t)domid,
    };

    return (int)memory_op(sys, XENMEM_claim_pages, &res, sizeof(res));
}

int sys_set_memory_map(struct sys *sys, uint32_t domid,
                       const struct sys_e820 *map, unsigned int nr)
{
    struct xen_foreign_memory_map arg = {
        .domid = (domid_t)domid,
        .map.nr_entries = nr,
    };
    struct bounce b;
    int rc = bounce_in(&b, sys, map, nr * sizeof(*map));

    if (rc != 0)
        return rc;
    set_xen_guest_handle(arg.map.buffer, b.safe);
    rc = (int)memory_op(sys, XENMEM_set_memory_map, &arg, sizeof(arg));
    bounce_free(&b);
    return rc;
}

long sys_maximum_ram_page(struct sys *sys)
{
    return sys_hypercall(sys, __HYPERVISOR_memory_op, XENMEM_maximum_ram_page,
                         0, 0, 0, 0);
}

static long of_domain(struct sys *sys, unsigned int cmd, uint32_t domid)
{
    struct xen_memory_domain arg = {.domid = (domid_t)domid};

    return memory_op(sys, cmd, &arg, sizeof(arg));
}

long sys_current_reservation(struct sys *sys, uint32_t domid)
{
    return of_domain(sys, XENMEM_current_reservation, domid);
}

long sys_maximum_reservation(struct sys *sys, uint32_t domid)
{
    return of_domain(sys, XENMEM_maximum_reservation, domid);
}

long sys_maximum_gpfn(struct sys *sys, uint32_t domid)
{
    return of_domain(sys, XENMEM_maximum_gpfn, domid);
}

long sys_machphys_mfn_list(struct sys *sys, xen_pfn_t *mfns, unsigned int max)
{
    struct xen_machphys_mfn_list arg = {.max_extents = max};
    struct bounce b;
    long rc = bounce_in(&b, sys, mfns, max * sizeof(*mfns));

    if (rc != 0)
        return rc;
    set_xen_guest_handle(arg.extent_start, b.safe);
    rc = memory_op(sys, XENMEM_machphys_mfn_list, &arg, sizeof(arg));
    if (rc == 0) {
        rc = (long)(arg.nr_extents < max ? arg.nr_extents : max);
        bounce_out(&b, (size_t)rc * sizeof(*mfns));
    }
    bounce_free(&b);
    return rc;
}

long sys_resource_size(struct sys *sys, uint32_t domid, uint16_t type,
                       uint32_t id)
{
    struct xen_mem_acquire_resource arg = {
        .domid = (domid_t)domid,
        .type = type,
        .id = id,
    };
    long rc = memory_op(sys, XENMEM_acquire_resource, &arg, sizeof(arg));

    return rc < 0 ? rc : (long)arg.nr_frames;
}
