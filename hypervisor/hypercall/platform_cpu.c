/* SPDX-License-Identifier: MIT */
/*
 * platform_op: processors' registers and microcode, and the hypervisor's own
 * symbols.
 */
#include "platform_op.h"

#include <hv/cpumask.h>
#include <hv/lib.h>
#include <hv/smp.h>
#include <hv/symbols.h>

#include <asm/msr.h>
#include <asm/x86.h>

/* Microcode is what the firmware loaded. */
long platform_microcode(struct xen_platform_op *op)
{
    return op->u.microcode.length ? -ENODEV : -EINVAL;
}

/* No core is ever parked: idle ones are left to the processor. */
long platform_core_parking(struct xen_platform_op *op)
{
    struct xenpf_core_parking *p = &op->u.core_parking;

    switch (p->type) {
    case XEN_CORE_PARKING_SET:
        return p->idle_nums ? -EOPNOTSUPP : 0;
    case XEN_CORE_PARKING_GET:
        p->idle_nums = 0;
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- registers of one CPU ---- */

#define MAX_ENTRIES 3

struct batch {
    xenpf_resource_entry_t entry[MAX_ENTRIES];
    unsigned int nr, done;
};

/* On the CPU that is asked for. Of all registers the time stamp counter may be
 * read: nothing else is a caller's business. */
static void run_batch(void *arg)
{
    struct batch *b = arg;

    for (b->done = 0; b->done < b->nr; b->done++) {
        xenpf_resource_entry_t *e = &b->entry[b->done];

        if (e->u.cmd != XEN_RESOURCE_OP_MSR_READ || e->idx != MSR_TSC ||
            e->rsvd) {
            e->u.ret = -EPERM;
            return;
        }
        e->val = rdtsc();
        e->u.ret = 0;
    }
}

/* Returns how many were done; the next one has its error in ret. */
long platform_resource_op(struct xen_platform_op *op)
{
    const struct xenpf_resource_op *r = &op->u.resource_op;
    guest_va_t list = handle_va(r->entries);
    struct batch b = {.nr = r->nr_entries};
    unsigned int touched;
    cpumask_t on;

    if (b.nr > MAX_ENTRIES)
        return -EINVAL;
    if (!b.nr)
        return 0;
    if (copy_from_guest_va(b.entry, list, b.nr * sizeof(b.entry[0])))
        return -EFAULT;
    if (r->cpu >= MAX_CPUS || !cpumask_test(&cpu_online_map, r->cpu))
        return -ENODEV;
    on = cpumask_of(r->cpu);
    smp_call(&on, run_batch, &b, true);
    touched = min_t(unsigned int, b.done + 1, b.nr);
    if (copy_to_guest_va(list, b.entry, touched * sizeof(b.entry[0])))
        return -EFAULT;
    return b.done;
}

/* ---- symbols ---- */

/* One of them by number; the number is moved on. Behind the last one it stays
 * where it is. namelen: room, then the length with the NUL. */
long platform_get_symbol(struct xen_platform_op *op)
{
    struct xenpf_symdata *s = &op->u.symdata;
    uint32_t room = s->namelen;
    struct symbol sym;
    uintptr_t address;
    size_t len;

    if (s->symnum > symbol_total())
        return -ERANGE;
    s->address = 0;
    s->type = 0;
    if (symbol_by_number(s->symnum, &address, &sym)) {
        s->symnum++;
        s->address = address;
        s->type = 'T';
    } else {
        sym.name = "";
    }
    len = strlen(sym.name) + 1;
    s->namelen = (uint32_t)len;
    if (!room)
        return 0;
    return copy_to_guest_va(handle_va(s->name), sym.name,
                            min_t(size_t, room, len));
}
