/* SPDX-License-Identifier: MIT */
/*
 * Simulated CPUs and a simulated clock under the real scheduler: time jumps
 * from event to event, and the rules that must always hold are checked. For
 * the tests sched*.c.
 */
#ifndef SCHED_SIM_H
#define SCHED_SIM_H

#include <hostarch.h>
#include <hv/domain.h>

#include <core/sched_priv.h>

#define MAX_SIM_CPUS  64
#define MAX_SIM_VCPUS 256
#define TICK          MICROSECS(50)

extern struct domain doms[MAX_SIM_VCPUS];
extern struct vcpu vcpus[MAX_SIM_VCPUS]; /* of all domains, one after another */
extern unsigned int sim_cpus, sim_vcpus, sim_doms;
extern unsigned int threads_per_core; /* from the next sim_start() on */
extern unsigned int switches;         /* of context, since forget_times() */
/* Woken by another CPU while its registers are being saved. */
extern struct vcpu *wake_in_switch;

extern struct sim {
    s_time_t ran, waiting_since, longest_wait;
    bool waiting;
} sim[MAX_SIM_VCPUS]; /* of each vcpu, since forget_times() */

/* ---- begin ---- */
/* CPUs and no domains; what an earlier test has left is undone. */
void sim_start(unsigned int cpus);
/* Also nr domains of one vcpu each. */
void start(unsigned int cpus, unsigned int nr);
/* A domain of nr vcpus, all down; returns its number. */
unsigned int make_domain(unsigned int nr, uint16_t weight, uint16_t cap);
void forget_times(void);

/* ---- vcpus ---- */
void wake(unsigned int i);
void block(unsigned int i);
void wake_all(void);
struct vcpu *running_on(unsigned int cpu);

/* ---- time ---- */
void run_until(s_time_t end);
void run_for(s_time_t ns);
void tick(void);
void run_softirqs(unsigned int cpu);
/* The parts of run_until(), for tests with events of their own. */
void settle_cpus(void);
s_time_t next_event(s_time_t end);
void pass_time(s_time_t to);
void run_timers(void);
void check_waits(void);

/* ---- checks ---- */
void check_running(void);
void check_invariants(void);
s_time_t domain_ran(unsigned int d);
/* Within per_mille of want. */
void assert_near(const char *what, unsigned int i, s_time_t ran, s_time_t want,
                 unsigned int per_mille);
/* The vcpu ran num / den of a time, give or take percent. */
void assert_share(unsigned int i, s_time_t of, unsigned int num,
                  unsigned int den, unsigned int percent);

#endif
