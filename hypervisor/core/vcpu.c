/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's life: allocated, given a context, brought up, paused, taken down.
 * How it sleeps is vcpu_sleep.c's business, when and where it runs sched.c's.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/trace.h>

/* Stands in where a vcpu above 31 has not registered its own page yet. */
static struct vcpu_info dummy_vcpu_info = {.evtchn_upcall_mask = 1};

struct vcpu *domain_vcpu(const struct domain *d, unsigned int id)
{
    if (id >= d->max_vcpus)
        return NULL;
    return d->vcpu[index_nospec(id, d->max_vcpus)];
}

int vcpu_create(struct domain *d, unsigned int id)
{
    struct vcpu *v;
    int rc;

    if (id >= d->max_vcpus)
        return -EINVAL;
    if (d->vcpu[id])
        return -EEXIST;
    v = hv_alloc(sizeof(*v));
    if (!v)
        return -ENOMEM;
    v->domain = d;
    v->id = id;
    v->is_idle = d->is_idle;
    v->pause_flags = d->is_idle ? 0 : VPF_DOWN;
    if (!d->is_idle && id < XEN_LEGACY_MAX_VCPUS)
        v->vcpu_info = &d->shared_info->vcpu_info[id];
    else
        v->vcpu_info = &dummy_vcpu_info;
    v->no_upcall_dummy = v->vcpu_info == &dummy_vcpu_info;
    sched_vcpu_init(v);
    vcpu_timers_init(v);
    rc = arch_vcpu_create(v);
    if (rc) {
        vcpu_timers_kill(v);
        hv_free(v);
        return rc;
    }
    d->vcpu[id] = v;
    return 0;
}

void vcpu_pause_nosync(struct vcpu *v)
{
    __atomic_fetch_add(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    sched_sleep_nosync(v);
}

void vcpu_pause(struct vcpu *v)
{
    __atomic_fetch_add(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    sched_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    int before = __atomic_fetch_sub(&v->pause_count, 1, __ATOMIC_SEQ_CST);

    ASSERT(before > 0);
    if (before == 1)
        vcpu_wake(v);
}

/*
 * VCPUOP_register_vcpu_info: the guest's own page holds the 64 bytes from now
 * on. What was pending in the old place may not have been seen: everything is
 * marked for a scan.
 */
int vcpu_info_register(struct vcpu *v, mfn_t m, unsigned int offset)
{
    struct domain *d = v->domain;
    struct page_info *pg;
    struct vcpu_info *info;
    int rc;

    if (v->vcpu_info_page)
        return -EINVAL;
    if (v != current && !(READ_ONCE(v->pause_flags) & VPF_DOWN))
        return -EINVAL;
    if (offset > PAGE_SIZE - sizeof(*info) || offset % 8)
        return -ENXIO;
    if (!mfn_is_ram(m))
        return -EINVAL;
    pg = mfn_to_page(m);
    rc = page_get_and_type(pg, d, PGT_WRITABLE);
    if (rc)
        return rc == -ERESTART ? -EINVAL : rc;
    info = (struct vcpu_info *)((char *)mfn_to_virt(m) + offset);
    if (v->no_upcall_dummy) {
        memset(info, 0, sizeof(*info));
        WRITE_ONCE(info->evtchn_upcall_mask, 1);
    } else {
        /* Both may be in the shared-info page, which is the guest's too. */
        memmove(info, v->vcpu_info, sizeof(*info));
    }
    v->vcpu_info = info;
    v->vcpu_info_page = pg;
    v->no_upcall_dummy = false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(info->evtchn_pending_sel, ~0UL);
    WRITE_ONCE(info->evtchn_upcall_pending, 1);
    arch_vcpu_time_update(v, true);
    return 0;
}

void vcpu_info_unmap(struct vcpu *v)
{
    struct page_info *pg = v->vcpu_info_page;

    if (!pg)
        return;
    v->vcpu_info = &dummy_vcpu_info;
    v->no_upcall_dummy = true;
    v->vcpu_info_page = NULL;
    page_put_and_type(pg);
}
