/* SPDX-License-Identifier: MIT */
/*
 * The end: say why, show registers and calls, then start the crash kernel if
 * there is one, or reboot, or stop.
 */
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/kexec.h>
#include <hv/lib.h>
#include <hv/panic.h>
#include <hv/percpu.h>

#include <asm/irqflags.h>

#define REBOOT_DELAY_MS 5000

static bool noreboot;
PARAM_B("noreboot", noreboot);

static unsigned int panic_cpu = ~0U;

bool panic_begin(void)
{
    unsigned int none = ~0U, cpu = smp_processor_id();

    irq_disable();
    if (!__atomic_compare_exchange_n(&panic_cpu, &none, cpu, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        /* Another CPU was first: its NMI stops us. Or we failed while
         * reporting: then nothing that we print can be relied on. */
        if (none == cpu)
            machine_halt();
        for (;;)
            cpu_relax();
    }
    panic_stop_other_cpus();
    console_force_unlock();
    return true;
}

void panic_end(const struct cpu_regs *regs)
{
    dump_other_cpus();
    kexec_crash(regs);
    if (noreboot) {
        printk("Stopped (noreboot).\n");
        machine_halt();
    }
    printk("Rebooting in %u seconds.\n", REBOOT_DELAY_MS / 1000);
    machine_restart(REBOOT_DELAY_MS);
}

void panic(const char *fmt, ...)
{
    static char text[512];
    va_list ap;

    panic_begin();
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    printk("PANIC: %s\n", text);
    dump_here();
    panic_end(NULL);
}

void bug(const char *file, int line, const char *expr)
{
    panic_begin();
    printk("BUG: %s:%d: %s\n", file, line, expr);
    printk("PANIC: a condition does not hold that always must\n");
    dump_here();
    panic_end(NULL);
}

void warn(const char *file, int line, const char *expr)
{
    printk(LOG_WARN "WARNING: %s:%d: %s\n", file, line, expr);
    dump_stack();
}
