/* SPDX-License-Identifier: MIT */
/*
 * Start-up, from the loader's hand-over to the control domain's first
 * instruction, as a list. Each line may rely on all before it.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/cmdline.h>
#include <hv/console.h>
#include <hv/console_sink.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/kexec.h>
#include <hv/lib.h>
#include <hv/lockprof.h>
#include <hv/numa.h>
#include <hv/page.h>
#include <hv/perfc.h>
#include <hv/smp.h>
#include <hv/softirq.h>
#include <hv/trace.h>

#include <asm/apic.h>
#include <asm/boot.h>
#include <asm/context.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/fpu.h>
#include <asm/irq.h>
#include <asm/mce.h>
#include <asm/pv/cpuid.h>
#include <asm/smp.h>
#include <asm/spec_ctrl.h>
#include <asm/time.h>
#include <asm/pv/iomem.h>
#include <asm/pv/isolation.h>
#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>
#include <asm/tlb.h>
#include <asm/traps.h>
#include <asm/x86.h>

static unsigned int dom0_max_vcpus __initdata;
PARAM_U("dom0_max_vcpus", dom0_max_vcpus);

/* On the boot page tables: nothing but the image and the loader's memory. */
static void __init init_early(uint32_t magic, uint32_t info)
{
    bool loaded;

    percpu_init_boot_cpu();
    loaded = multiboot_read(magic, info);
    printk("Trellis %s (4.17 ABI)\n", TRELLIS_VERSION);
    cmdline_parse(boot_info.cmdline);
    console_init_early();
    printk("Loader: %s. Command line: %s\n",
           boot_info.loader[0] ? boot_info.loader : "unknown", saved_cmdline);
    if (!loaded)
        panic("Not started by a multiboot loader (magic %#x)", magic);
    cpu_identify();
    traps_init();
    traps_cpu_init();
    cpu_init();
    spec_init();
    spec_cpu_init();
    spec_report();
    show_e820();
}

static void __init init_memory(void)
{
    boot_alloc_init();
    log_area_reserve();
    crash_area_reserve();
    paging_init();
    log_area_use();
    frame_table_init();
    isolation_init();
    if (percpu_init_cpu(0))
        panic("No memory for CPU 0");
    desc_cpu_init(0);
    vga_init_late();
}

static void __init init_platform(void)
{
    softirq_init();
    timer_init_subsystem();
    smp_init();
    tlb_init();
    acpi_init();
    reboot_init();
    pic_disable();
    apic_init_boot();
    apic_init_cpu();
    cpu_read_topology(0, apic_id());
    mce_cpu_init();
    fpu_cpu_init();
    cpuid_init();
    time_init();
    wallclock_init();
    numa_init();
    irq_init();
    uart_irq_init();
}

static void __init init_domains(void)
{
    sched_init();
    domain_init();
    iomem_init();
    pv_share_m2p();
    pv_audit_init();
    domain_kill_init();
    idle_vcpu_create(0);
    get_cpu_info()->vcpu = idle_vcpu[0];
    sched_cpu_init(0);
    sched_cpu_add(0);
    console_init_late();
    backtrace_init();
    arch_keys_init();
    kexec_init();
    trace_init();
    perfc_init();
    lockprof_init();
}

static void __init make_dom0(void)
{
    unsigned int vcpus = dom0_max_vcpus ? dom0_max_vcpus : nr_cpus;

    dom0_create(min_t(unsigned int, vcpus, MAX_VCPUS));
    if (construct_dom0(dom0))
        panic("The control domain cannot be started");
    console_give_to_dom0();
    heap_low_arm();
}

/* Init code to its end, so not inlined: what follows it is not. */
static void __init __attribute__((noinline))
init_all(uint32_t magic, uint32_t info)
{
    init_early(magic, info);
    init_memory();
    init_platform();
    init_domains();
    irq_enable();
    smp_boot();
    time_refine();
    platform_clock_init();
    heap_boot_scrub();
    printk("All CPUs up: %u of %u. Heap: %lu MiB free of %lu MiB\n", nr_cpus,
           nr_present_cpus, heap_free_pages() >> (20 - PAGE_SHIFT),
           heap_total_pages() >> (20 - PAGE_SHIFT));
    hypfs_init();
    make_dom0();
}

/* No guest runs before all is read-only that is to be. */
static void NORETURN finish_start(void)
{
    free_init_memory();
    if (domain_unpause_by_controller(dom0))
        panic("The control domain cannot be started");
    idle_loop();
}

void start_hypervisor(uint32_t magic, uint32_t info)
{
    init_all(magic, info);
    reset_stack_and_call(finish_start);
}
