/* SPDX-License-Identifier: MIT */
/*
 * Pausing, shutting down, resuming and crashing a domain.
 *
 * Pauses are counted per vcpu. The toolstack's own pauses are counted apart
 * (controller_pauses), so that a guest cannot be left paused by an unpause too
 * many or too few of anybody else.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/kexec.h>
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/softirq.h>

#define MAX_CONTROLLER_PAUSES 255

void domain_pause_nosync(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        vcpu_pause_nosync(v);
}

void domain_pause(struct domain *d)
{
    struct vcpu *v;

    ASSERT(d != current->domain);
    domain_pause_nosync(d);
    for_each_vcpu (d, v)
        sched_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        vcpu_unpause(v);
}

/* The first pause of a new domain was taken before its vcpus existed. */
int domain_pause_by_controller(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->ctl_lock);
    if (d->controller_pauses >= MAX_CONTROLLER_PAUSES)
        rc = -EUSERS;
    else if (d->controller_pauses++ == 0)
        domain_pause_nosync(d);
    spin_unlock(&d->ctl_lock);
    if (!rc) {
        struct vcpu *v;

        for_each_vcpu (d, v)
            sched_sleep_sync(v);
    }
    return rc;
}

int domain_unpause_by_controller(struct domain *d)
{
    int rc = 0;

    /* Builders clear the page that has it. */
    if (!d->creation_finished)
        arch_wallclock_update(d);
    spin_lock(&d->ctl_lock);
    if (d->controller_pauses == 0)
        rc = -EINVAL;
    else if (--d->controller_pauses == 0)
        domain_unpause(d);
    d->creation_finished = true;
    spin_unlock(&d->ctl_lock);
    return rc;
}

/* The event is sent later, from under no lock. */
static void send_dom_exc(void *arg)
{
    (void)arg;
    evtchn_send_global_virq(VIRQ_DOM_EXC);
}

static struct tasklet tell_dom0 = {.fn = send_dom_exc};

/*
 * Every vcpu stops at its next chance; the domain is shut down when the last
 * one has. The control domain's end is the machine's.
 */
int domain_shutdown(struct domain *d, uint8_t reason)
{
    unsigned long flags;
    bool first;
    struct vcpu *v;

    if (d->is_privileged) {
        printk(LOG_INFO "dom0 asks for %s\n",
               reason == SHUTDOWN_poweroff ? "power-off" : "reboot");
        if (reason == SHUTDOWN_poweroff)
            machine_poweroff();
        if (reason == SHUTDOWN_crash)
            kexec_dom0_crashed();
        machine_restart(reason == SHUTDOWN_crash ? 3000 : 0);
    }
    flags = spin_lock_irqsave(&d->shutdown_lock);
    first = !d->is_shutting_down;
    if (first) {
        d->is_shutting_down = true;
        d->shutdown_code = reason;
        for_each_vcpu (d, v) {
            v->paused_for_shutdown = true;
            vcpu_pause_nosync(v);
        }
        d->is_shut_down = true;
        tasklet_schedule(&tell_dom0);
    }
    spin_unlock_irqrestore(&d->shutdown_lock, flags);
    /* Only a guest itself suspends: no lock is held. */
    if (first && reason == SHUTDOWN_suspend && READ_ONCE(d->suspend_port))
        (void)evtchn_send(d, READ_ONCE(d->suspend_port));
    return 0;
}

/* Undo a shutdown (a cancelled suspend): of each vcpu that it stopped. */
void domain_resume(struct domain *d)
{
    unsigned long flags;
    struct vcpu *v;

    flags = spin_lock_irqsave(&d->shutdown_lock);
    d->is_shutting_down = d->is_shut_down = false;
    d->shutdown_code = SHUTDOWN_poweroff;
    for_each_vcpu (d, v) {
        if (v->paused_for_shutdown)
            vcpu_unpause(v);
        v->paused_for_shutdown = false;
    }
    spin_unlock_irqrestore(&d->shutdown_lock, flags);
}

static const char *const mode_name[] = {"user", "kernel"};

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char why[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    if (current->domain == d) {
        const struct cpu_regs *r = guest_cpu_regs();

        printk(LOG_ERR "d%uv%u crashed: %s\n", d->id, current->id, why);
        printk(LOG_ERR " %s rip %016lx rsp %016lx cs %04lx flags %08lx\n",
               mode_name[current->arch.kernel_mode], r->rip, r->rsp, r->cs,
               r->rflags);
        printk(LOG_ERR " rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax,
               r->rbx, r->rcx, r->rdx);
        printk(LOG_ERR " rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi,
               r->rdi, r->rbp, r->r8);
        printk(LOG_ERR " r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9,
               r->r10, r->r11, r->r12);
    } else {
        printk(LOG_ERR "d%u crashed: %s\n", d->id, why);
    }
    domain_shutdown(d, SHUTDOWN_crash);
}

void domain_wallclock_update_all(void)
{
    struct domain *d;

    for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL;) {
        arch_wallclock_update(d);
        id = (domid_t)(d->id + 1);
        domain_put(d);
    }
}
