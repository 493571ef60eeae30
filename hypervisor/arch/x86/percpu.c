/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data and areas (asm/config.h has the drawing). The pristine data in
 * the image is copied for each CPU; every stack lies between pages that are
 * not mapped.
 */
#include <hv/percpu.h>

#include <hv/lib.h>
#include <hv/page.h>

#include <asm/boot.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/page.h>
#include <asm/pv/isolation.h>
#include <asm/traps.h>

#define NR_IST_PAGES   4
#define NR_STACK_PAGES (PERCPU_AREA_SIZE / PAGE_SIZE - AREA_STACK_PAGE)

unsigned long percpu_offset[MAX_CPUS];

static const uint8_t ist_page[NR_IST_PAGES] = {AREA_DF_PAGE, AREA_NMI_PAGE,
                                               AREA_MC_PAGE, AREA_DB_PAGE};

static unsigned long area_of(unsigned int cpu)
{
    return PERCPU_AREA_START + ((unsigned long)cpu << PERCPU_AREA_SHIFT);
}

/* On the stack that head.S mapped; nothing else of the area is needed yet. */
void __init percpu_init_boot_cpu(void)
{
    size_t size = (size_t)(percpu_end - percpu_start);

    memcpy(percpu_boot_copy, percpu_start, size);
    percpu_offset[0] = (unsigned long)(percpu_boot_copy - percpu_start);
    get_cpu_info()->cpu = 0;
    get_cpu_info()->percpu_offset = percpu_offset[0];
}

static int map_new_page(unsigned long va)
{
    void *page = hv_alloc_pages(0);

    if (!page)
        return -ENOMEM;
    return hv_map(va, virt_to_mfn(page), 1, HV_RW);
}

/* What a failure leaves behind is kept: the machine is about to run with
 * fewer CPUs, once. */
static int map_area(unsigned int cpu)
{
    unsigned long area = area_of(cpu);
    int rc;

    rc = hv_map(area + AREA_STUB_PAGE * PAGE_SIZE,
                virt_to_mfn(entry_stub_start), 1, HV_RX);
    for (unsigned int i = 0; i < NR_IST_PAGES && !rc; i++)
        rc = map_new_page(area + ist_page[i] * PAGE_SIZE);
    for (unsigned int i = 0; i < NR_STACK_PAGES && !rc && cpu; i++)
        rc = map_new_page(area + (AREA_STACK_PAGE + i) * PAGE_SIZE);
    return rc;
}

static int copy_data(unsigned int cpu)
{
    size_t size = (size_t)(percpu_end - percpu_start);
    unsigned int order = 0;
    char *copy;

    while ((PAGE_SIZE << order) < size)
        order++;
    copy = hv_alloc_pages(order);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, percpu_start, size);
    percpu_offset[cpu] = (unsigned long)(copy - percpu_start);
    return 0;
}

int __init percpu_init_cpu(unsigned int cpu)
{
    int rc = map_area(cpu);

    if (!rc && cpu)
        rc = copy_data(cpu);
    if (!rc)
        rc = desc_alloc(cpu);
    if (!rc)
        rc = isolation_cpu_init(cpu);
    if (rc)
        return rc;
    cpu_info_of(cpu)->cpu = cpu;
    cpu_info_of(cpu)->percpu_offset = percpu_offset[cpu];
    return 0;
}
