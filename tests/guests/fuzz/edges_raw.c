/* SPDX-License-Identifier: MIT */
/*
 * Any number with any arguments, batches, lists, and everything that asks for
 * privilege. Arguments lie in two pages per vcpu with nothing mapped behind
 * them, so that a count without bound ends there and not in this kernel.
 */
#include "fuzz.h"

#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/arch-x86/xen-mca.h>
#include <public/domctl.h>
#include <public/platform.h>
#include <public/sysctl.h>

#define ARGUMENT_PAGES 2U

static char *arguments[KIT_MAX_CPUS];
/* Apart from them: an argument must not change into an entry. */
static struct multicall_entry *lists[KIT_MAX_CPUS];
/* An iret among a list's entries: refused here, done by Debian's Xen. */
static bool iret_in_lists;

void edge_raw_init(void)
{
    /* page_alloc() hands out neighbours in a row. */
    map_page(page_alloc(), 0);
    iret_in_lists = !option("no-iret", NULL, 0);
    for (unsigned int c = 0; c < nr_cpus; c++) {
        lists[c] = page_alloc();
        arguments[c] = page_alloc();
        for (unsigned int i = 1; i < ARGUMENT_PAGES; i++)
            page_alloc();
        map_page(page_alloc(), 0);
    }
}

domid_t any_domid(struct fuzzer *f)
{
    static const domid_t special[] = {DOMID_SELF, DOMID_IO,   DOMID_XEN,
                                      DOMID_COW,  DOMID_IDLE, DOMID_INVALID};

    switch (below(f, 8)) {
    case 0:
        return special[below(f, ARRAY_SIZE(special))];
    case 1:
        return (domid_t)next(f);
    case 2:
        return (domid_t)below(f, 4);
    case 3:
        return (domid_t)self;
    default:
        return DOMID_SELF;
    }
}

uint64_t any_word(struct fuzzer *f)
{
    static const uint64_t edges[] = {
        0,
        1,
        ~0UL,
        ~0UL >> 1,
        1UL << 63,
        1UL << 31,
        ~0UL >> 32,
        0x7fffffffUL,
        0x0000800000000000UL, /* not canonical */
        0x00007ffffffff000UL,
        M2P_BASE,
        0xffff820000000000UL, /* the hypervisor's, as all up to ... */
        0xffff82d080000000UL,
        0xffff87fffffffff8UL, /* ... here */
        0xffff880000000000UL,
        0xfffffffffffff000UL,
    };

    switch (below(f, 8)) {
    case 0:
        return edges[below(f, ARRAY_SIZE(edges))];
    case 1:
        return edges[below(f, ARRAY_SIZE(edges))] + below(f, 33) - 16;
    case 2:
        return addr(any_page(f)) + below(f, 4096);
    case 3:
        return any_mfn(f);
    case 4:
        /* No frame and no machine address: it could be one of this kernel's. */
        return next(f) >> (below(f, 2) ? below(f, 20) : 54 + below(f, 10));
    default:
        return below(f, 64);
    }
}

void *any_argument(struct fuzzer *f)
{
    char *base = arguments[f->vcpu];
    unsigned int words = 1 + below(f, 24);
    unsigned int last = ARGUMENT_PAGES * PAGE_SIZE / 8;
    unsigned int first = below(f, 4) ? below(f, last - 24) : last - words;
    uint64_t *w = (uint64_t *)(void *)base + first;

    if (below(f, 64) == 0)
        return (void *)any_word(f);
    for (unsigned int i = 0; i < words; i++) {
        w[i] = any_word(f);
        if (below(f, 3) == 0)
            w[i] = (w[i] << 32) | below(f, 16);
        else if (below(f, 8) == 0)
            w[i] = addr(base) + below(f, ARGUMENT_PAGES * PAGE_SIZE);
        else if (below(f, 8) == 0)
            w[i] = any_domid(f);
    }
    /* By half a word at most: parts of two addresses could make one of this
     * kernel's, and it would be told what to write there. */
    return (char *)w + (below(f, 32) ? 0 : 4);
}

long op_version(struct fuzzer *f)
{
    long rc = hc_xen_version(below(f, 12), any_argument(f));

    return rc > 0 ? 0 : rc;
}

/* --- batches --- */

long op_mmu_batch(struct fuzzer *f)
{
    struct mmu_update *u = (void *)arguments[f->vcpu];
    unsigned int done = 0, n = 1 + below(f, 32);
    domid_t owner = below(f, 8) ? DOMID_SELF : any_domid(f);

    for (unsigned int i = 0; i < n; i++) {
        u[i].ptr = virt_to_maddr(any_page(f)) + below(f, 512) * 8;
        u[i].ptr |= below(f, 8) ? 0 : below(f, 8);
        u[i].val = any_entry(f);
    }
    if (below(f, 32) == 0)
        n = (unsigned int)any_word(f);
    return hc_mmu_update(u, n, below(f, 2) ? &done : NULL, owner);
}

/* Any but another root, in which this kernel would not be. */
static void mmuext(struct fuzzer *f, struct mmuext_op *op)
{
    memset(op, 0, sizeof(*op));
    op->cmd = below(f, 22);
    op->arg1.linear_addr = any_word(f);
    op->arg2.nr_ents = (unsigned int)any_word(f);
    if (below(f, 2))
        op->arg1.mfn = any_mfn(f);
    if (op->cmd == MMUEXT_NEW_BASEPTR)
        op->arg1.mfn = virt_to_mfn((void *)start_info->pt_base);
}

static long mmuext_batch(struct fuzzer *f)
{
    struct mmuext_op op[4];
    unsigned int n = 1 + below(f, 4);

    for (unsigned int i = 0; i < n; i++)
        mmuext(f, &op[i]);
    return hc_mmuext_op(op, n, NULL, below(f, 8) ? DOMID_SELF : any_domid(f));
}

static void multicall_entry(struct fuzzer *f, struct multicall_entry *e)
{
    static const unsigned int numbers[] = {
        __HYPERVISOR_xen_version,    __HYPERVISOR_update_va_mapping,
        __HYPERVISOR_mmu_update,     __HYPERVISOR_grant_table_op,
        __HYPERVISOR_memory_op,      __HYPERVISOR_set_segment_base,
        __HYPERVISOR_fpu_taskswitch, __HYPERVISOR_update_descriptor,
        __HYPERVISOR_physdev_op,     __HYPERVISOR_multicall,
        __HYPERVISOR_iret,           63,
    };

    memset(e, 0, sizeof(*e));
    e->op = numbers[below(f, ARRAY_SIZE(numbers))];
    for (unsigned int i = 0; i < 6; i++)
        e->args[i] = any_word(f);
    switch (e->op) {
    case __HYPERVISOR_iret:
        e->op = iret_in_lists ? e->op : 63;
        break;
    case __HYPERVISOR_update_va_mapping:
        e->args[0] = addr(window(below(f, 6)));
        e->args[1] = any_entry(f);
        break;
    case __HYPERVISOR_mmu_update:
        e->args[0] = addr(any_argument(f));
        e->args[1] = below(f, 4);
        e->args[3] = DOMID_SELF;
        break;
    case __HYPERVISOR_xen_version:
    case __HYPERVISOR_memory_op:
    case __HYPERVISOR_physdev_op:
    case __HYPERVISOR_grant_table_op:
        e->args[0] = below(f, 16);
        e->args[1] = addr(any_argument(f));
        break;
    default:
        break;
    }
}

long op_multicall(struct fuzzer *f)
{
    struct multicall_entry *list = lists[f->vcpu];
    unsigned int n = below(f, 9);

    for (unsigned int i = 0; i < n; i++)
        multicall_entry(f, &list[i]);
    if (below(f, 64) == 0)
        return hc_multicall((void *)(M2P_BASE + (next(f) >> 16)), n);
    return hc_multicall(list, n);
}

/* --- without right --- */

/* What only a control domain may do, with arguments it could well have. */
long op_privileged(struct fuzzer *f)
{
    static const unsigned int numbers[] = {
        __HYPERVISOR_domctl,   __HYPERVISOR_sysctl,   __HYPERVISOR_platform_op,
        __HYPERVISOR_kexec_op, __HYPERVISOR_hypfs_op, __HYPERVISOR_mca,
        __HYPERVISOR_xsm_op,   __HYPERVISOR_dm_op,
    };
    unsigned int number = numbers[below(f, ARRAY_SIZE(numbers))];
    uint32_t *op = (void *)arguments[f->vcpu];
    long rc;

    any_argument(f);
    op[0] = below(f, 8) ? below(f, 90) : (uint32_t)next(f);
    op[1] = below(f, 16) ? XEN_DOMCTL_INTERFACE_VERSION : (uint32_t)next(f);
    if (number == __HYPERVISOR_platform_op)
        op[1] = XENPF_INTERFACE_VERSION;
    op[2] = below(f, 4) ? below(f, 4) : any_domid(f);
    if (number == __HYPERVISOR_kexec_op || number == __HYPERVISOR_hypfs_op)
        rc = hcall2(number, below(f, 8), addr(op));
    else
        rc = hcall1(number, addr(op));
    if (rc >= 0)
        breach("privileged", number, op[0]);
    return rc;
}

/* --- anything --- */

/* Left out are those that could take this kernel's own ground away: they have
 * operations of their own. */
static bool leads_astray(unsigned int number)
{
    switch (number) {
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_sched_op_compat:
    case __HYPERVISOR_multicall:
    case __HYPERVISOR_update_va_mapping:
    case __HYPERVISOR_update_va_mapping_otherdomain:
    case __HYPERVISOR_event_channel_op_compat:
    case __HYPERVISOR_iret:
    case __HYPERVISOR_vcpu_op:
    case __HYPERVISOR_mmuext_op:
    case __HYPERVISOR_nmi_op:
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_event_channel_op:
        return true;
    default:
        return false;
    }
}

static long raw_va_mapping(struct fuzzer *f)
{
    uint64_t va = below(f, 2) ? addr(window(below(f, 6)))
                              : 0xffff800000000000UL + (next(f) >> 17);

    if (below(f, 2))
        return hc_update_va_mapping(va, any_entry(f), any_word(f));
    return hcall4(__HYPERVISOR_update_va_mapping_otherdomain, va, any_entry(f),
                  any_word(f), any_domid(f));
}

#define START_EXTENT_SHIFT 6 /* of the number of memory_op */

/* A command may say how many extents are done already, so that the hypervisor
 * writes that far behind the list: no further than the page behind it, which
 * is not mapped. */
static uint64_t memory_command(struct fuzzer *f)
{
    return below(f, 64) | (uint64_t)below(f, 8) << START_EXTENT_SHIFT;
}

long op_raw(struct fuzzer *f)
{
    unsigned int number = below(f, 16) ? below(f, 64) : (unsigned int)next(f);
    uint64_t a[5];

    switch (below(f, 8)) {
    case 0:
        return raw_va_mapping(f);
    case 1:
        return mmuext_batch(f);
    default:
        break;
    }
    if (leads_astray(number))
        return NOT_TRIED;
    for (unsigned int i = 0; i < ARRAY_SIZE(a); i++)
        a[i] = below(f, 2) ? addr(any_argument(f)) : any_word(f);
    if (number == __HYPERVISOR_memory_op)
        a[0] = memory_command(f);
    return hcall5(number, a[0], a[1], a[2], a[3], a[4]) < 0 ? -1 : 0;
}
