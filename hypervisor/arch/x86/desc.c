/* SPDX-License-Identifier: MIT */
/*
 * GDT page and TSS of each CPU. The GDT's base is always such that the page
 * lies at its offset 0xe000: in a vcpu's window, or (idle) alone, with nothing
 * mapped before it that could be loaded.
 */
#include <asm/desc.h>

#include <hv/lib.h>
#include <hv/page.h>

#include <asm/cpu.h>
#include <asm/image.h>
#include <asm/patch.h>
#include <asm/traps.h>

#define ENTRY(sel) (((sel)-GDT_RESERVED_BYTE) / 8)

/* Descriptor bits, Intel SDM vol. 3, "Segment Descriptors"; A is set, so that
 * loading never writes. */
#define DESC_CODE64_RING0 0x00af9b000000ffffUL
#define DESC_DATA_RING0   0x00cf93000000ffffUL
#define DESC_CODE32_RING3 0x00cffb000000ffffUL
#define DESC_DATA_RING3   0x00cff3000000ffffUL
#define DESC_CODE64_RING3 0x00affb000000ffffUL
/* Limit = CPU number, for LSL. */
#define DESC_PERCPU        0x0040f30000000000UL
#define DESC_TSS_AVAILABLE 0x0000890000000000UL

static uint64_t boot_gdt_page[512] ALIGNED(PAGE_SIZE)
    __attribute__((section(".bss.page_aligned")));
static uint64_t *gdt_page[MAX_CPUS];

static void set_system(uint64_t *entry, uintptr_t base, uint32_t limit,
                       uint64_t type)
{
    entry[0] = type | (limit & 0xffff) | (base & 0xffffff) << 16 |
               (base >> 24 & 0xff) << 56;
    entry[1] = base >> 32;
}

mfn_t percpu_gdt_page(unsigned int cpu)
{
    return virt_to_mfn(gdt_page[cpu]);
}

int desc_alloc(unsigned int cpu)
{
    gdt_page[cpu] = cpu ? hv_alloc_pages(0) : boot_gdt_page;
    return gdt_page[cpu] ? 0 : -ENOMEM;
}

static struct tss64 *tss_of(unsigned int cpu)
{
    return (struct tss64 *)(PERCPU_AREA_START +
                            ((unsigned long)cpu << PERCPU_AREA_SHIFT) +
                            AREA_TSS);
}

static void fill_gdt(unsigned int cpu)
{
    uint64_t *g = gdt_page[cpu];

    g[ENTRY(SEL_HV_CS)] = DESC_CODE64_RING0;
    g[ENTRY(SEL_HV_DS)] = DESC_DATA_RING0;
    g[ENTRY(SEL_RING3_CS32)] = DESC_CODE32_RING3;
    g[ENTRY(SEL_RING3_DS)] = DESC_DATA_RING3;
    g[ENTRY(SEL_RING3_CS64)] = DESC_CODE64_RING3;
    g[ENTRY(SEL_PERCPU)] = DESC_PERCPU | cpu;
    set_system(&g[ENTRY(SEL_TSS)], (uintptr_t)tss_of(cpu),
               sizeof(struct tss64) - 1, DESC_TSS_AVAILABLE);
}

static uintptr_t stack_top(unsigned long area, unsigned int page)
{
    return area + (page + 1) * PAGE_SIZE;
}

/*
 * With isolation the stacks of #DF, NMI, #MC, #DB are not mapped when these
 * come: the processor's words go to slots of the entry page first (entry.S).
 */
static void fill_tss(struct tss64 *t)
{
    struct cpu_info *info = get_cpu_info();
    unsigned long area = (uintptr_t)info & ~(PERCPU_AREA_SIZE - 1UL);

    memset(t, 0, sizeof(*t));
    t->rsp[0] = (uintptr_t)(&info->guest_regs + 1);
    for (unsigned int n = IST_DF; n <= IST_DB; n++)
        t->ist[n - 1] = patch_is_set(PATCH_ISOLATION)
                            ? area + AREA_IST_SLOT_TOP(n)
                            : stack_top(area, AREA_IST_PAGE(n));
    t->iomap = sizeof(*t);
}

void load_idle_gdt(void)
{
    load_gdt((uintptr_t)gdt_page[smp_processor_id()] - GDT_RESERVED_BYTE);
}

void desc_cpu_init(unsigned int cpu)
{
    fill_gdt(cpu);
    fill_tss(tss_of(cpu));
    load_idle_gdt();
    __asm__ volatile("pushq %0\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1: mov %1, %%ss\n"
                     "mov %2, %%ds\n"
                     "mov %2, %%es\n"
                     "mov %2, %%fs\n"
                     "mov %2, %%gs\n"
                     "ltr %w3\n"
                     "lldt %w2\n" ::"i"(SEL_HV_CS),
                     "r"(SEL_HV_DS), "r"(0), "r"(SEL_TSS)
                     : "rax", "memory");
}
