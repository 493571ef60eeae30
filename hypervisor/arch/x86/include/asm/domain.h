/* SPDX-License-Identifier: MIT */
/*
 * The machine's part of a domain and a vcpu.
 */
#ifndef ASM_DOMAIN_H
#define ASM_DOMAIN_H

#include <asm/page.h>
#include <asm/regs.h>
#include <hv/bitmap.h>
#include <hv/spinlock.h>
#include <asm/pv/isolation.h>
#include <hv/types.h>

struct page_info;
struct cpuid_policy;
struct pirq_map;

struct arch_vcpu {
    /* Registers while the vcpu is not on a CPU (else on that CPU's stack). */
    struct cpu_regs regs;
    uint16_t ds, es, fs, gs;
    uint64_t fs_base, gs_base_kernel, gs_base_user;
    bool kernel_mode; /* guest kernel (its L4 and GS base are live) or user */

    /* Page tables: each holds a reference and a type reference (L4). */
    mfn_t kernel_l4; /* INVALID_MFN: none */
    mfn_t user_l4;
    mfn_t drop_pending[2]; /* PARTIAL tables to be dropped (asm/pv/mm.h); the
                            * first is INVALID_MFN only if both are */
    struct isolated_roots isolated[2]; /* by mode; its lock: */
    spinlock_t isolation_lock;

    /* Traps. */
    struct pv_trap {
        uint64_t address; /* 0: none */
        uint16_t cs;
        uint8_t flags;
    } * trap_table; /* 256, indexed by vector */
    uint64_t event_callback, failsafe_callback, syscall_callback;
    uint64_t syscall32_callback, sysenter_callback, nmi_callback;
    bool failsafe_masks, syscall_masks, syscall32_masks, sysenter_masks;
    uint64_t kernel_ss, kernel_sp; /* by pv_set_kernel_stack(), with: */
    uint64_t kernel_stack; /* kernel_sp aligned, or a place that faults */
    /* Anything in these four: the way out looks closer (entry.S). */
    uint8_t nmi_pending, mce_pending;
    bool runstate_pending, time_pending; /* the guest's copies are stale */
    uint8_t nmi_masked, mce_masked;

    /* Descriptors. */
    unsigned long desc_window; /* VA: 16 pages GDT, 16 pages LDT */
    pte_t *window_ptes;        /* its 32 L1 entries */
    unsigned int window_cpu;   /* whose reserved GDT page is in the window */
    struct page_info *gdt_pages[14]; /* SEGDESC references */
    unsigned int gdt_ents;
    uint64_t ldt_base;
    unsigned int ldt_ents;
    unsigned int ldt_mapped; /* pages of the LDT faulted in */
    spinlock_t ldt_lock;

    /* I/O privilege. */
    uint8_t iopl;        /* by pv_set_iopl(), with: */
    uint64_t shown_iopl; /* what the guest sees of it in its flags */
    uint64_t iobitmap;   /* guest VA */
    uint32_t iobitmap_ports;

    /* Control and debug registers as the guest sees them. */
    bool cr0_ts;
    uint64_t cr4; /* guest-settable bits */
    uint64_t dr[4], dr6, dr7;
    uint64_t tsc_aux;

    /* FPU. */
    void *xsave; /* 64-byte aligned, xsave_size bytes */
    uint64_t xcr0, xcr0_accum;
    bool fpu_loaded; /* on CPU now */

    /* Time. */
    uint64_t time_area; /* guest VA registered, 0 none */
};

struct arch_domain {
    struct cpuid_policy *cpuid;
    struct pirq_map *pirq; /* pirq -> irq, event port */
    struct page_info *pirq_eoi_page;
    uint8_t *pirq_eoi_map;
    bool auto_unmask;
    unsigned long *plain_ports; /* ioport.c; NULL: none, or no memory */
    /* Emulated by the hypervisor for dom0. */
    uint32_t pci_cf8;
    uint8_t cmos_index;
    /* Pseudo-physical memory map (set_memory_map), domctl set. */
    struct e820_entry *e820;
    unsigned int nr_e820;
    uint32_t tsc_mode, tsc_incarnation;
};

#endif
