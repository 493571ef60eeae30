/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor's core, hypercalls and PV code want of the machine that
 * hostarch does not have: the part of arch/x86 that only real hardware runs.
 * Interrupt lines are a table of who has bound which; all else is as little as
 * the callers can tell from the real thing.
 */
#include "hv_world.h"

#include <hv/acpi.h>
#include <hv/boot.h>
#include <hv/console.h>
#include <hv/irq.h>
#include <hv/kexec.h>
#include <hv/console_sink.h>
#include <hv/panic.h>
#include <hv/pci.h>
#include <hv/cmdline.h>
#include <hv/symbols.h>
#include <asm/pv/isolation.h>
#include <asm/pv/m2p_slot.h>
#include <asm/spec_ctrl.h>

#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/fpu.h>
#include <asm/irq.h>
#include <asm/msr.h>
#include <asm/time.h>
#include <asm/x86.h>

struct boot_info boot_info = {
    .nr_e820 = 1,
    .e820 = {{.addr = 0, .size = NR_FRAMES * PAGE_SIZE, .type = E820_RAM}},
};
struct acpi_info acpi_info = {.nr_cpus = NR_CPUS};
struct cpu_caps cpu_caps = {.vendor = VENDOR_AMD,
                            .max_leaf = 0xd,
                            .max_ext_leaf = 0x80000008,
                            .phys_bits = 40,
                            .virt_bits = 48,
                            .xsave = true,
                            .name = "host"};
struct cpu_topology cpu_topology[MAX_CPUS];
unsigned int threads_per_core = 1, cores_per_socket = NR_CPUS;
unsigned int nr_present_cpus = NR_CPUS;
uint64_t hv_cr4;
uint32_t tsc_khz = 1000000;

/* ---- the hypervisor's own page tables: windows of descriptors only ---- */

static pte_t l4_of_hv[PT_ENTRIES];
pte_t *hv_l4 = l4_of_hv;

#define NR_WINDOWS 256
static pte_t window[NR_WINDOWS][DESC_WINDOW_SIZE / PAGE_SIZE];

static pte_t *window_entry(unsigned long va)
{
    unsigned long n = (va - DESC_WINDOW_START) / PAGE_SIZE;
    unsigned long per = ARRAY_SIZE(window[0]);

    BUG_ON(n / per >= NR_WINDOWS);
    return &window[n / per][n % per];
}

int hv_map(unsigned long va, mfn_t m, uint64_t nr, uint64_t flags)
{
    for (uint64_t i = 0; i < nr; i++)
        *window_entry(va + i * PAGE_SIZE) = pte_make(mfn_add(m, i), flags);
    return 0;
}

void hv_unmap(unsigned long va, uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i++)
        *window_entry(va + i * PAGE_SIZE) = 0;
}

pte_t *hv_l1e(unsigned long va)
{
    return window_entry(va);
}

void l4_install_hv_slots(pte_t *l4)
{
    memcpy(&l4[HV_SLOT_FIRST], &hv_l4[HV_SLOT_FIRST],
           (HV_SLOT_LAST - HV_SLOT_FIRST + 1) * sizeof(*l4));
    l4[M2P_SLOT] = 0;
}

mfn_t m2p_frame(unsigned int i)
{
    return i == 0 ? mfn(FRAME_M2P) : INVALID_MFN;
}

mfn_t percpu_gdt_page(unsigned int cpu)
{
    return mfn(FRAME_GDT + cpu);
}

/* ---- registers ---- */

int rdmsr_safe(uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = 0;
    return -EIO;
}

int wrmsr_safe(uint32_t msr, uint64_t value)
{
    (void)msr;
    (void)value;
    return -EIO;
}

uint64_t vcpu_live_cr4(const struct vcpu *v)
{
    return v->arch.cr4;
}

void vcpu_load_tsc_aux(const struct vcpu *v)
{
    (void)v;
}

uint64_t xcr0_host = XCR0_X87 | XCR0_SSE | XCR0_AVX;
uint32_t xsave_size = 832;

int fpu_vcpu_create(struct vcpu *v)
{
    v->arch.xsave = hv_alloc_pages(0);
    return v->arch.xsave ? 0 : -ENOMEM;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.xsave)
        hv_free_pages(v->arch.xsave, 0);
    v->arch.xsave = NULL;
}

void fpu_vcpu_reset(struct vcpu *v)
{
    memset(v->arch.xsave, 0, xsave_size);
    v->arch.cr0_ts = false;
}

uint64_t fpu_xcr0_offered(const struct domain *d)
{
    (void)d;
    return xcr0_host;
}

int fpu_set_xcr0(struct vcpu *v, uint64_t xcr0)
{
    v->arch.xcr0 = xcr0;
    return 0;
}

void fpu_set_legacy(struct vcpu *v, const void *fx)
{
    memcpy(v->arch.xsave, fx, 512);
}

void fpu_get_legacy(const struct vcpu *v, void *fx)
{
    memcpy(fx, v->arch.xsave, 512);
}

long __real_do_set_segment_base(unsigned long which, unsigned long base);
long __wrap_do_set_segment_base(unsigned long which, unsigned long base);

/* Selectors are loaded by instructions that no program may execute. */
long __wrap_do_set_segment_base(unsigned long which, unsigned long base)
{
    if (which == SEGBASE_GS_USER_SEL)
        return 0;
    return __real_do_set_segment_base(which, base);
}

/* ---- CPUs ---- */

void arch_sync_vcpu_state(struct vcpu *v)
{
    (void)v;
}

bool tsc_is_stable(void)
{
    return true;
}

void arch_clock_cpu_up(unsigned int cpu)
{
    (void)cpu;
}

uint64_t arch_cpu_physid(unsigned int cpu)
{
    return cpu;
}

void arch_fill_physinfo(struct xen_sysctl_physinfo *p)
{
    (void)p;
}

void arch_fill_cputopo(unsigned int cpu, struct xen_sysctl_cputopo *t)
{
    (void)cpu;
    (void)t;
}

long arch_do_sysctl(struct xen_sysctl *op)
{
    (void)op;
    return -ENOSYS;
}

/* ---- time ---- */

void time_fill_record(struct vcpu_time_info *t)
{
    t->tsc_timestamp = (uint64_t)host_now;
    t->system_time = (uint64_t)host_now;
    t->tsc_to_system_mul = 0x80000000;
    t->tsc_shift = 1;
}

void arch_wallclock_update(struct domain *d)
{
    WRITE_ONCE(d->shared_info->wc_version, d->shared_info->wc_version + 2);
}

void wallclock_set(uint64_t secs, uint32_t nsecs, s_time_t at_system_time)
{
    (void)secs;
    (void)nsecs;
    (void)at_system_time;
}

/* ---- interrupt lines ---- */

unsigned int nr_gsis = 24;

static struct line {
    struct domain *d;   /* mapped by */
    uint32_t port;      /* 0: not bound */
    unsigned int block; /* the first of a block: how many; the others: 0 */
} lines[64];

static struct line *line_of(const struct domain *d, unsigned int pirq)
{
    if (pirq >= ARRAY_SIZE(lines) || lines[pirq].d != d)
        return NULL;
    return &lines[pirq];
}

int pirq_bind(struct domain *d, unsigned int pirq, uint32_t port,
              bool will_share)
{
    struct line *l = line_of(d, pirq);

    (void)will_share;
    if (!l)
        return -EINVAL;
    if (l->port)
        return -EBUSY;
    l->port = port;
    return 0;
}

void pirq_unbind(struct domain *d, unsigned int pirq, uint32_t port)
{
    struct line *l = line_of(d, pirq);

    if (l && (!port || l->port == port))
        l->port = 0;
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
    (void)d;
    (void)pirq;
    (void)v;
}

void pirq_guest_unmask(struct domain *d, unsigned int pirq)
{
    (void)d;
    (void)pirq;
}

void pirq_domain_destroy(struct domain *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
        if (lines[i].d != d)
            continue;
        BUG_ON(lines[i].port);
        lines[i].d = NULL;
    }
    if (d->arch.pirq_eoi_page)
        page_put_and_type(d->arch.pirq_eoi_page);
    d->arch.pirq_eoi_page = NULL;
}

void line_fire(unsigned int pirq)
{
    struct line *l = &lines[pirq % ARRAY_SIZE(lines)];

    if (l->d && l->port)
        evtchn_send_pirq_port(l->d, l->port, pirq % ARRAY_SIZE(lines));
}

int irq_map_gsi(struct domain *d, unsigned int gsi)
{
    if (gsi >= nr_gsis || (lines[gsi].d && lines[gsi].d != d))
        return -EINVAL;
    lines[gsi].d = d;
    lines[gsi].block = 1;
    return 0;
}

int irq_map_msi(struct domain *d, struct msi_request *req)
{
    unsigned int run = 0, i = nr_gsis;

    while (i < ARRAY_SIZE(lines) && run < req->count)
        run = lines[i++].d ? 0 : run + 1;
    if (run < req->count)
        return -ENOSPC;
    for (run = 0; run < req->count; run++)
        lines[--i] = (struct line){.d = d};
    lines[i].block = req->count;
    return (int)i;
}

int irq_unmap(struct domain *d, unsigned int pirq)
{
    struct line *l = line_of(d, pirq);
    unsigned int count;

    if (!l || !l->block)
        return -EINVAL;
    count = l->block;
    for (unsigned int i = 0; i < count; i++)
        if (l[i].port)
            return -EBUSY;
    for (unsigned int i = 0; i < count; i++)
        l[i].d = NULL;
    return (int)count;
}

void irq_restore_msi(uint32_t sbdf)
{
    (void)sbdf;
}

int irq_setup_gsi(unsigned int gsi, bool level, bool low)
{
    (void)level;
    (void)low;
    return gsi < nr_gsis ? 0 : -EINVAL;
}

int irq_eoi(struct domain *d, unsigned int pirq)
{
    return line_of(d, pirq) ? 0 : -EINVAL;
}

bool irq_needs_eoi(unsigned int pirq)
{
    return pirq % 2;
}

int irq_set_eoi_page(struct domain *d, uint64_t gmfn, bool auto_unmask)
{
    struct page_info *pg;

    (void)auto_unmask;
    if (d->arch.pirq_eoi_page)
        return -EBUSY;
    if (!mfn_is_ram(mfn(gmfn)))
        return -EINVAL;
    pg = mfn_to_page(mfn(gmfn));
    if (page_get_and_type(pg, d, PGT_WRITABLE))
        return -EINVAL;
    d->arch.pirq_eoi_page = pg;
    return 0;
}

bool irq_is_mapped(const struct domain *d, unsigned int pirq)
{
    return line_of(d, pirq) != NULL;
}

int irq_free_pirq(void)
{
    return (int)nr_gsis;
}

int ioapic_read_at(uint64_t physbase, unsigned int reg, uint32_t *value)
{
    (void)physbase;
    (void)reg;
    (void)value;
    return -EINVAL;
}

uint32_t pci_config_read(uint32_t sbdf, unsigned int reg, unsigned int bytes)
{
    (void)sbdf;
    (void)reg;
    (void)bytes;
    return ~0U;
}

void pci_config_write(uint32_t sbdf, unsigned int reg, unsigned int bytes,
                      uint32_t value)
{
    (void)sbdf;
    (void)reg;
    (void)bytes;
    (void)value;
}

bool uart_owns_ports(uint16_t first, uint16_t last)
{
    return last >= 0x3f8 && first < 0x400;
}

/* ---- console ---- */

char saved_cmdline[1024] = "console=none";

void key_register(char key, void (*fn)(char key), const char *what)
{
    (void)key;
    (void)fn;
    (void)what;
}

bool key_handle(char key)
{
    return key == 'h';
}

void console_guest_write(const char *buf, size_t len)
{
    static char sink[4096];

    memcpy(sink, buf, len < sizeof(sink) ? len : sizeof(sink));
}

size_t console_guest_read(char *buf, size_t len)
{
    memset(buf, 'x', len);
    return len < 40 ? len : 40;
}

void console_ring_forget(uint32_t upto)
{
    (void)upto;
}

size_t console_ring_read(uint32_t *index, char *buf, size_t len,
                         bool incremental)
{
    size_t n = *index < 1000 ? 1000 - *index : 0;

    (void)incremental;
    n = n < len ? n : len;
    memset(buf, 'y', n);
    *index += (uint32_t)n;
    return n;
}

/* ---- the image: no options, no symbols, no build id ---- */

const char build_id_start[1], params_start[1];
extern const char build_id_end[1] __attribute__((alias("build_id_start")));
extern const char params_end[1] __attribute__((alias("params_start")));

uint32_t symbol_total(void)
{
    return 0;
}

bool symbol_by_number(uint32_t nr, uintptr_t *addr, struct symbol *out)
{
    (void)nr;
    (void)addr;
    (void)out;
    return false;
}

int cmdline_size(const char *s, const char **rest, uint64_t *out)
{
    (void)s;
    (void)rest;
    (void)out;
    return -EINVAL;
}

void arch_fill_mc_cpu(unsigned int cpu, struct mcinfo_logical_cpu *c)
{
    (void)cpu;
    (void)c;
}

/* ---- speculation: nobody is isolated ---- */

struct spec_choice spec_choice;

void spec_forget(uint16_t domid)
{
    (void)domid;
}

void isolation_show_window(const struct vcpu *v)
{
    (void)v;
}

void isolation_install(pte_t *l4, unsigned int mode, unsigned int cpu)
{
    (void)mode;
    (void)l4;
    (void)cpu;
}

unsigned int isolation_check_view(const struct vcpu *v, const pte_t *l4,
                                  unsigned int mode, unsigned int cpu)
{
    (void)mode;
    (void)v;
    (void)l4;
    (void)cpu;
    return 0;
}

void fpu_set_image(struct vcpu *v, const void *image, size_t len)
{
    memcpy(v->arch.xsave, image, len < PAGE_SIZE ? len : PAGE_SIZE);
}

/* ---- kexec: a crash kernel may be loaded, none is ever entered ---- */

struct kexec_area crash_area = {.start = FRAME_CRASH << PAGE_SHIFT,
                                .size = CRASH_FRAMES << PAGE_SHIFT};

int arch_kexec_prepare(struct kexec_image *img)
{
    (void)img;
    return 0;
}

void arch_kexec_enter(const struct kexec_image *img)
{
    (void)img;
    panic("entered a crash kernel");
}

void arch_kexec_reboot(const struct kexec_image *img)
{
    (void)img;
    panic("rebooted into another kernel");
}

void arch_crash_save(const struct cpu_regs *regs, bool first)
{
    (void)regs;
    (void)first;
}

void arch_crash_note(unsigned int cpu, paddr_t *start, uint64_t *size)
{
    *start = cpu;
    *size = 0;
}

void arch_image_range(paddr_t *start, uint64_t *size)
{
    *start = *size = 0;
}

void arch_vmcoreinfo(paddr_t *start, uint64_t *size)
{
    *start = *size = 0;
}

void arch_crash_init(void)
{
}

bool panic_begin(void)
{
    panic("a panic that core began");
}

/* ---- the end of the machine ---- */

bool world_is_over;

int __real_domain_shutdown(struct domain *d, uint8_t reason);
int __wrap_domain_shutdown(struct domain *d, uint8_t reason);

/* The control domain asks for it: the input ends there. */
int __wrap_domain_shutdown(struct domain *d, uint8_t reason)
{
    if (!d->is_privileged)
        return __real_domain_shutdown(d, reason);
    world_is_over = true;
    return 0;
}

void machine_restart(unsigned int delay_ms)
{
    panic("restart in %u ms", delay_ms);
}

void machine_poweroff(void)
{
    panic("power off");
}

void machine_halt(void)
{
    panic("halt");
}

void acpi_enter_sleep(uint8_t type_a, uint8_t type_b)
{
    (void)type_a;
    (void)type_b;
}
