/* SPDX-License-Identifier: MIT */
/*
 * The clock record of a vcpu: a TSC value, the system time at it, and the
 * scale, from which the guest computes the time by itself. A version that is
 * odd while the record changes tells readers to try again. Written into
 * vcpu_info, and copied to an address of the guest's if it asked for that.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <asm/pv/desc.h>
#include <asm/time.h>
#include <asm/x86.h>

static void record_write(struct vcpu_time_info *t,
                         const struct vcpu_time_info *from)
{
    uint32_t version = (t->version + 1) | 1;

    WRITE_ONCE(t->version, version);
    smp_wmb();
    t->tsc_timestamp = from->tsc_timestamp;
    t->system_time = from->system_time;
    t->tsc_to_system_mul = from->tsc_to_system_mul;
    t->tsc_shift = from->tsc_shift;
    t->flags = from->flags;
    smp_wmb();
    WRITE_ONCE(t->version, version + 1);
}

static bool record_equal(const struct vcpu_time_info *a,
                         const struct vcpu_time_info *b)
{
    return a->tsc_timestamp == b->tsc_timestamp &&
           a->system_time == b->system_time &&
           a->tsc_to_system_mul == b->tsc_to_system_mul &&
           a->tsc_shift == b->tsc_shift && a->flags == b->flags;
}

/* The same protocol on the guest's copy, which is the only place whose
 * version it reads. A bad address ends the registration. */
void pv_time_area_update(struct vcpu *v)
{
    const struct vcpu_time_info *from = &v->vcpu_info->time;
    guest_va_t to = v->arch.time_area;
    uint32_t odd = from->version | 1;

    v->arch.time_pending = false;
    if (!to)
        return;
    if (copy_to_guest_va(to, &odd, sizeof(odd)) ||
        copy_to_guest_va(to + sizeof(odd), (const char *)from + sizeof(odd),
                         sizeof(*from) - sizeof(odd)) ||
        copy_to_guest_va(to, &from->version, sizeof(from->version)))
        v->arch.time_area = 0;
}

/*
 * v is current, or not running. Other parts of vcpu_info are the guest's to
 * scribble on; the record is compared so that a quiet clock costs nothing.
 */
void arch_vcpu_time_update(struct vcpu *v, bool force)
{
    struct vcpu_time_info *t = &v->vcpu_info->time, now = {0};

    time_fill_record(&now);
    if (!force && record_equal(t, &now))
        return;
    record_write(t, &now);
    if (!v->arch.time_area)
        return;
    v->arch.time_pending = true;
    if (v == current && v->arch.kernel_mode)
        pv_time_area_update(v);
}
