/* SPDX-License-Identifier: MIT */
/*
 * Console keys that show the machine: interrupt chips, clocks, and where the
 * control domain is.
 */
#include <hv/arch.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/smp.h>
#include <hv/spinlock.h>

#include <asm/boot.h>
#include <asm/irq.h>
#include <asm/mce.h>
#include <asm/time.h>
#include <asm/x86.h>

static void show_ioapics(char key)
{
    (void)key;
    ioapic_dump();
}

static void show_msis(char key)
{
    (void)key;
    msi_dump();
}

static void show_nmis(char key)
{
    unsigned int cpu;

    (void)key;
    for_each_online_cpu (cpu)
        printk(LOG_INFO "cpu %u: %lu NMIs\n", cpu, per_cpu(nmi_count, cpu));
}

struct clock_reading {
    uint64_t tsc;
    s_time_t ns;
};

static void read_clock(void *arg)
{
    struct clock_reading *c = arg;

    c->tsc = rdtsc_ordered();
    c->ns = now_ns();
}

/* A CPU's system time, less what the asking one had just before: what is left
 * is the time that the question took, or a clock that is off. */
static void show_clocks(char key)
{
    unsigned int cpu;

    (void)key;
    printk(LOG_INFO "TSC %u.%03u MHz, up %lld ms\n", tsc_khz / 1000,
           tsc_khz % 1000, (long long)(now_ns() / 1000000));
    platform_clock_show();
    for_each_online_cpu (cpu) {
        cpumask_t one = cpumask_of(cpu);
        struct clock_reading c = {0};
        s_time_t before = now_ns(), after;

        smp_call(&one, read_clock, &c, true);
        after = now_ns();
        printk(LOG_INFO
               "cpu %u: TSC %016lx, %lld ns after the question, which took "
               "%lld ns\n",
               cpu, c.tsc, (long long)(c.ns - before),
               (long long)(after - before));
    }
}

static void show_guest_clocks(char key)
{
    struct domain *d;

    (void)key;
    for (domid_t id = 0; (d = domain_get_first_from(id)) != NULL;) {
        printk(LOG_INFO "d%u: the machine's TSC, wall clock %+lld s\n", d->id,
               (long long)(d->time_offset_ns / 1000000000));
        id = (domid_t)(d->id + 1);
        domain_put(d);
    }
}

struct reading {
    const struct vcpu *v;
    struct cpu_regs regs;
    bool kernel_mode, done;
};

/* On the CPU that v is on, unless it has just left. */
static void read_live(void *arg)
{
    struct reading *r = arg;

    if (current != r->v)
        return;
    r->regs = *guest_cpu_regs();
    r->kernel_mode = r->v->arch.kernel_mode;
    r->done = true;
}

/*
 * Nobody is waited for but the interrupt: v may be waiting itself for the guest
 * that this tasklet runs on top of to leave the CPU, or show us with a key of
 * its own. Paused, it starts nowhere any more: where it was seen to run it
 * still is when the interrupt comes, or it has left its CPU and its registers
 * are saved.
 */
static void read_registers(struct vcpu *v, struct reading *r)
{
    *r = (struct reading){.v = v};
    if (v == current) {
        read_live(r);
        return;
    }
    vcpu_pause_nosync(v);
    if (__atomic_load_n(&v->is_running, __ATOMIC_SEQ_CST)) {
        cpumask_t cpu = cpumask_of(READ_ONCE(v->processor));

        smp_call(&cpu, read_live, r, true);
    }
    if (!r->done) {
        r->regs = v->arch.regs;
        r->kernel_mode = v->arch.kernel_mode;
    }
    vcpu_unpause(v);
}

static void show_registers(struct vcpu *v)
{
    struct reading reading;
    const struct cpu_regs *r = &reading.regs;

    read_registers(v, &reading);
    printk(LOG_INFO "d%uv%u on cpu %u, %s mode%s\n", v->domain->id, v->id,
           v->processor, reading.kernel_mode ? "kernel" : "user",
           v->pause_flags ? ", not runnable" : "");
    printk(LOG_INFO " rip %04lx:%016lx rsp %016lx flags %08lx\n",
           r->cs & 0xffff, r->rip, r->rsp, r->rflags);
    printk(LOG_INFO " rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax,
           r->rbx, r->rcx, r->rdx);
    printk(LOG_INFO " rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi,
           r->rdi, r->rbp, r->r8);
}

/* Two of dom0's vcpus may ask at once. */
static spinlock_t show_dom0_lock = SPINLOCK_INIT(LOCK_RANK_OBSERVE);

static void show_dom0(char key)
{
    struct vcpu *v;

    (void)key;
    if (!dom0)
        return;
    spin_lock(&show_dom0_lock);
    for_each_vcpu (dom0, v)
        show_registers(v);
    spin_unlock(&show_dom0_lock);
}

void __init arch_keys_init(void)
{
    key_register('0', show_dom0, "show the registers of dom0");
    key_register('M', show_msis, "show message-signalled interrupts");
    key_register('N', show_nmis, "show how many NMIs came");
    key_register('s', show_guest_clocks, "show the guests' time");
    key_register('t', show_clocks, "show clocks");
    key_register('z', show_ioapics, "show I/O APICs");
}
