/* SPDX-License-Identifier: MIT */
/*
 * memory_op: tables that describe memory: the machine-to-physical table, E820
 * maps, and frames of a domain that are not its RAM.
 */
#include "memory.h"

#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#include <public/memory.h>

#define M2P_PER_EXTENT (0x200000 / sizeof(uint64_t))

/* One frame number for each 2 MiB of the table. */
long memop_machphys_list(guest_va_t arg, unsigned long start)
{
    struct xen_machphys_mfn_list op;
    unsigned int i, n;

    (void)start;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    n = (unsigned int)DIV_ROUND_UP(max_mfn, M2P_PER_EXTENT);
    for (i = 0; i < n && i < op.max_extents; i++) {
        uint64_t m = mfn_x(m2p_frame(i));

        if (copy_to_handle_at(op.extent_start, i, &m))
            return -EFAULT;
    }
    op.nr_extents = i;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

long memop_machphys_mapping(guest_va_t arg, unsigned long start)
{
    struct xen_machphys_mapping op = {
        .v_start = MACH2PHYS_VIRT_START,
        .v_end = MACH2PHYS_VIRT_START + max_mfn * sizeof(uint64_t),
        .max_mfn = max_mfn - 1,
    };

    (void)start;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* Of a guest's map: what its kernel takes (ABI). */
#define MAX_MAP_ENTRIES 128

static int copy_e820(guest_va_t buf, const struct e820_entry *map,
                     unsigned int nr)
{
    return buf ? copy_to_guest_va(buf, map, nr * sizeof(*map)) : 0;
}

long memop_memory_map(guest_va_t arg, unsigned long start)
{
    struct domain *d = current->domain;
    struct xen_memory_map op;
    struct e820_entry *map;
    unsigned int nr;
    long rc = 0;

    (void)start;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    map = hv_alloc(MAX_MAP_ENTRIES * sizeof(*map));
    if (!map)
        return -ENOMEM;
    spin_lock(&d->ctl_lock);
    nr = d->arch.nr_e820;
    if (nr)
        memcpy(map, d->arch.e820, nr * sizeof(*map));
    spin_unlock(&d->ctl_lock);
    nr = min_t(unsigned int, nr, op.nr_entries);
    if (!d->arch.nr_e820)
        rc = -ENOSYS;
    else
        rc = copy_e820(handle_va(op.buffer), map, nr);
    hv_free(map);
    if (rc)
        return rc;
    op.nr_entries = nr;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* The machine's map as the firmware gave it: the hypervisor's own RAM stays
 * RAM in it, for frame numbers of the control domain are laid over it. */
long memop_machine_memory_map(guest_va_t arg, unsigned long start)
{
    struct xen_memory_map op;
    guest_va_t buf;
    int rc;

    (void)start;
    rc = permit(__HYPERVISOR_memory_op, XENMEM_machine_memory_map);
    if (rc)
        return rc;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    buf = handle_va(op.buffer);
    if (buf && op.nr_entries < boot_info.nr_e820)
        return -EINVAL;
    if (copy_e820(buf, boot_info.e820, boot_info.nr_e820))
        return -EFAULT;
    op.nr_entries = boot_info.nr_e820;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* No entries: back to having no map. */
static int read_map(const struct xen_memory_map *from, struct e820_entry **map)
{
    size_t len = from->nr_entries * sizeof(**map);

    *map = NULL;
    if (from->nr_entries > MAX_MAP_ENTRIES)
        return -EINVAL;
    if (!len)
        return 0;
    *map = hv_alloc(len);
    if (!*map)
        return -ENOMEM;
    if (copy_from_guest_va(*map, handle_va(from->buffer), len)) {
        hv_free(*map);
        return -EFAULT;
    }
    return 0;
}

long memop_set_memory_map(guest_va_t arg, unsigned long start)
{
    struct xen_foreign_memory_map op;
    struct e820_entry *map, *old;
    struct domain *d;
    long rc;

    (void)start;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    d = memop_target(XENMEM_set_memory_map, op.domid, &rc);
    if (!d)
        return rc;
    rc = read_map(&op.map, &map);
    if (!rc) {
        spin_lock(&d->ctl_lock);
        old = d->arch.e820;
        d->arch.e820 = map;
        d->arch.nr_e820 = op.map.nr_entries;
        spin_unlock(&d->ctl_lock);
        hv_free(old);
    }
    domain_put(d);
    return rc;
}

#define MAX_RESOURCE_FRAMES 64

static long resource_frames(struct domain *d,
                            const struct xen_mem_acquire_resource *op)
{
    bool status = op->id == XENMEM_resource_grant_table_id_status;

    for (unsigned int i = 0; i < op->nr_frames; i++) {
        uint64_t m;
        mfn_t frame;
        int rc =
            grant_get_frame(d, status, (unsigned int)op->frame + i, &frame);

        if (rc)
            return rc;
        m = mfn_x(frame);
        if (copy_to_handle_at(op->frame_list, i, &m))
            return -EFAULT;
    }
    return 0;
}

long memop_acquire_resource(guest_va_t arg, unsigned long start)
{
    struct xen_mem_acquire_resource op;
    struct domain *d;
    long rc;

    (void)start;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.pad != 0)
        return -EINVAL;
    if (op.domid == DOMID_SELF)
        return -ESRCH; /* a tool's business with another domain (ABI) */
    d = memop_target(XENMEM_acquire_resource, op.domid, &rc);
    if (!d)
        return rc;
    if (d == current->domain)
        rc = -EPERM;
    else if (op.type != XENMEM_resource_grant_table)
        rc = -EOPNOTSUPP;
    else if (op.id > XENMEM_resource_grant_table_id_status)
        rc = -EINVAL;
    else if (handle_is_null(op.frame_list)) {
        if (op.nr_frames) {
            rc = -EINVAL;
        } else {
            op.nr_frames = grant_max_frames(d, op.id != 0);
            rc = copy_to_guest_va(arg, &op, sizeof(op));
        }
    } else if (op.nr_frames > MAX_RESOURCE_FRAMES ||
               op.frame > UINT32_MAX - MAX_RESOURCE_FRAMES)
        rc = -EINVAL;
    else
        rc = resource_frames(d, &op);
    domain_put(d);
    return rc;
}
