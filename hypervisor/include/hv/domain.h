/* SPDX-License-Identifier: MIT */
/*
 * Domains and their virtual CPUs: the data and the life cycle. What belongs
 * to the machine is in struct arch_domain / arch_vcpu (asm/domain.h).
 */
#ifndef HV_DOMAIN_H
#define HV_DOMAIN_H

#include <hv/console.h>
#include <hv/cpumask.h>
#include <hv/evtchn.h>
#include <hv/grant.h>
#include <hv/list.h>
#include <hv/numa.h>
#include <hv/page.h>
#include <hv/perfc.h>
#include <hv/rangeset.h>
#include <hv/sched.h>
#include <hv/spinlock.h>
#include <hv/timer.h>

#include <public/sched.h>
#include <public/vcpu.h>
#include <public/xen.h>

#include <asm/cpu_info.h>
#include <asm/domain.h>

#define MAX_VCPUS 128 /* per domain */

enum domain_life {
    DOM_ALIVE,
    DOM_DYING,
    DOM_DEAD
};

struct vcpu {
    struct domain *domain;
    unsigned int id;
    unsigned int processor; /* CPU it runs or last ran on; runqueue lock */

    /* The 64 bytes shared with the guest; always a valid mapping (a private
     * dummy until there is a better one). */
    struct vcpu_info *vcpu_info;
    struct page_info *vcpu_info_page; /* reference if registered, or NULL */

    /* Why it may not run; 0 = runnable. Changed atomically. */
    unsigned long pause_flags;
#define VPF_BLOCKED BIT(0)
#define VPF_DOWN    BIT(1) /* never brought up, or VCPUOP_down */
#define VPF_POLLING BIT(2) /* with VPF_BLOCKED: in SCHEDOP_poll */
    int pause_count;       /* vcpu_pause() nesting, atomic */

    bool is_initialised; /* has a context */
    bool is_running;     /* on a CPU now; that CPU and the runqueue lock */
    bool is_idle;
    bool paused_for_shutdown;
    bool no_upcall_dummy; /* vcpu_info is the private dummy */

    struct vcpu_runstate_info runstate; /* runqueue lock of processor */
    uint64_t runstate_guest;            /* guest VA, 0 = none */

    s_time_t periodic_ns; /* 0: off */
    s_time_t periodic_last;
    struct timer periodic_timer, singleshot_timer, poll_timer;

    uint32_t virq_port[NR_VIRQS]; /* per-vcpu and global virqs bound here */
    uint32_t poll_port;           /* in SCHEDOP_poll: what it waits for */
#define POLL_ANY_PORT (~0U)
    uint32_t grant_free; /* stack of free grant handles: top + 1, 0 = empty */

    unsigned int debug_pauses; /* by a debugger; ctl_lock */

    struct { /* core/halt_poll.h; for the vcpu itself */
        s_time_t window;
        uint64_t blocked; /* its time in that state when last looked at */
    } halt;
    struct sched_vcpu sched;
    struct perfc_vcpu perfc;
    cpumask_t dirty_cpumask; /* CPUs whose TLB may hold its entries */
    struct evtchn_fifo_vcpu *evtchn_fifo;

    struct arch_vcpu arch;
};

struct domain {
    domid_t id;
    bool is_privileged; /* the control domain */
    bool is_idle;
    uint8_t life; /* enum domain_life; ctl_lock */
    uint8_t handle[16];
    uint64_t serial;       /* of all domains since boot: not given out again */
    uint32_t refs;         /* domain_get(); freed at 0 */
    struct list_head list; /* domain_list_lock; ordered by id */
    spinlock_t ctl_lock;

    struct shared_info *shared_info; /* HV page shared with the guest */

    /* page_list_lock: */
    spinlock_t page_list_lock;
    uint32_t page_list; /* first frame, PAGE_LINK_NONE = empty */
    uint32_t held_list; /* frames given up at its end that others use */
    uint64_t tot_pages, max_pages;
    uint64_t outstanding_pages; /* claim on free memory; the heap's lock */
    nodemask_t node_affinity;   /* where its frames come from if possible */

    struct vcpu **vcpu; /* max_vcpus entries, each NULL until allocated */
    unsigned int max_vcpus;

    int controller_pauses;  /* domctl pause; ctl_lock */
    bool creation_finished; /* first unpause seen */
    /* A domain may be crashed from under any lock but the scheduler's. */
    spinlock_t shutdown_lock; /* shutdown_code and: */
    bool is_shutting_down, is_shut_down;
    uint8_t shutdown_code;
    bool is_debug;
    uint32_t createflags; /* XEN_DOMCTL_CDF_* */

    /* Rights that the control domain gave it (hv/permission.h). */
    struct domain *target; /* whose device model it is, with a reference; set
                            * once under ctl_lock, dropped at its end */
    struct rangeset ioports, iomem, irqs; /* ports, frames, pirqs of devices */

    unsigned long vm_assist;
    s_time_t created_ns;
    int64_t time_offset_ns;
    uint32_t suspend_port; /* sent when it has suspended; 0: none */
    struct vnuma *vnuma;   /* or NULL; ctl_lock */
    struct log_rate log_rate;

    struct evtchn_domain evtchn;
    struct grant_table grant;
    struct sched_domain sched;
    struct domain_watchdog {
        struct timer timer;
        bool inuse;
    } watchdog[2];

    /* Progress of domain_kill(), so that it can be preempted. */
    unsigned int kill_step;
    struct domain *reap_next;

    struct arch_domain arch;
};

extern struct domain *dom0;
extern struct domain *dom_io; /* owner of MMIO frames, DOMID_IO */
extern struct domain *dom_hv; /* owner of hypervisor frames, DOMID_XEN */

#define for_each_vcpu(d, v)                                 \
    for (unsigned int vi_ = 0; vi_ < (d)->max_vcpus; vi_++) \
        if (((v) = (d)->vcpu[vi_]) != NULL)

static inline bool domain_is_dying(const struct domain *d)
{
    return READ_ONCE(d->life) != DOM_ALIVE;
}

/* It was given something of a device. */
static inline bool domain_drives_devices(const struct domain *d)
{
    return !rangeset_is_empty(&d->iomem) || !rangeset_is_empty(&d->ioports) ||
           !rangeset_is_empty(&d->irqs);
}

/* ---- find and hold ---- */
/* By id, with a reference (domain_put it), NULL if none or dead. DOMID_SELF
 * and the other special ids are the caller's business. */
struct domain *domain_get_by_id(domid_t id) MUST_CHECK;
/* The same for an argument of the current vcpu: DOMID_SELF means itself. */
struct domain *domain_get_any(domid_t id) MUST_CHECK;
/* First domain with id >= id; for listings. */
struct domain *domain_get_first_from(domid_t id) MUST_CHECK;
void domain_get(struct domain *d); /* caller already holds one */
void domain_put(struct domain *d);
struct vcpu *domain_vcpu(const struct domain *d, unsigned int id);

/* ---- create and end ---- */
struct domain_config {
    uint8_t handle[16];
    uint32_t flags;
    unsigned int max_vcpus, max_evtchn_port;
    unsigned int max_grant_frames, max_maptrack_frames, grant_version;
    unsigned int cpupool;
    bool privileged;
};
/* id: wanted id, or DOMID_INVALID to choose. Paused once (controller). */
int domain_create(domid_t id, const struct domain_config *cfg,
                  struct domain **out) MUST_CHECK;
int vcpu_create(struct domain *d, unsigned int id) MUST_CHECK;
/* Start the end of d; -ERESTART while there is more to do. */
int domain_kill(struct domain *d) MUST_CHECK;
/* The guest did what no guest may: stop it, log why, tell dom0. */
void domain_crash(struct domain *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int domain_shutdown(struct domain *d, uint8_t reason);
void domain_resume(struct domain *d);
/* Stop all vcpus and wait until none runs; counted. */
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
int domain_pause_by_controller(struct domain *d);
int domain_unpause_by_controller(struct domain *d);
/* The wall clock was set: tell every domain. */
void domain_wallclock_update_all(void);
/* Hold free memory back for d until it has nr pages in all; 0 ends that.
 * -ENOMEM if there is not enough unclaimed memory. */
int domain_claim_pages(struct domain *d, uint64_t nr);
uint64_t domain_claimed_pages(void); /* of all domains */
/* RAM pages: release everything; -ERESTART when preempted. */
int domain_relinquish_pages(struct domain *d) MUST_CHECK;

/* Boot, in this order. */
void domain_init(void);
void domain_kill_init(void);
void idle_vcpu_create(unsigned int cpu);
void dom0_create(unsigned int max_vcpus);

/* ---- vcpus ---- */
void vcpu_pause(struct vcpu *v); /* waits; never on current */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);
void vcpu_wake(struct vcpu *v);    /* became runnable, maybe */
void vcpu_unblock(struct vcpu *v); /* clear VPF_BLOCKED, wake */
void vcpu_kick(struct vcpu *v);    /* look at your events now */
/* SCHEDOP_block: events are unmasked, then current sleeps unless one is
 * already there. */
void vcpu_block(void);
/*
 * SCHEDOP_poll: begin; then look whether a port is pending; if one is, cancel,
 * else sleep until that port is, or any port (POLL_ANY_PORT).
 */
void vcpu_poll_begin(void);
void vcpu_poll_cancel(void);
void vcpu_poll_sleep(uint32_t port);
/* Wake those in SCHEDOP_poll on a port that was made pending. Any context. */
void vcpu_wake_pollers_of(struct domain *d, uint32_t port);
/* register_vcpu_info; checks all, -EINVAL/-ENXIO as the ABI says. */
int vcpu_info_register(struct vcpu *v, mfn_t m, unsigned int offset);
void vcpu_info_unmap(struct vcpu *v);
void vcpu_runstate_update_guest(struct vcpu *v); /* kernel L4 is live */
void vcpu_timers_init(struct vcpu *v);
void vcpu_timers_move(struct vcpu *v); /* to this CPU */
void vcpu_timers_kill(struct vcpu *v);
void vcpu_periodic_process(struct vcpu *v); /* on schedule-in */

/* v, which runs here, has its timers here. */
static inline void vcpu_timers_migrate(struct vcpu *v)
{
    if (unlikely(v->singleshot_timer.cpu != smp_processor_id()))
        vcpu_timers_move(v);
}

/* An event for v is pending and not masked. */
static inline bool vcpu_events_pending(const struct vcpu *v)
{
    return READ_ONCE(v->vcpu_info->evtchn_upcall_pending) &&
           !READ_ONCE(v->vcpu_info->evtchn_upcall_mask);
}

#endif
