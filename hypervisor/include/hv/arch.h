/* SPDX-License-Identifier: MIT */
/*
 * The whole contract between core/ and the machine: what core calls in arch.
 * (What arch calls in core is in the other hv headers.)
 */
#ifndef HV_ARCH_H
#define HV_ARCH_H

#include <hv/cpumask.h>
#include <hv/time.h>
#include <hv/types.h>

struct domain;
struct vcpu;
struct page_info;
struct vcpu_guest_context;

/* ---- current ---- */
/* The vcpu whose context is loaded; the idle vcpu outside of guests. */
/* current, smp_processor_id(): asm/cpu_info.h */

/* ---- life cycle ---- */
int arch_domain_create(struct domain *d);
/* Page tables, descriptors, iomem...: -ERESTART when preempted. */
int arch_domain_relinquish(struct domain *d);
void arch_domain_destroy(struct domain *d);
/* A frame of a dying domain, before its allocation is dropped: take away the
 * guest's pin and type. -ERESTART when preempted. (arch/x86/pv) */
int arch_page_relinquish(struct domain *d, struct page_info *pg);
int arch_vcpu_create(struct vcpu *v);
void arch_vcpu_destroy(struct vcpu *v);
/* domctl setvcpucontext / VCPUOP_initialise; v is paused or down. Checks
 * everything, changes nothing on error. boot: first context of vcpu 0 by the
 * toolstack (sets vm_assist). -ERESTART: L4 validation was preempted. */
int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c);
/* Forget the context (domctl with NULL context). */
void arch_vcpu_reset(struct vcpu *v);

/* The vcpu's virtual I/O privilege; and d->vm_assist has changed, on which it
 * depends what the vcpus see of that. */
void arch_set_iopl(struct vcpu *v, unsigned int iopl);
void arch_vm_assist_changed(struct domain *d);

/* ---- running ---- */
/*
 * Called by schedule() with interrupts off and no lock held. Saves prev's
 * state, loads next's and does not return: it ends in the exit path of next
 * (guest or idle loop) after calling sched_context_saved(prev). prev != next.
 */
void arch_context_switch(struct vcpu *prev, struct vcpu *next) NORETURN;
/* (When schedule() keeps the same vcpu it simply returns to softirq_run().) */
/* Idle until an interrupt: called with interrupts off, returns with on. */
void arch_idle(void);
/* v's state may live in another CPU's registers (lazily left there): write it
 * back. v is not running. */
void arch_sync_vcpu_state(struct vcpu *v);
/* Program this CPU's timer for deadline (S_TIME_MAX: off). */
void arch_timer_program(s_time_t deadline);

/* ---- guest-visible time ---- */
void arch_vcpu_time_update(struct vcpu *v, bool force);
void arch_wallclock_update(struct domain *d); /* shared_info.wc_* */

/* cpu is back in cpu_online_map and has timers: its clock is set right before
 * it runs a guest. */
void arch_clock_cpu_up(unsigned int cpu);

/* ---- TLB ---- */
/* Flush everything of guests on these CPUs; returns when done. */
void tlb_flush_mask(const cpumask_t *mask);
void tlb_flush_one_mask(const cpumask_t *mask, unsigned long va);
/* CPUs that may hold entries of any vcpu of d. */
void domain_dirty_mask(const struct domain *d, cpumask_t *out);
void tlb_flush_local(void);
/* The hypervisor's own entries too. */
void tlb_flush_all_local(void);
void tlb_flush_one_local(unsigned long va);
/* The TLB clock: every full flush of a CPU moves it. */
uint32_t tlb_clock(void);
/* Remove from mask the CPUs that have flushed since stamp. */
void tlb_filter_mask(cpumask_t *mask, uint32_t stamp);

/* ---- grants: mappings in the page tables of current's domain ---- */
/*
 * A reference on frame m of rd, with a writable type unless readonly. False:
 * it is not rd's, or not to be had that way.
 */
bool arch_grant_hold(struct domain *rd, mfn_t m, bool readonly) MUST_CHECK;
void arch_grant_drop(mfn_t m, bool readonly);
/*
 * Write a mapping of frame m of rd at addr (a guest kernel virtual address, or
 * with contains_pte the machine address of the PTE), which holds the frame as
 * arch_grant_hold() does. flags: GNTMAP_* of the ABI. Returns a GNTST_* code.
 */
int arch_grant_map(struct domain *rd, uint64_t addr, mfn_t m,
                   unsigned int gntmap_flags);
/* Remove it again (or put the mapping of new_addr in place if not 0): fails
 * if addr does not map m. The hold is the caller's then. No TLB flush: the
 * caller batches it. */
int arch_grant_unmap(uint64_t addr, mfn_t m, unsigned int gntmap_flags,
                     uint64_t new_addr);
/* That flush: no CPU uses what current's domain has unmapped. */
void arch_grant_flush(void);

/* ---- domctl / sysctl / physical machine ---- */
struct xen_domctl;
struct xen_sysctl;
struct xen_sysctl_physinfo;
struct xen_sysctl_cputopo;
struct mcinfo_logical_cpu;
/* What core does not know: -ENOSYS if arch does not either. */
long arch_do_domctl(struct xen_domctl *op, struct domain *d);
long arch_do_sysctl(struct xen_sysctl *op);
void arch_fill_physinfo(struct xen_sysctl_physinfo *p);
void arch_fill_cputopo(unsigned int cpu, struct xen_sysctl_cputopo *t);
/* Of a CPU that is online; the rest stays as it is (mca, physcpuinfo). */
void arch_fill_mc_cpu(unsigned int cpu, struct mcinfo_logical_cpu *c);
/* A thread of a core other than its first. */
bool arch_cpu_is_sibling(unsigned int cpu);
/* APIC id in bits 31:0, ACPI id in bits 63:32 (VCPUOP_get_physid). */
uint64_t arch_cpu_physid(unsigned int cpu);
void machine_halt(void) NORETURN;
void machine_restart(unsigned int delay_ms) NORETURN;
void machine_poweroff(void) NORETURN;

/* ---- traces (arch/x86/trace.c) ---- */
/* The time stamp counter. */
uint64_t arch_timestamp(void);
/* Of a difference of two. */
uint64_t arch_cycles_to_ns(uint64_t cycles);
/* All exceptions of guests go through guest_exception(), where they can be
 * watched, while any of the watchers (enum hypercall_watcher) wants it. The
 * caller holds no lock of a rank above LOCK_RANK_OBSERVE. */
void arch_watch_exceptions(unsigned int who, bool on);

/* ---- kexec (arch/x86/kexec.c, crash_note.c) ---- */
struct cpu_regs;
struct kexec_image;
/* Tables and code for entering img, whose segments are known. -ENOMEM. */
int arch_kexec_prepare(struct kexec_image *img) MUST_CHECK;
/* The other CPUs are stopped, interrupts off: quiet the machine and go. */
void arch_kexec_enter(const struct kexec_image *img) NORETURN;
/* The same from a running machine, on the boot CPU. */
void arch_kexec_reboot(const struct kexec_image *img) NORETURN;
/* Write this CPU's crash note: regs, or NULL for the caller's own. first: it
 * is the CPU that failed. */
void arch_crash_save(const struct cpu_regs *regs, bool first);
/* Where a CPU's note lies, and the hypervisor's image. */
void arch_crash_note(unsigned int cpu, paddr_t *start, uint64_t *size);
void arch_image_range(paddr_t *start, uint64_t *size);
/* Facts for those who read a dump, an ELF note as well. */
void arch_vmcoreinfo(paddr_t *start, uint64_t *size);
void arch_crash_init(void);

/*
 * Give d the I/O ports first to last, or take them away (arch/x86/pv/ioport.c):
 * d->ioports, and what arch derives from it. Caller holds d->ctl_lock unless d
 * is not to be found yet. Errors of rangeset_add() and rangeset_remove().
 */
int arch_ioports_change(struct domain *d, bool allow, uint16_t first,
                        uint16_t last) MUST_CHECK;
/* d ends: the derived part is freed. */
void arch_ioports_free(struct domain *d);
/* Frame may be mapped as MMIO by d (arch/x86/pv/iomem.c). */
bool arch_iomem_permitted(const struct domain *d, mfn_t m);

/* Boot: build the control domain from the boot modules. */
int construct_dom0(struct domain *d);

#endif
