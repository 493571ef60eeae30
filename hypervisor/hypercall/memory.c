/* SPDX-License-Identifier: MIT */
/*
 * memory_op: the table of sub-operations, and the ones that only answer a
 * question.
 */
#include "memory.h"

#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/numa.h>
#include <hv/permission.h>

#include <public/memory.h>

/* ABI limits by caller: a guest may fragment, not demand, large blocks. */
#define ORDER_DOMU 9
#define ORDER_DOM0 12

unsigned int memop_max_order(void)
{
    return caller_is_control() ? ORDER_DOM0 : ORDER_DOMU;
}

/* The caller's wishes: an address limit, a node near or exactly which. Its
 * node numbers are the machine's: guests have no nodes of their own. */
unsigned int memop_alloc_flags(unsigned int mem_flags)
{
    unsigned int flags = ALLOC_LOW_BITS(mem_flags);

    flags |= ALLOC_NODE(XENMEMF_get_node(mem_flags));
    if ((mem_flags & XENMEMF_exact_node_request) &&
        XENMEMF_get_node(mem_flags) != NODE_NONE)
        flags |= ALLOC_EXACT_NODE;
    return flags;
}

struct domain *memop_target(unsigned int op, uint16_t domid, long *rc)
{
    return permit_domain(__HYPERVISOR_memory_op, op, domid, rc);
}

static long maximum_ram_page(guest_va_t arg, unsigned long start)
{
    (void)arg;
    (void)start;
    return (long)max_mfn - 1;
}

/* A number of one domain; the argument is its id. */
static long domain_number(unsigned int cmd, guest_va_t arg,
                          uint64_t (*get)(const struct domain *d))
{
    struct xen_memory_domain op;
    struct domain *d;
    long rc;

    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    d = memop_target(cmd, op.domid, &rc);
    if (!d)
        return rc;
    rc = (long)get(d);
    domain_put(d);
    return rc;
}

static uint64_t get_tot_pages(const struct domain *d)
{
    return d->tot_pages;
}

static uint64_t get_max_pages(const struct domain *d)
{
    return d->max_pages;
}

static uint64_t get_max_gpfn(const struct domain *d)
{
    uint64_t max_pfn = READ_ONCE(d->shared_info->arch.max_pfn);

    return max_pfn ? max_pfn - 1 : 0;
}

static long current_reservation(guest_va_t arg, unsigned long start)
{
    (void)start;
    return domain_number(XENMEM_current_reservation, arg, get_tot_pages);
}

static long maximum_reservation(guest_va_t arg, unsigned long start)
{
    (void)start;
    return domain_number(XENMEM_maximum_reservation, arg, get_max_pages);
}

static long maximum_gpfn(guest_va_t arg, unsigned long start)
{
    (void)start;
    return domain_number(XENMEM_maximum_gpfn, arg, get_max_gpfn);
}

/* No frame is shared between domains, none was ever. */
static long no_shared_pages(guest_va_t arg, unsigned long start)
{
    (void)arg;
    (void)start;
    return 0;
}

/* One extent count; 0 gives a claim up. Claims hold free memory back from
 * others until the domain has it. */
static long claim_pages(guest_va_t arg, unsigned long start)
{
    struct xen_memory_reservation r;
    struct domain *d;
    long rc;

    (void)start;
    if (copy_from_guest_va(&r, arg, sizeof(r)))
        return -EFAULT;
    if (r.extent_order != 0 || r.mem_flags != 0)
        return -EINVAL;
    if (r.domid == DOMID_SELF)
        return -EINVAL;
    d = memop_target(XENMEM_claim_pages, r.domid, &rc);
    if (!d)
        return rc;
    rc = domain_claim_pages(d, r.nr_extents);
    domain_put(d);
    return rc;
}

/* No device asks for identity-mapped memory: there is no IOMMU. */
static long reserved_device_map(guest_va_t arg, unsigned long start)
{
    struct xen_reserved_device_memory_map op;

    (void)start;
    if (copy_from_guest_va(&op, arg, sizeof(op)))
        return -EFAULT;
    op.nr_entries = 0;
    return copy_to_guest_va(arg, &op, sizeof(op));
}

/* A paravirtualized guest has no physmap of the hypervisor's to add to: the
 * same answer for each domain that there is. The structures begin with its
 * number. */
static long no_physmap(unsigned int cmd, guest_va_t arg)
{
    struct domain *d;
    domid_t id;

    if (copy_from_guest_va(&id, arg, sizeof(id)))
        return -EFAULT;
    d = domain_get_any(id);
    if (!d)
        return -ESRCH;
    domain_put(d);
    return permit(__HYPERVISOR_memory_op, cmd);
}

static long add_to_physmap(guest_va_t arg, unsigned long start)
{
    (void)start;
    return no_physmap(XENMEM_add_to_physmap, arg);
}

static long remove_from_physmap(guest_va_t arg, unsigned long start)
{
    (void)start;
    return no_physmap(XENMEM_remove_from_physmap, arg);
}

static long add_to_physmap_batch(guest_va_t arg, unsigned long start)
{
    (void)start;
    return no_physmap(XENMEM_add_to_physmap_batch, arg);
}

static long (*const ops[])(guest_va_t arg, unsigned long start) = {
    [XENMEM_increase_reservation] = memop_increase,
    [XENMEM_decrease_reservation] = memop_decrease,
    [XENMEM_populate_physmap] = memop_populate,
    [XENMEM_exchange] = memop_exchange,
    [XENMEM_maximum_ram_page] = maximum_ram_page,
    [XENMEM_current_reservation] = current_reservation,
    [XENMEM_maximum_reservation] = maximum_reservation,
    [XENMEM_maximum_gpfn] = maximum_gpfn,
    [XENMEM_machphys_mfn_list] = memop_machphys_list,
    [XENMEM_machphys_mapping] = memop_machphys_mapping,
    [XENMEM_memory_map] = memop_memory_map,
    [XENMEM_machine_memory_map] = memop_machine_memory_map,
    [XENMEM_set_memory_map] = memop_set_memory_map,
    [XENMEM_get_sharing_freed_pages] = no_shared_pages,
    [XENMEM_get_sharing_shared_pages] = no_shared_pages,
    [XENMEM_claim_pages] = claim_pages,
    [XENMEM_get_vnumainfo] = memop_get_vnumainfo,
    [XENMEM_reserved_device_memory_map] = reserved_device_map,
    [XENMEM_add_to_physmap] = add_to_physmap,
    [XENMEM_remove_from_physmap] = remove_from_physmap,
    [XENMEM_add_to_physmap_batch] = add_to_physmap_batch,
    [XENMEM_acquire_resource] = memop_acquire_resource,
};

long do_memory_op(unsigned long cmd, unsigned long arg)
{
    unsigned long op = cmd & MEMOP_CMD_MASK;

    if (op >= ARRAY_SIZE(ops))
        return -ENOSYS;
    op = index_nospec(op, ARRAY_SIZE(ops));
    if (!ops[op])
        return permit(__HYPERVISOR_memory_op, (unsigned int)op) ?: -ENOSYS;
    return ops[op](arg, cmd >> MEMOP_CMD_BITS);
}
