/* SPDX-License-Identifier: MIT */
/*
 * Actions. Arguments are chosen by one byte from what exists (frames, ports,
 * grants, addresses) and a few values that never should work.
 */
#include "hv_ops.h"

#include <hv/softirq.h>

#include <asm/pv/domain.h>
#include <asm/pv/fault.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

#include <public/domctl.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/kexec.h>
#include <public/memory.h>
#include <public/physdev.h>
#include <public/platform.h>
#include <public/sched.h>
#include <public/sysctl.h>
#include <public/vcpu.h>

unsigned long calls_made[NR_HYPERCALLS], calls_ok[NR_HYPERCALLS];

/* ---- preemption, and memory that changes under our eyes ---- */

static unsigned int preempt_in; /* checks until one says yes; 0: as it is */
static unsigned int flip_in;    /* reads until a byte of args flips; 0: none */
static unsigned int flip_at;
static uint8_t flip_with;

bool __real_hypercall_preempt_check(void);
bool __wrap_hypercall_preempt_check(void);

bool __wrap_hypercall_preempt_check(void)
{
    if (preempt_in)
        return --preempt_in == 0;
    return __real_hypercall_preempt_check();
}

static void flip(uint64_t va, size_t n)
{
    (void)va;
    (void)n;
    if (flip_in && --flip_in == 0)
        world.args[flip_at % ARGS_SIZE] ^= (char)flip_with;
}

/* ---- values ---- */

static const uint64_t odd_values[] = {
    0,
    1,
    UINT64_MAX,
    INT64_MAX,
    (uint64_t)INT64_MIN,
    UINT32_MAX,
    INT32_MAX,
    0x80000000,
    0xffff800000000000,
    0xffff7fffffffffff,
    0x0000800000000000,
    0x00007fffffffffff,
    0x00007ffffffff000,
    0xffff880000000000,
    0xfffffffffffff000,
    0x8000000000000,
    0x7fff,
    0x8000,
};

static uint64_t odd(struct input *in)
{
    return odd_values[in8(in) % ARRAY_SIZE(odd_values)];
}

static domid_t some_domid(struct input *in)
{
    static const domid_t special[] = {DOMID_SELF, DOMID_SELF, DOMID_SELF,
                                      DOMID_IO,   DOMID_XEN,  DOMID_INVALID,
                                      DOMID_COW,  DOMID_IDLE};
    uint8_t b = in8(in);

    if (b < 0xc0)
        return b < 0x60 ? DOMID_SELF : b % (NR_DOMS + 1);
    return b < 0xfe ? special[b % ARRAY_SIZE(special)] : in16(in);
}

static uint64_t frame_of_shared(struct domain *d, unsigned int which)
{
    if (which == 0)
        return mfn_x(virt_to_mfn(d->shared_info));
    which = (which - 1) % (d->grant.nr_frames ?: 1);
    return d->grant.nr_frames ? mfn_x(virt_to_mfn(d->grant.shared[which])) : 0;
}

static uint64_t some_mfn(struct input *in)
{
    unsigned int dom = current->domain->id % NR_DOMS;
    uint8_t b = in8(in);

    if (b < 4 * PER_DOM)
        return world.frame[b < 2 * PER_DOM ? dom : b % NR_DOMS][b % PER_DOM];
    switch (b % 8) {
    case 0:
        return frame_of_shared(current->domain, in8(in) % 4);
    case 1:
        return 0xfee00;
    case 2:
        return 0xa0;
    case 3:
        return NR_FRAMES;
    case 4:
        return b % 16;
    case 5:
        return odd(in);
    default:
        return in16(in) % (NR_FRAMES + 8);
    }
}

/* A page that the kernel's tables map, or could. */
static uint64_t some_va(struct input *in)
{
    uint16_t b = in16(in);

    if (b < 0xf000)
        return (uint64_t)(b % (2 * PT_ENTRIES)) << PAGE_SHIFT;
    return b < 0xf800 ? (uint64_t)b << 27 : odd(in);
}

static uint64_t some_slot(struct input *in)
{
    static const uint16_t slots[] = {0,   1,   2,   5,   6,   8,   40,  255,
                                     256, 257, 271, 272, 300, 510, 511, 7};
    uint8_t b = in8(in);

    return b < 0x80 ? b % PER_DOM : slots[b % ARRAY_SIZE(slots)];
}

static uint64_t some_pte_addr(struct input *in)
{
    return some_mfn(in) << PAGE_SHIFT | some_slot(in) * sizeof(pte_t);
}

static pte_t some_pte(struct input *in)
{
    static const uint64_t flags[] = {
        PTE_P | PTE_US,
        PTE_P | PTE_US | PTE_RW,
        PTE_P | PTE_US | PTE_RW | PTE_A | PTE_D,
        PTE_P | PTE_RW,
        PTE_P,
        PTE_P | PTE_RW | PTE_US | PTE_NX,
        0,
        PTE_RW | PTE_US,
    };
    uint8_t b = in8(in);
    uint64_t extra = b >= 0xf0 ? (uint64_t)in16(in) << (b & 1 ? 48 : 3) : 0;

    return pte_make(mfn(some_mfn(in)), flags[b % ARRAY_SIZE(flags)] ^ extra);
}

static uint32_t some_port(struct input *in)
{
    uint8_t b = in8(in);

    return b < 0xf0   ? b % 24
           : b < 0xf8 ? (uint32_t)(b - 0xf0) * 1000
                      : (uint32_t)odd(in);
}

static uint32_t some_ref(struct input *in)
{
    uint8_t b = in8(in);

    return b < 0xf0   ? b % 24
           : b < 0xf8 ? (uint32_t)(b - 0xf0) * 300
                      : (uint32_t)odd(in);
}

static uint32_t some_vcpu(struct input *in)
{
    uint8_t b = in8(in);

    return b < 0xf8 ? b % 3 : (uint32_t)odd(in);
}

static uint64_t args_va(uint64_t offset)
{
    return (uint64_t)world.args + offset % (ARGS_SIZE + 64);
}

/* Anything: a small number, two of them, an address of args, a frame... */
static uint64_t some_word(struct input *in)
{
    uint8_t b = in8(in);

    if (b < 0x60)
        return b;
    if (b < 0xa0)
        return args_va((b & 0x3fu) * 64u);
    if (b < 0xc0)
        return some_mfn(in);
    if (b < 0xd0)
        return in8(in) | (uint64_t)in8(in) << 32;
    if (b < 0xe0)
        return odd(in);
    if (b < 0xe8)
        return some_va(in);
    if (b < 0xf0)
        return some_pte_addr(in);
    if (b < 0xf8)
        return (uint64_t)in8(in) << 8 | in8(in);
    return in64(in);
}

/* Words for len bytes at p; mostly few. */
static void fill_words(struct input *in, void *p, size_t len)
{
    uint64_t *word = p;
    unsigned int n = in8(in) % (unsigned int)(len / 8 + 1);

    for (unsigned int i = 0; i < n; i++)
        word[i] = some_word(in);
}

/* ---- calls ---- */

#define MAX_CONTINUED 200

struct call {
    unsigned int nr;
    unsigned long a[6];
};

static void registers_set(const struct call *c)
{
    struct cpu_regs *r = guest_cpu_regs();

    memset(r, 0, sizeof(*r));
    r->rip = 0x1000;
    r->cs = 0xe033;
    r->rax = c->nr;
    r->rdi = c->a[0];
    r->rsi = c->a[1];
    r->rdx = c->a[2];
    r->r10 = c->a[3];
    r->r8 = c->a[4];
    r->r9 = c->a[5];
}

/* As entry does: rax says the result, or rip that it is to be made again. */
static long call_once(void)
{
    struct cpu_regs *r = guest_cpu_regs();
    hypercall_fn fn = hypercall_table[r->rax % NR_HYPERCALLS];
    long rc = -ENOSYS;

    if (fn && r->rax != __HYPERVISOR_iret)
        rc = fn(r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9);
    world_check();
    return rc;
}

static void call(struct input *in, const struct call *c)
{
    struct vcpu *v = current;
    unsigned int cpu = smp_processor_id();
    long rc;

    registers_set(c);
    calls_made[c->nr % NR_HYPERCALLS]++;
    for (unsigned int i = 0; i < MAX_CONTINUED; i++) {
        guest_cpu_regs()->rip = 0x1000;
        rc = call_once();
        if (guest_cpu_regs()->rip == 0x1000) {
            calls_ok[c->nr % NR_HYPERCALLS] += rc >= 0;
            return;
        }
        guest_cpu_regs()->rax = (uint64_t)rc;
        preempt_in = in8(in) & 15;
        world_settle();
        host_run_on(cpu);
        if (current != v)
            return; /* it never comes back to finish */
    }
}

static void call2(struct input *in, unsigned int nr, unsigned long a,
                  unsigned long b)
{
    const struct call c = {nr, {a, b}};

    call(in, &c);
}

static void call4(struct input *in, unsigned int nr, unsigned long a,
                  unsigned long b, unsigned long x, unsigned long y)
{
    const struct call c = {nr, {a, b, x, y}};

    call(in, &c);
}

/* ---- page tables ---- */

static uint16_t some_foreign(struct input *in)
{
    uint8_t b = in8(in);

    return b < 0xa0 ? DOMID_SELF : some_domid(in);
}

static unsigned long foreigndom(struct input *in)
{
    uint16_t pg = some_foreign(in);

    if (pg == DOMID_SELF || in8(in) < 0xe0)
        return pg;
    return (unsigned long)pg | (unsigned long)(some_domid(in) + 1) << 16;
}

static void op_mmu_update(struct input *in)
{
    struct mmu_update *u = (void *)world.args;
    unsigned int n = 1 + in8(in) % 8;
    unsigned long who = foreigndom(in);

    for (unsigned int i = 0; i < n; i++) {
        uint8_t cmd = in8(in);

        u[i].ptr = some_pte_addr(in) | (cmd < 0xe0 ? cmd & 2 : cmd & 7);
        u[i].val = some_pte(in);
    }
    call4(in, __HYPERVISOR_mmu_update, args_va(0), n, args_va(4000), who);
}

static void op_mmuext(struct input *in)
{
    struct mmuext_op *op = (void *)world.args;
    unsigned int n = 1 + in8(in) % 4;
    unsigned long who = some_foreign(in);

    for (unsigned int i = 0; i < n; i++) {
        uint8_t b = in8(in);

        op[i].cmd = b % 24;
        op[i].arg1.mfn = some_mfn(in);
        op[i].arg2.src_mfn = b & 0x80 ? some_mfn(in) : in8(in);
        if (op[i].cmd == MMUEXT_TLB_FLUSH_MULTI ||
            op[i].cmd == MMUEXT_INVLPG_MULTI)
            op[i].arg2.src_mfn = args_va(2048);
        if (op[i].cmd == MMUEXT_SET_LDT)
            op[i].arg1.mfn = some_va(in);
    }
    call4(in, __HYPERVISOR_mmuext_op, args_va(0), n, args_va(4000), who);
}

static void op_update_va(struct input *in)
{
    static const uint64_t flush[] = {0, UVMF_INVLPG | UVMF_ALL,
                                     UVMF_TLB_FLUSH | UVMF_ALL, UVMF_INVLPG,
                                     UVMF_TLB_FLUSH};
    uint64_t va = some_va(in), pte = some_pte(in);
    uint64_t how = flush[in8(in) % ARRAY_SIZE(flush)];

    if (in8(in) < 0xc0)
        call4(in, __HYPERVISOR_update_va_mapping, va, pte, how, 0);
    else
        call4(in, __HYPERVISOR_update_va_mapping_otherdomain, va, pte, how,
              some_domid(in));
}

/* ---- descriptors ---- */

static void op_descriptors(struct input *in)
{
    uint64_t *frames = (void *)world.args;
    unsigned int n = 1 + in8(in) % 3;

    switch (in8(in) % 3) {
    case 0:
        for (unsigned int i = 0; i < n; i++)
            frames[i] = some_mfn(in);
        call2(in, __HYPERVISOR_set_gdt, args_va(0), in16(in) % 1600);
        break;
    case 1:
        call2(in, __HYPERVISOR_update_descriptor, some_pte_addr(in), in64(in));
        break;
    default:
        (void)pv_ldt_fault(current, in8(in) % 17);
        world_check();
        break;
    }
}

/* ---- event channels ---- */

static void op_evtchn(struct input *in)
{
    union {
        struct evtchn_alloc_unbound alloc;
        struct evtchn_bind_interdomain inter;
        struct evtchn_bind_virq virq;
        struct evtchn_bind_pirq pirq;
        struct evtchn_bind_ipi ipi;
        struct evtchn_status status;
        struct evtchn_bind_vcpu bind;
        struct evtchn_init_control init;
        struct evtchn_expand_array expand;
        struct evtchn_set_priority prio;
        uint32_t port;
        uint16_t dom;
    } *a = (void *)world.args;
    unsigned int cmd = in8(in) % 15;

    switch (cmd) {
    case EVTCHNOP_alloc_unbound:
        a->alloc.dom = some_domid(in);
        a->alloc.remote_dom = some_domid(in);
        break;
    case EVTCHNOP_bind_interdomain:
        a->inter.remote_dom = some_domid(in);
        a->inter.remote_port = some_port(in);
        break;
    case EVTCHNOP_bind_virq:
        a->virq.virq = in8(in) % 26;
        a->virq.vcpu = some_vcpu(in);
        break;
    case EVTCHNOP_bind_pirq:
        a->pirq.pirq = in8(in) % 66;
        a->pirq.flags = in8(in);
        break;
    case EVTCHNOP_bind_ipi:
        a->ipi.vcpu = some_vcpu(in);
        break;
    case EVTCHNOP_status:
        a->status.dom = some_domid(in);
        a->status.port = some_port(in);
        break;
    case EVTCHNOP_bind_vcpu:
        a->bind.port = some_port(in);
        a->bind.vcpu = some_vcpu(in);
        break;
    case EVTCHNOP_init_control:
        a->init.control_gfn = some_mfn(in);
        a->init.offset = in8(in) < 0xe0 ? (in8(in) & 7) * 128u : in16(in);
        a->init.vcpu = some_vcpu(in);
        break;
    case EVTCHNOP_expand_array:
        a->expand.array_gfn = some_mfn(in);
        break;
    case EVTCHNOP_set_priority:
        a->prio.port = some_port(in);
        a->prio.priority = in8(in) % 17;
        break;
    case EVTCHNOP_reset:
        if (in8(in) < 0xc0) /* rare: all that went before is lost */
            return;
        a->dom = some_domid(in);
        break;
    default:
        a->port = some_port(in);
        break;
    }
    call2(in, __HYPERVISOR_event_channel_op, cmd, args_va(0));
}

/* ---- grants ---- */

static void fill_copy_end(struct input *in, struct gnttab_copy_ptr *p,
                          bool is_ref)
{
    p->domid = some_domid(in);
    p->offset = in8(in) < 0xe0 ? in8(in) : in16(in);
    if (is_ref)
        p->u.ref = some_ref(in);
    else
        p->u.gmfn = some_mfn(in);
}

static void fill_grant_op(struct input *in, unsigned int cmd, char *at,
                          size_t *size)
{
    union {
        struct gnttab_map_grant_ref map;
        struct gnttab_unmap_grant_ref unmap;
        struct gnttab_unmap_and_replace replace;
        struct gnttab_setup_table setup;
        struct gnttab_copy copy;
        struct gnttab_swap_grant_ref swap;
        uint64_t word[8];
    } *a = (void *)at;

    memset(a, 0, sizeof(*a));
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        *size = sizeof(a->map);
        a->map.flags = in8(in) & 0x1f ?: GNTMAP_host_map;
        a->map.host_addr = a->map.flags & GNTMAP_contains_pte
                               ? some_pte_addr(in)
                               : some_va(in);
        a->map.ref = some_ref(in);
        a->map.dom = some_domid(in);
        break;
    case GNTTABOP_unmap_grant_ref:
        *size = sizeof(a->unmap);
        a->unmap.host_addr = in8(in) & 1 ? some_va(in) : some_pte_addr(in);
        a->unmap.dev_bus_addr = in8(in) & 3 ? 0 : some_mfn(in) << PAGE_SHIFT;
        a->unmap.handle = some_ref(in);
        break;
    case GNTTABOP_unmap_and_replace:
        *size = sizeof(a->replace);
        a->replace.host_addr = some_va(in);
        a->replace.new_addr = some_va(in);
        a->replace.handle = some_ref(in);
        break;
    case GNTTABOP_setup_table:
        *size = sizeof(a->setup);
        a->setup.dom = some_domid(in);
        a->setup.nr_frames = in8(in) % 6;
        a->setup.frame_list.p = (void *)args_va(8192);
        break;
    case GNTTABOP_copy:
        *size = sizeof(a->copy);
        a->copy.flags = in8(in) & 3;
        fill_copy_end(in, &a->copy.source, a->copy.flags & GNTCOPY_source_gref);
        fill_copy_end(in, &a->copy.dest, a->copy.flags & GNTCOPY_dest_gref);
        a->copy.len = in8(in) < 0xe0 ? in8(in) : in16(in);
        break;
    case GNTTABOP_swap_grant_ref:
        *size = sizeof(a->swap);
        a->swap.ref_a = some_ref(in);
        a->swap.ref_b = some_ref(in);
        break;
    default:
        *size = sizeof(a->word);
        a->word[0] = in8(in) < 0x80 ? some_domid(in) : some_word(in);
        fill_words(in, &a->word[1], sizeof(a->word) - 8);
        break;
    }
}

static void op_grant(struct input *in)
{
    unsigned int cmd = in8(in) % 13, n = 1;
    size_t size = 0, at = 0;

    if (cmd == GNTTABOP_map_grant_ref || cmd == GNTTABOP_unmap_grant_ref ||
        cmd == GNTTABOP_copy || cmd == GNTTABOP_transfer)
        n = 1 + in8(in) % 4;
    for (unsigned int i = 0; i < n; i++, at += size)
        fill_grant_op(in, cmd, world.args + at, &size);
    call4(in, __HYPERVISOR_grant_table_op, cmd, args_va(0), n, 0);
}

/* ---- memory ---- */

static void fill_reservation(struct input *in, struct xen_memory_reservation *r,
                             size_t list)
{
    uint64_t *m = (void *)(world.args + list);
    unsigned int n = in8(in) % 6;

    memset(r, 0, sizeof(*r));
    r->domid = some_foreign(in);
    r->nr_extents = in8(in) < 0xf0 ? n : odd(in);
    r->extent_order = in8(in) < 0xc0 ? 0 : in8(in) % 12;
    r->mem_flags = in8(in) < 0xc0 ? 0 : in8(in);
    r->extent_start.p = (void *)args_va(list);
    for (unsigned int i = 0; i < n; i++)
        m[i] = some_mfn(in);
}

static void op_memory(struct input *in)
{
    static const uint8_t cmds[] = {
        XENMEM_decrease_reservation,
        XENMEM_populate_physmap,
        XENMEM_exchange,
        XENMEM_increase_reservation,
        XENMEM_exchange,
        XENMEM_decrease_reservation,
        XENMEM_acquire_resource,
        XENMEM_claim_pages,
    };
    uint8_t b = in8(in);
    unsigned int cmd = b < 0xc0 ? cmds[b % ARRAY_SIZE(cmds)] : b & 0x1f;
    struct xen_memory_exchange *x = (void *)world.args;
    struct xen_mem_acquire_resource *res = (void *)world.args;

    switch (cmd) {
    case XENMEM_exchange:
        fill_reservation(in, &x->in, 4096);
        fill_reservation(in, &x->out, 8192);
        if (in8(in) < 0xf0) {
            x->out.domid = x->in.domid;
            x->out.nr_extents =
                (x->in.nr_extents << (x->in.extent_order & 15)) >>
                (x->out.extent_order & 15);
        }
        x->nr_exchanged = in8(in) < 0xf0 ? 0 : in8(in);
        break;
    case XENMEM_acquire_resource:
        memset(res, 0, sizeof(*res));
        res->domid = some_domid(in);
        res->type = (in8(in) & 3) ? XENMEM_resource_grant_table : in8(in);
        res->id = in8(in) & 3;
        res->nr_frames = in8(in) % 6;
        res->frame = in8(in) % 6;
        res->frame_list.p = in8(in) & 7 ? (void *)args_va(4096) : NULL;
        break;
    case XENMEM_decrease_reservation:
    case XENMEM_increase_reservation:
    case XENMEM_populate_physmap:
    case XENMEM_claim_pages:
        fill_reservation(in, &x->in, 4096);
        break;
    default:
        fill_words(in, world.args, 64);
        break;
    }
    call2(in, __HYPERVISOR_memory_op, cmd, args_va(0));
}

/* ---- vcpus and the scheduler ---- */

static void fill_context(struct input *in, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    c->flags = in8(in) < 0xe0 ? VGCF_in_kernel | VGCF_online : in8(in);
    c->ctrlreg[3] = xen_pfn_to_cr3(some_mfn(in));
    c->ctrlreg[1] = in8(in) & 1 ? xen_pfn_to_cr3(some_mfn(in)) : 0;
    if (in8(in) & 1) {
        c->gdt_frames[0] = some_mfn(in);
        c->gdt_ents = in16(in) % 600;
    }
    if (in8(in) & 1) {
        c->ldt_base = some_va(in);
        c->ldt_ents = in16(in) % 600;
    }
    c->event_callback_eip = odd(in);
}

static void op_vcpu(struct input *in)
{
    unsigned int cmd = in8(in) % 15;
    uint64_t *a = (void *)world.args;

    switch (cmd) {
    case VCPUOP_initialise:
        fill_context(in, (void *)world.args);
        break;
    case VCPUOP_down: /* all down is the end of the domain */
        if (in8(in) < 0xc0)
            return;
        break;
    case VCPUOP_register_vcpu_info:
        a[0] = some_mfn(in);
        a[1] = in8(in) * 8u;
        break;
    case VCPUOP_set_periodic_timer:
    case VCPUOP_set_singleshot_timer:
        a[0] = in8(in) & 1 ? (uint64_t)host_now + in16(in) * 1000u : odd(in);
        a[1] = in8(in) & 1;
        break;
    default:
        a[0] = args_va(in8(in) * 16u);
        break;
    }
    call4(in, __HYPERVISOR_vcpu_op, cmd, some_vcpu(in), args_va(0), 0);
}

static void op_sched(struct input *in)
{
    static const uint8_t cmds[] = {SCHEDOP_yield,        SCHEDOP_block,
                                   SCHEDOP_poll,         SCHEDOP_watchdog,
                                   SCHEDOP_pin_override, SCHEDOP_shutdown_code};
    uint8_t b = in8(in);
    unsigned int cmd = b < 0xf0 ? cmds[b % ARRAY_SIZE(cmds)] : b & 15;
    struct sched_poll *poll = (void *)world.args;
    uint32_t *ports = (void *)(world.args + 64), *a = (void *)world.args;

    if (cmd == SCHEDOP_poll) {
        poll->nr_ports = in8(in) % 5;
        poll->ports.p = (void *)args_va(64);
        poll->timeout = in8(in) & 1 ? (uint64_t)host_now + in16(in) : odd(in);
        for (unsigned int i = 0; i < poll->nr_ports; i++)
            ports[i] = some_port(in);
    } else {
        a[0] = in8(in) % 4;
        a[1] = in8(in) % 8;
    }
    call2(in, __HYPERVISOR_sched_op, cmd, args_va(0));
}

/* ---- the toolstack ---- */

static void op_domctl(struct input *in)
{
    static const uint16_t cmds[] = {
        XEN_DOMCTL_pausedomain,      XEN_DOMCTL_unpausedomain,
        XEN_DOMCTL_getdomaininfo,    XEN_DOMCTL_getpageframeinfo3,
        XEN_DOMCTL_setvcpuaffinity,  XEN_DOMCTL_setvcpucontext,
        XEN_DOMCTL_getvcpucontext,   XEN_DOMCTL_max_mem,
        XEN_DOMCTL_max_vcpus,        XEN_DOMCTL_scheduler_op,
        XEN_DOMCTL_hypercall_init,   XEN_DOMCTL_resumedomain,
        XEN_DOMCTL_getvcpuextstate,  XEN_DOMCTL_setvcpuextstate,
        XEN_DOMCTL_get_cpu_policy,   XEN_DOMCTL_iomem_permission,
        XEN_DOMCTL_irq_permission,   XEN_DOMCTL_ioport_permission,
        XEN_DOMCTL_createdomain,     XEN_DOMCTL_destroydomain,
        XEN_DOMCTL_get_vcpu_msrs,    XEN_DOMCTL_set_vcpu_msrs,
        XEN_DOMCTL_set_virq_handler, XEN_DOMCTL_soft_reset,
    };
    struct xen_domctl *op = (void *)world.args;
    uint8_t b = in8(in);

    memset(op, 0, sizeof(*op));
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->cmd = b < 0xc0 ? cmds[b % ARRAY_SIZE(cmds)] : in8(in) % 90;
    op->domain = in8(in) % (NR_DOMS + 2);
    switch (op->cmd) {
    case XEN_DOMCTL_setvcpucontext:
        op->u.vcpucontext.vcpu = some_vcpu(in);
        op->u.vcpucontext.ctxt.p = in8(in) & 7 ? (void *)args_va(4096) : NULL;
        fill_context(in, (void *)(world.args + 4096));
        break;
    case XEN_DOMCTL_createdomain:
        if (world_nr_domains() >= MAX_DOMS)
            return;
        /* No id of the hypervisor's choice: its table would grow for good. */
        op->domain = (domid_t)(NR_DOMS + in8(in) % 4);
        op->u.createdomain.max_vcpus = in8(in) % 4;
        op->u.createdomain.max_evtchn_port = in16(in);
        op->u.createdomain.max_grant_frames = in8(in) % 5;
        op->u.createdomain.max_maptrack_frames = in8(in) % 3;
        op->u.createdomain.flags = in8(in) < 0xe0 ? 0 : in16(in);
        break;
    case XEN_DOMCTL_max_mem:
        op->u.max_mem.max_memkb = in8(in) * 4u;
        break;
    default:
        fill_words(in, &op->u, 64);
        break;
    }
    call2(in, __HYPERVISOR_domctl, args_va(0), 0);
}

static void op_sysctl(struct input *in)
{
    struct xen_sysctl *op = (void *)world.args;

    memset(op, 0, sizeof(*op));
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    op->cmd = in8(in) % 32;
    fill_words(in, &op->u, 64);
    if (op->cmd == XEN_SYSCTL_cpu_hotplug)
        return; /* CPUs of this world do not come back */
    call2(in, __HYPERVISOR_sysctl, args_va(0), 0);
}

/* ---- anything ---- */

static void op_multicall(struct input *in)
{
    struct multicall_entry *e = (void *)(world.args + 8192);
    unsigned int n = 1 + in8(in) % 3;

    fill_words(in, world.args, 256);
    for (unsigned int i = 0; i < n; i++) {
        e[i].op = in8(in) % NR_HYPERCALLS;
        for (unsigned int a = 0; a < 4; a++)
            e[i].args[a] = some_word(in);
    }
    call2(in, __HYPERVISOR_multicall, args_va(8192), n);
}

static void op_raw(struct input *in)
{
    struct call c = {.nr = in8(in) % NR_HYPERCALLS};

    fill_words(in, world.args, 512);
    for (unsigned int i = 0; i < 4; i++)
        c.a[i] = some_word(in);
    call(in, &c);
}

/* ---- what a guest does without a hypercall ---- */

/* A guest may store to a frame that no table says otherwise of: it could map
 * it. Frames shared by the hypervisor are mapped from the beginning. */
static bool may_store(const struct page_info *pg)
{
    enum page_type type = pgs_type(pg->state);

    return pg->owner == current->domain && pgs_refs(pg->state) &&
           (pgs_trefs(pg->state) == 0 || type == PGT_WRITABLE);
}

static void *some_memory(struct input *in)
{
    uint64_t m = some_mfn(in);
    uint16_t offset = in8(in) < 0xc0 ? in8(in) * 8u : in16(in);

    if (!mfn_is_ram(mfn(m)) || !may_store(mfn_to_page(mfn(m))))
        return NULL;
    return (char *)mfn_to_virt(mfn(m)) + (offset & 0xff8);
}

static void op_store(struct input *in)
{
    uint64_t *p = some_memory(in);
    uint8_t kind = in8(in);
    uint64_t value = kind & 1 ? some_pte(in) : some_word(in);

    if (p && kind & 2)
        *(uint32_t *)p = (uint32_t)value;
    else if (p)
        *p = value;
}

static void op_grant_entry(struct input *in)
{
    struct grant_table *t = &current->domain->grant;
    uint32_t ref = some_ref(in);
    struct grant_entry_v1 *e;

    if (ref / 512 >= t->nr_frames)
        return;
    e = (struct grant_entry_v1 *)t->shared[ref / 512] + ref % 512;
    e->domid = in8(in) % NR_DOMS;
    e->frame = (uint32_t)some_mfn(in);
    e->flags = in8(in) < 0xc0 ? GTF_permit_access | (in8(in) & GTF_readonly)
                              : in16(in);
}

/* Entries of version 2: whole pages, parts of pages, and such that lead on to
 * another domain's. */
static void op_grant_entry_v2(struct input *in)
{
    struct grant_table *t = &current->domain->grant;
    uint32_t ref = some_ref(in);
    union grant_entry_v2 *e;

    if (t->version != 2 || ref / 256 >= t->nr_frames)
        return;
    e = (union grant_entry_v2 *)t->shared[ref / 256] + ref % 256;
    e->hdr.domid = in8(in) % NR_DOMS;
    switch (in8(in) % 4) {
    case 0:
        e->sub_page.page_off = in16(in);
        e->sub_page.length = in16(in);
        e->sub_page.frame = some_mfn(in);
        e->hdr.flags = GTF_permit_access | GTF_sub_page;
        break;
    case 1:
        e->transitive.trans_domid = in8(in) % NR_DOMS;
        e->transitive.gref = some_ref(in);
        e->hdr.flags = GTF_transitive;
        break;
    default:
        e->full_page.frame = some_mfn(in);
        e->hdr.flags = GTF_permit_access;
        break;
    }
    if (in8(in) & 1)
        e->hdr.flags |= GTF_readonly;
}

/* Images for the crash area. Those for after a reboot take pages of the heap,
 * which hostarch counts when they are freed only. */
static void op_kexec(struct input *in)
{
    struct xen_kexec_load *load = (void *)world.args;
    struct xen_kexec_segment *seg = (void *)(world.args + 4096);
    unsigned int cmd = in8(in) % 8;

    if (cmd == KEXEC_CMD_kexec)
        return; /* it would be entered */
    fill_words(in, world.args, 64);
    if (cmd == KEXEC_CMD_kexec_load) {
        memset(load, 0, sizeof(*load));
        load->type = KEXEC_TYPE_CRASH;
        load->arch = in8(in) < 0xf0 ? 62 : in16(in); /* EM_X86_64 */
        load->nr_segments = in8(in) % 4;
        load->segments._pad = args_va(4096);
        load->entry_maddr = (FRAME_CRASH << PAGE_SHIFT) + in16(in);
        for (unsigned int i = 0; i < load->nr_segments; i++) {
            seg[i].buf._pad = in8(in) < 0xe0 ? args_va(8192) : some_va(in);
            seg[i].buf_size = in16(in) % 8192;
            seg[i].dest_maddr = (FRAME_CRASH + in8(in) % 6) << PAGE_SHIFT;
            seg[i].dest_size = (in8(in) % 3 + 1ul) << PAGE_SHIFT;
        }
    }
    call2(in, __HYPERVISOR_kexec_op, cmd, args_va(0));
}

static void op_flags(struct input *in)
{
    struct vcpu_info *i = current->vcpu_info;

    i->evtchn_upcall_pending = in8(in) & 1;
    i->evtchn_upcall_mask = in8(in) & 1;
    i->evtchn_pending_sel = in8(in);
}

static void op_mode(struct input *in)
{
    struct arch_vcpu *a = &current->arch;

    (void)in;
    if (a->kernel_mode && mfn_eq(a->user_l4, INVALID_MFN))
        return;
    a->kernel_mode = true; /* hypercalls come from the kernel */
}

static void op_time(struct input *in)
{
    host_now += in16(in) * 100000L;
    timer_interrupt();
    world_settle();
}

static void op_hazards(struct input *in)
{
    uint8_t b = in8(in);

    preempt_in = b & 7;
    if (b & 8)
        host_alloc_fail_in = 1 + (in8(in) & 7);
    if (b & 0x10) {
        flip_in = 1 + (in8(in) & 7);
        flip_at = in8(in) * (b & 0x20 ? 8 : 1);
        flip_with = in8(in);
    }
    if (b & 0x40)
        line_fire(in8(in));
}

void hazards_end(void)
{
    host_alloc_fail_in = 0;
    preempt_in = flip_in = 0;
}

static void (*const ops[])(struct input *in) = {
    op_mmu_update, op_mmuext,    op_update_va, op_descriptors, op_evtchn,
    op_grant,      op_memory,    op_vcpu,      op_sched,       op_domctl,
    op_sysctl,     op_multicall, op_raw,       op_store,       op_grant_entry,
    op_flags,      op_mode,      op_time,      op_hazards,     op_evtchn,
    op_mmu_update, op_grant,     op_mmuext,    op_update_va,
};

/* Added later, so that the kept inputs mean what they meant. */
static void (*const more_ops[])(struct input *in) = {
    op_grant_entry_v2,
    op_kexec,
};

static void (*some_op(struct input *in))(struct input *)
{
    uint8_t b = in8(in);

    if (b >= 0xf0)
        return more_ops[b % ARRAY_SIZE(more_ops)];
    return ops[b % ARRAY_SIZE(ops)];
}

void op_run(struct input *in)
{
    void (*op)(struct input *) = some_op(in);

    host_guest_after_read = flip;
    op(in);
    world_check();
    if (op != op_hazards)
        hazards_end();
}
