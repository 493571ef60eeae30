/* SPDX-License-Identifier: MIT */
/*
 * A machine made of ordinary memory, under which hypervisor sources run as a
 * host program. Each concern is a file of its own in an archive: a test that
 * brings the real implementation of one gets that one.
 *
 * Include it in place of libc's headers where a test also includes hv headers;
 * cmocka comes with it.
 */
#ifndef HOSTARCH_H
#define HOSTARCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hv/arch.h>
#include <hv/cpumask.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/time.h>

#include <asm/cpu_info.h>

/* ---- CPUs: cpu.c ---- */
/* n CPUs, all online, fresh per-CPU variables; the test plays CPU 0. */
void host_cpus_init(unsigned int n);
void host_run_on(unsigned int cpu);
void host_set_current(struct vcpu *v);
struct vcpu *host_current_of(unsigned int cpu);

/* ---- log and failures: log.c ---- */
/* The last line logged, and whether all of them go to stderr. */
extern char host_last_log[512];
extern bool host_log_to_stderr;
/* Number of WARN_ONs seen. */
extern unsigned int host_warnings;
extern bool host_bug_armed;
extern jmp_buf host_bug_jmp;
/* Evaluates an expression that must end in BUG, ASSERT or panic. Locks that it
 * took stay taken. */
#define expect_bug(expr)                   \
    do {                                   \
        host_bug_armed = true;             \
        if (setjmp(host_bug_jmp) == 0) {   \
            (void)(expr);                  \
            host_bug_armed = false;        \
            fail_msg("no bug: %s", #expr); \
        }                                  \
        host_bug_armed = false;            \
    } while (0)

/* ---- locks: lock.c ---- */
/* Locks now held; a test ends with 0. */
extern unsigned int host_locks_held;
/* Interrupts are off; a test ends with them on. */
extern bool host_irqs_off;

/* ---- guest memory: guest.c ---- */
/* len bytes, page-aligned, zeroed; their guest address is their host one. */
void *host_guest_alloc(size_t len);
void host_guest_free_all(void);
/* Accesses to the page of p fault from now on (or again succeed). */
void host_guest_fault(void *p, bool on);
/* Called after each read from the guest: a second VCPU changing memory. */
extern void (*host_guest_after_read)(uint64_t va, size_t n);

/* ---- frames: frames.c, heap.c ---- */
#define HOST_MAX_FRAMES 65536
extern struct page_info host_frames[HOST_MAX_FRAMES];
/* Frames 0..nr-1 exist as RAM; all free, state 0. */
void host_frames_init(uint64_t nr);
/* virt_to_mfn() of an object of the program is this, if it is not INVALID_MFN:
 * a stand-in for the frames of the hypervisor's image. */
extern mfn_t host_image_mfn;
/* heap.c: make them available to heap_alloc(), from frame first on. */
void host_heap_init(mfn_t first, uint64_t nr);
/* hv_alloc.c: the n-th hv_*alloc*() from now on fails (0: none); how many
 * allocations have not been freed. */
extern unsigned int host_alloc_fail_in;
extern unsigned int host_allocs_live;

/* ---- time, timer, TLB, calls between CPUs: time.c, tlb.c, smp.c ---- */
extern s_time_t host_now;
extern s_time_t host_timer_deadline[MAX_CPUS]; /* last arch_timer_program() */
extern unsigned int host_tlb_flushes;
extern bool host_tlb_excuses; /* a flush after the stamp was enough */
extern unsigned int host_event_checks[MAX_CPUS]; /* IPIs sent to each */

/* Called by code that waits for another CPU, in each round of its loop. */
extern void (*host_on_relax)(void);

/* ---- softirqs: softirq.c ---- */
/* Raised and not yet run, per CPU: bit = enum softirq. */
extern unsigned long host_softirqs[MAX_CPUS];

/* ---- domains: domain.c ---- */
extern unsigned int host_domain_crashes;

#endif
