/* SPDX-License-Identifier: MIT */
/*
 * Notes of what was called, for `make coverage`. Arguments are looked at after
 * the call, if they lie in the kernel's image.
 */
#include <kit/calls.h>

#ifdef KIT_CALLS

#include <kit/console.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <public/errno.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/memory.h>
#include <public/physdev.h>

#define NR_CALLS   64
#define NR_OPS     128
#define FIRST_HIGH 1000 /* of the debugger */
#define HIGH_SLOT  120

/* Of memory_op's number; above it is where a list goes on. */
#define MEMOP_CMD_MASK 0x3fU

enum how {
    GOOD,
    BAD,
    NO_DOMAIN, /* bad in that the domain is none */
    NO_ADDRESS,
    NR_HOW
};

static const char letters[NR_HOW] = "gbsf";

static uint8_t seen[NR_CALLS][NR_OPS];

static bool is_mapped(uint64_t at)
{
    const uint64_t *pte = pte_find((const void *)at, 1);

    return pte && (*pte & PTE_P);
}

/* A pointer into the kernel's own image, where these arguments lie, to bytes
 * that no test has unmapped. */
static bool is_ours(uint64_t at, size_t len)
{
    uint64_t end = KIT_VIRT_BASE + (mapped_end_pfn() << PAGE_SHIFT);

    return at >= KIT_VIRT_BASE && at < end && len <= end - at &&
           is_mapped(at) && is_mapped(at + len - 1);
}

/* Refused for want of a right says nothing of the arguments. */
static void note(uint64_t nr, uint64_t op, long rc)
{
    uint64_t slot = op < FIRST_HIGH ? op : op - FIRST_HIGH + HIGH_SLOT;
    enum how how = BAD;

    if (nr >= NR_CALLS || slot >= NR_OPS || rc == -XEN_EPERM)
        return;
    if (rc >= 0)
        how = GOOD;
    else if (rc == -XEN_ESRCH)
        how = NO_DOMAIN;
    else if (rc == -XEN_EFAULT)
        how = NO_ADDRESS;
    __atomic_fetch_or(&seen[nr][slot], 1U << how, __ATOMIC_RELAXED);
}

/* ---- hypercalls whose elements have a status of their own ---- */

#define STATUS(op, type, field) \
    [op] = {sizeof(struct type), offsetof(struct type, field)}

static const struct {
    uint16_t size, status;
} grant_ops[] = {
    STATUS(GNTTABOP_map_grant_ref, gnttab_map_grant_ref, status),
    STATUS(GNTTABOP_unmap_grant_ref, gnttab_unmap_grant_ref, status),
    STATUS(GNTTABOP_setup_table, gnttab_setup_table, status),
    STATUS(GNTTABOP_dump_table, gnttab_dump_table, status),
    STATUS(GNTTABOP_transfer, gnttab_transfer, status),
    STATUS(GNTTABOP_copy, gnttab_copy, status),
    STATUS(GNTTABOP_query_size, gnttab_query_size, status),
    STATUS(GNTTABOP_unmap_and_replace, gnttab_unmap_and_replace, status),
    STATUS(GNTTABOP_get_status_frames, gnttab_get_status_frames, status),
    STATUS(GNTTABOP_swap_grant_ref, gnttab_swap_grant_ref, status),
};

static void note_grants(uint64_t op, uint64_t at, uint64_t n, long rc)
{
    size_t size = op < ARRAY_SIZE(grant_ops) ? grant_ops[op].size : 0;

    if (rc || !size) {
        note(__HYPERVISOR_grant_table_op, op, rc);
        return;
    }
    for (uint64_t i = 0; i < n && is_ours(at + i * size, size); i++) {
        int16_t status;

        memcpy(&status, (const void *)(at + i * size + grant_ops[op].status),
               sizeof(status));
        if (status != GNTST_permission_denied)
            note(__HYPERVISOR_grant_table_op, op, status < 0 ? -XEN_EINVAL : 0);
    }
}

/* One that failed stops the list: the ones before it are not counted. */
static void note_mmuext(uint64_t at, uint64_t n, long rc)
{
    const struct mmuext_op *op = (const void *)at;

    if (rc && n != 1)
        return;
    for (uint64_t i = 0; i < n && is_ours(addr(op + i), sizeof(*op)); i++)
        note(__HYPERVISOR_mmuext_op, op[i].cmd, rc);
}

static void note_mmu(uint64_t at, uint64_t n, long rc)
{
    const struct mmu_update *u = (const void *)at;

    if (rc && n != 1)
        return;
    for (uint64_t i = 0; i < n && is_ours(addr(u + i), sizeof(*u)); i++)
        note(__HYPERVISOR_mmu_update, u[i].ptr & 3, rc);
}

/* Fewer extents than were asked for are an error of the next one. */
static void note_memory(uint64_t op, uint64_t at, long rc)
{
    const struct xen_memory_reservation *r = (const void *)at;
    bool of_extents = op == XENMEM_increase_reservation ||
                      op == XENMEM_decrease_reservation ||
                      op == XENMEM_populate_physmap;

    if (of_extents && rc >= 0 && is_ours(at, sizeof(*r)) &&
        (uint64_t)rc < r->nr_extents)
        rc = -XEN_EINVAL;
    note(__HYPERVISOR_memory_op, op, rc);
}

static void note_multicall(uint64_t at, uint64_t n, long rc)
{
    const struct multicall_entry *e = (const void *)at;

    note(__HYPERVISOR_multicall, 0, rc);
    for (uint64_t i = 0; !rc && i < n && is_ours(addr(e + i), sizeof(*e)); i++)
        call_seen(e[i].op, e[i].args[0], e[i].args[1], e[i].args[2],
                  (long)e[i].result);
}

/* ---- the rest: where the operation's number is ---- */

static bool is_argument(uint64_t nr)
{
    switch (nr) {
    case __HYPERVISOR_memory_op:
    case __HYPERVISOR_xen_version:
    case __HYPERVISOR_console_io:
    case __HYPERVISOR_vm_assist:
    case __HYPERVISOR_vcpu_op:
    case __HYPERVISOR_nmi_op:
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_sched_op_compat:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_event_channel_op:
    case __HYPERVISOR_physdev_op:
    case __HYPERVISOR_kexec_op:
    case __HYPERVISOR_hypfs_op:
    case __HYPERVISOR_xenpmu_op:
    case __HYPERVISOR_argo_op:
        return true;
    default:
        return false;
    }
}

static bool is_in_structure(uint64_t nr)
{
    return nr == __HYPERVISOR_domctl || nr == __HYPERVISOR_sysctl ||
           nr == __HYPERVISOR_platform_op;
}

long call_seen(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3, long rc)
{
    if (nr == __HYPERVISOR_grant_table_op)
        note_grants(a1, a2, a3, rc);
    else if (nr == __HYPERVISOR_mmuext_op)
        note_mmuext(a1, a2, rc);
    else if (nr == __HYPERVISOR_mmu_update)
        note_mmu(a1, a2, rc);
    else if (nr == __HYPERVISOR_memory_op)
        note_memory(a1 & MEMOP_CMD_MASK, a2, rc);
    else if (nr == __HYPERVISOR_multicall)
        note_multicall(a1, a2, rc);
    else if (is_argument(nr))
        note(nr, a1, rc);
    else if (!is_in_structure(nr))
        note(nr, 0, rc);
    else if (is_ours(a1, sizeof(uint32_t)))
        note(nr, *(const uint32_t *)a1, rc);
    return rc;
}

static void print_one(unsigned int nr, unsigned int slot)
{
    unsigned int op = slot;
    char how[NR_HOW + 1] = "";
    unsigned int n = 0;

    if (nr == __HYPERVISOR_domctl && slot >= HIGH_SLOT)
        op = slot - HIGH_SLOT + FIRST_HIGH;
    for (unsigned int i = 0; i < NR_HOW; i++) {
        if (seen[nr][slot] & 1U << i)
            how[n++] = letters[i];
    }
    printk(" %u:%u=%s", nr, op, how);
}

void calls_print(void)
{
    unsigned int on_line = 0;

    for (unsigned int nr = 0; nr < NR_CALLS; nr++) {
        for (unsigned int slot = 0; slot < NR_OPS; slot++) {
            if (!seen[nr][slot])
                continue;
            if (!on_line)
                printk("CALLS");
            print_one(nr, slot);
            on_line = (on_line + 1) % 8;
            if (!on_line)
                printk("\n");
        }
    }
    if (on_line)
        printk("\n");
}

#endif
