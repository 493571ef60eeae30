/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs: INIT to all at once, then a start-up IPI to one
 * after the other. Intel SDM vol. 3, "MP Initialization".
 */
#include <hv/acpi.h>
#include <hv/boot.h>
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/numa.h>
#include <hv/page.h>
#include <hv/sched.h>
#include <hv/smp.h>
#include <hv/timer.h>

#include <asm/apic.h>
#include <asm/boot.h>
#include <asm/context.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/fpu.h>
#include <asm/mce.h>
#include <asm/page.h>
#include <asm/smp.h>
#include <asm/spec_ctrl.h>
#include <asm/time.h>
#include <asm/tlb.h>
#include <asm/traps.h>
#include <asm/x86.h>

#define INIT_WAIT_NS    MILLISECS(10)
#define STARTUP_WAIT_NS MICROSECS(200)
/* An emulator on a busy host may not run the CPU for seconds. */
#define ONLINE_TIMEOUT_NS SECONDS(10)

unsigned int nr_present_cpus = 1;

static unsigned int max_cpus __initdata = MAX_CPUS;
PARAM_U("maxcpus", max_cpus);

static char *trampoline __initdata; /* the page as we see it */
static char saved_page[PAGE_SIZE] __initdata;

/* By the CPU being started. */
static bool cpu_called_in;

static void wait_ns(s_time_t ns)
{
    s_time_t end = now_ns() + ns;

    while (now_ns() < end)
        cpu_relax();
}

/* The highest whole page of RAM below 640 KiB; the rest of low memory may be
 * in use by firmware. */
static paddr_t __init find_low_page(void)
{
    paddr_t best = 0;

    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        paddr_t end = min_t(paddr_t, e->addr + e->size, 0xa0000);

        if (e->type != E820_RAM || end < e->addr + PAGE_SIZE)
            continue;
        end = ROUND_DOWN(end, PAGE_SIZE) - PAGE_SIZE;
        if (end >= e->addr && end > best)
            best = end;
    }
    return best;
}

static void __init put32(unsigned int offset, uint64_t value)
{
    *(volatile uint32_t *)(trampoline + offset) = (uint32_t)value;
}

static void __init put64(unsigned int offset, uint64_t value)
{
    *(volatile uint64_t *)(trampoline + offset) = value;
}

/* On its own stack and on the trampoline's page tables. */
static void NORETURN ap_main(void)
{
    unsigned int cpu = smp_processor_id();

    tlb_load_cr3(image_to_phys(hv_l4));
    cpu_init();
    spec_cpu_init();
    desc_cpu_init(cpu);
    traps_cpu_init();
    mce_cpu_init();
    fpu_cpu_init();
    apic_init_cpu();
    cpu_read_topology(cpu, apic_id());
    time_init_cpu();
    cpumask_set(&cpu_online_map, cpu);
    __atomic_store_n(&cpu_called_in, true, __ATOMIC_RELEASE);
    time_sync_answer();
    irq_enable();
    reset_stack_and_call(idle_loop);
}

/* The boot page tables still have low memory at its own address; give them
 * the final upper half. The loader's memory is long forgotten. */
static bool __init prepare_trampoline(void)
{
    paddr_t pa = find_low_page();

    if (!pa)
        return false;
    l4_install_hv_slots(boot_l4);
    trampoline = (char *)maddr_to_directmap(pa);
    memcpy(saved_page, trampoline, PAGE_SIZE);
    memcpy(trampoline, trampoline_start,
           (size_t)(trampoline_end - trampoline_start));
    put32(TRAMPOLINE_CR3, image_to_phys(boot_l4));
    put64(TRAMPOLINE_ENTRY, (uintptr_t)ap_main);
    put32(TRAMPOLINE_GDT_PTR + 2, pa + TRAMPOLINE_GDT);
    put32(TRAMPOLINE_FAR32, pa + (uintptr_t)(trampoline_32 - trampoline_start));
    put32(TRAMPOLINE_FAR64, pa + (uintptr_t)(trampoline_64 - trampoline_start));
    return true;
}

/* Which CPUs of the table are to be started: not this one, and none whose id
 * the APIC's mode cannot name. */
static bool __init is_to_start(uint32_t id)
{
    return id != apic_id() && (x2apic_mode || id < 0xff);
}

static bool __init wait_called_in(s_time_t ns)
{
    s_time_t end = now_ns() + ns;

    while (now_ns() < end) {
        if (__atomic_load_n(&cpu_called_in, __ATOMIC_ACQUIRE))
            return true;
        cpu_relax();
    }
    return false;
}

static bool __init start_cpu(unsigned int cpu, uint32_t id)
{
    uint32_t page = (uint32_t)mfn_x(virt_to_mfn(trampoline));

    if (percpu_init_cpu(cpu))
        return false;
    timer_cpu_init(cpu);
    cpu_topology[cpu].apic_id = id;
    idle_vcpu_create(cpu);
    cpu_info_of(cpu)->vcpu = idle_vcpu[cpu];
    sched_cpu_init(cpu);
    put64(TRAMPOLINE_STACK, (uintptr_t)cpu_info_of(cpu) & ~15UL);
    cpu_called_in = false;

    apic_send(id, ICR_STARTUP | page);
    if (!wait_called_in(STARTUP_WAIT_NS))
        apic_send(id, ICR_STARTUP | page);
    if (!wait_called_in(ONLINE_TIMEOUT_NS)) {
        /* Not later either: the code it would run is about to be freed. */
        apic_send(id, ICR_INIT | ICR_ASSERT);
        printk(LOG_ERR "CPU %u (APIC id %u) does not start\n", cpu, id);
        return false;
    }
    if (!time_sync_cpu(cpu))
        return false;
    sched_cpu_add(cpu);
    return true;
}

/* CPUs get numbers in the order of the MADT. After one that fails no other is
 * tried: it may still come, late, into the page that they share. */
void __init smp_boot(void)
{
    const struct acpi_info *a = &acpi_info;
    unsigned int cpu = 1, limit = min_t(unsigned int, max_cpus, MAX_CPUS);

    nr_present_cpus = max_t(unsigned int, 1, a->nr_cpus);
    for (unsigned int i = 0; i < a->nr_cpus; i++)
        if (a->cpu_apic_id[i] == apic_id())
            numa_set_cpu_node(0, a->cpu_node[i]);
    if (a->nr_cpus < 2 || limit < 2 || !prepare_trampoline())
        return;

    for (unsigned int i = 0; i < a->nr_cpus; i++)
        if (is_to_start(a->cpu_apic_id[i]))
            apic_send(a->cpu_apic_id[i], ICR_INIT | ICR_ASSERT);
    wait_ns(INIT_WAIT_NS);
    for (unsigned int i = 0; i < a->nr_cpus && cpu < limit; i++) {
        if (!is_to_start(a->cpu_apic_id[i]))
            continue;
        numa_set_cpu_node(cpu, a->cpu_node[i]);
        if (!start_cpu(cpu, a->cpu_apic_id[i]))
            break;
        nr_cpus = ++cpu;
    }
    memcpy(trampoline, saved_page, PAGE_SIZE);
}
