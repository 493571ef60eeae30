/* SPDX-License-Identifier: MIT */
/*
 * Registers and calls in the log. Frame pointers are kept, so the stack is a
 * linked list; every link is checked to stay in this CPU's area.
 */
#include <hv/arch.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/panic.h>
#include <hv/smp.h>
#include <hv/symbols.h>

#include <asm/apic.h>
#include <asm/boot.h>
#include <asm/cpu.h>
#include <asm/mce.h>
#include <asm/page.h>
#include <asm/x86.h>

#define MAX_FRAMES  32
#define STACK_WORDS 24

struct frame {
    const struct frame *next;
    uintptr_t ret;
};

/* A mapped place on one of this CPU's stacks. */
static bool on_stack(uintptr_t p, size_t n)
{
    uintptr_t area = (uintptr_t)get_cpu_info() & ~(PERCPU_AREA_SIZE - 1UL);
    const pte_t *e;

    if (p < area || p + n > area + PERCPU_AREA_SIZE || (p & 7))
        return false;
    e = hv_l1e(p);
    return e && (*e & PTE_P);
}

static void show_calls(uintptr_t rip, const struct frame *f)
{
    struct symbol sym;

    printk("Calls:\n  %pS\n", (void *)rip);
    for (unsigned int i = 0; i < MAX_FRAMES; i++) {
        const struct frame *next;

        if (!on_stack((uintptr_t)f, sizeof(*f)) || !symbol_find(f->ret, &sym))
            break;
        printk("  %pS\n", (void *)f->ret);
        next = f->next;
        if (next <= f)
            break;
        f = next;
    }
}

static void show_stack(uintptr_t sp)
{
    const uint64_t *p = (const uint64_t *)sp;

    printk("Stack at %016lx:", sp);
    for (unsigned int i = 0; i < STACK_WORDS; i++) {
        if (!on_stack((uintptr_t)&p[i], sizeof(*p)))
            break;
        printk("%s%016lx", i % 4 ? " " : "\n  ", p[i]);
    }
    printk("\n");
}

static void show_context(void)
{
    const struct vcpu *v = current;

    printk("CPU %u", smp_processor_id());
    if (v && v->domain)
        printk(", domain %u vcpu %u", v->domain->id, v->id);
    printk("\n");
}

void dump_stack(void)
{
    uintptr_t here;

    __asm__("leaq (%%rip), %0" : "=r"(here));
    show_calls(here, __builtin_frame_address(0));
}

void dump_here(void)
{
    show_context();
    printk("cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx\n", read_cr0(),
           read_cr2(), read_cr3(), read_cr4());
    dump_stack();
}

void dump_regs(const struct cpu_regs *r)
{
    show_context();
    printk("rip %04lx:%016lx %pS\n", r->cs & 0xffff, r->rip,
           regs_from_guest(r) ? NULL : (void *)r->rip);
    printk("rsp %04lx:%016lx flags %08lx vector %u error %#x\n", r->ss & 0xffff,
           r->rsp, r->rflags, r->entry_vector & 0xff, r->error_code);
    printk("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx,
           r->rcx, r->rdx);
    printk("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi, r->rdi,
           r->rbp, r->r8);
    printk("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9, r->r10,
           r->r11, r->r12);
    printk("r13 %016lx r14 %016lx r15 %016lx\n", r->r13, r->r14, r->r15);
    printk("cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx\n", read_cr0(),
           read_cr2(), read_cr3(), read_cr4());
    if (regs_from_guest(r))
        return;
    show_stack(r->rsp);
    show_calls(r->rip, (const struct frame *)r->rbp);
}

void panic_regs(const struct cpu_regs *regs, const char *fmt, ...)
{
    static char text[512];
    va_list ap;

    panic_begin();
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    printk("PANIC: %s\n", text);
    dump_regs(regs);
    panic_end(regs);
}

/* ---- the other CPUs, when one has panicked ---- */

/* Where each was; the hypervisor's or a guest's code. */
static DEFINE_PER_CPU(struct cpu_regs, stopped_at);

static bool stop_nmi(struct cpu_regs *regs)
{
    this_cpu(stopped_at) = *regs;
    arch_crash_save(regs, false);
    cpumask_clear(&cpu_online_map, smp_processor_id());
    for (;;)
        __asm__ volatile("cli; hlt");
    return true;
}

/* They stop where they are. A CPU that does not answer is left alone. */
void panic_stop_other_cpus(void)
{
    unsigned int cpu, me = smp_processor_id();
    s_time_t end = now_ns() + MILLISECS(100);
    cpumask_t others = cpu_online_map;

    bit_clear(others.bits, me);
    if (cpumask_empty(&others))
        return;
    nmi_set_handler(stop_nmi);
    for_each_cpu (cpu, &others)
        apic_send(cpu_topology[cpu].apic_id, ICR_NMI | ICR_ASSERT);
    while (now_ns() < end) {
        cpumask_t left = cpu_online_map;

        bit_clear(left.bits, me);
        if (cpumask_empty(&left))
            return;
        cpu_relax();
    }
}

void dump_other_cpus(void)
{
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        const struct cpu_regs *r = &per_cpu(stopped_at, cpu);

        if (cpu == smp_processor_id())
            continue;
        if (cpumask_test(&cpu_online_map, cpu))
            printk("CPU %u did not stop\n", cpu);
        else
            printk("CPU %u was at %04lx:%016lx %pS\n", cpu, r->cs & 0xffff,
                   r->rip, regs_from_guest(r) ? NULL : (void *)r->rip);
    }
}

/* ---- key 'd' ---- */

static void show_cpu(void *unused)
{
    struct vcpu *v = current;

    (void)unused;
    if (v && !v->is_idle)
        dump_regs(guest_cpu_regs());
    else
        printk("CPU %u idle\n", smp_processor_id());
}

static void dump_registers(char key)
{
    unsigned int cpu;

    (void)key;
    for_each_online_cpu (cpu) {
        cpumask_t one = cpumask_of(cpu);

        smp_call(&one, show_cpu, NULL, true);
    }
}

void __init backtrace_init(void)
{
    key_register('d', dump_registers, "show the registers of all CPUs");
}
