/* SPDX-License-Identifier: MIT */
/*
 * Into another kernel: page tables that have RAM at its own address, a page of
 * code that copies and jumps (kexec_jump.S), and the machine as firmware might
 * have left it. The state at the image's entry is the ABI's (public/kexec.h):
 * interrupts off, other CPUs stopped, segments writable at their own address.
 */
#include <hv/arch.h>
#include <hv/boot.h>
#include <hv/kexec.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/panic.h>
#include <hv/smp.h>

#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/image.h>
#include <asm/irq.h>
#include <asm/kexec.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/traps.h>
#include <asm/x86.h>

#define PAT_AT_RESET 0x0007040600070406UL
#define TABLE_FLAGS  (PTE_P | PTE_RW | PTE_A)
#define LEAF_FLAGS   (PTE_P | PTE_RW | PTE_A | PTE_D)

static pte_t *table_of(pte_t e)
{
    return mfn_to_virt(pte_mfn(e));
}

static pte_t new_table(struct kexec_image *img)
{
    void *va = kexec_image_page(img);

    return va ? pte_make(virt_to_mfn(va), TABLE_FLAGS) : 0;
}

/* One leaf of that level, where no larger one is there already. */
static int map_leaf(struct kexec_image *img, pte_t *root, paddr_t pa,
                    unsigned int level)
{
    pte_t *e = &root[PT_INDEX(pa, 4)];

    for (unsigned int l = 4; l > level; l--) {
        if (!(*e & PTE_P) && !(*e = new_table(img)))
            return -ENOMEM;
        if (*e & PTE_PSE)
            return 0;
        e = table_of(*e) + PT_INDEX(pa, l - 1);
    }
    if (!(*e & PTE_P))
        *e = pte_make(maddr_to_mfn(pa), LEAF_FLAGS | (level > 1 ? PTE_PSE : 0));
    return 0;
}

/* [start, end) at its own address, in pages as large as fit. */
static int map_range(struct kexec_image *img, pte_t *root, paddr_t start,
                     paddr_t end)
{
    bool gib_pages = cpuid(0x80000001).d & (1U << 26);
    int rc = 0;

    while (start < end && !rc) {
        unsigned int level = gib_pages ? 3 : 2;
        uint64_t size;

        for (;; level--) {
            size = PAGE_SIZE << (9 * (level - 1));
            if (level == 1 || (!(start & (size - 1)) && start + size <= end))
                break;
        }
        rc = map_leaf(img, root, start, level);
        start += size;
    }
    return rc;
}

/* RAM as the firmware's map has it: nothing that is a device's is mapped. */
static int map_all(struct kexec_image *img, pte_t *root)
{
    int rc = 0;

    for (unsigned int i = 0; i < boot_info.nr_e820 && !rc; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM)
            rc = map_range(img, root, ROUND_UP(e->addr, PAGE_SIZE),
                           ROUND_DOWN(e->addr + e->size, PAGE_SIZE));
    }
    for (unsigned int i = 0; i < img->nr_segments && !rc; i++)
        rc = map_range(img, root, img->segment[i].dest,
                       img->segment[i].dest + img->segment[i].dest_size);
    return rc;
}

int arch_kexec_prepare(struct kexec_image *img)
{
    pte_t *root = kexec_image_page(img);
    pte_t *switch_root = kexec_image_page(img);
    char *code = kexec_image_low_page(img); /* a 32-bit jump leads out of it */

    if (!root || !switch_root || !code || map_all(img, root))
        return -ENOMEM;
    for (unsigned int i = 0; i < PT_ENTRIES / 2; i++)
        switch_root[i] = root[i];
    l4_install_hv_slots(switch_root);
    memcpy(code, kexec_code_start, (size_t)(kexec_code_end - kexec_code_start));
    img->root = mfn_to_maddr(virt_to_mfn(root));
    img->switch_root = mfn_to_maddr(virt_to_mfn(switch_root));
    img->code = mfn_to_maddr(virt_to_mfn(code));
    return 0;
}

/* Nothing interrupts the next kernel before it is ready. */
static void quiet_machine(void)
{
    load_idt(NULL, 0);
    ioapic_shutdown();
    apic_shutdown_cpu();
    write_dr7(DR7_DEFAULT);
    wrmsr(MSR_PAT, PAT_AT_RESET);
}

void arch_kexec_enter(const struct kexec_image *img)
{
    kexec_code_fn fn = (kexec_code_fn)img->code;
    paddr_t copies = 0;

    if (img->first_copies)
        copies = mfn_to_maddr(virt_to_mfn(img->first_copies));
    irq_disable();
    quiet_machine();
    write_cr0(read_cr0() & ~(CR0_TS | CR0_EM));
    write_cr3(img->switch_root);
    write_cr4(CR4_PAE);
    fn(img->root, copies, img->entry, img->entry_32bit, img->code);
}

/* Executing nothing: their code is about to be overwritten. */
static void park_other_cpus(void)
{
    unsigned int me = smp_processor_id();

    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != me)
            apic_send(cpu_topology[cpu].apic_id, ICR_INIT | ICR_ASSERT);
    for (s_time_t end = now_ns() + MILLISECS(10); now_ns() < end;)
        cpu_relax();
}

static void reboot_here(void *arg)
{
    irq_disable();
    panic_stop_other_cpus();
    park_other_cpus();
    arch_kexec_enter(arg);
}

/* INIT would restart the firmware on the boot CPU, so it is the one to go on;
 * this one waits to be stopped. */
void arch_kexec_reboot(const struct kexec_image *img)
{
    cpumask_t first = cpumask_of(0);

    smp_call(&first, reboot_here, (void *)img, true);
    for (;;)
        cpu_relax();
}

void arch_image_range(paddr_t *start, uint64_t *size)
{
    *start = image_to_phys(image_start);
    *size = (uint64_t)(image_end - image_start);
}
