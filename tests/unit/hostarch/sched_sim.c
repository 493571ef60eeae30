/* SPDX-License-Identifier: MIT */
/* Simulated CPUs under the real scheduler; see the header. */
#include <sched_sim.h>

#include <string.h>

#include <hv/console.h>
#include <hv/softirq.h>

#include <asm/x86.h>
#include <public/sysctl.h>

static struct domain idle_domain;
struct domain doms[MAX_SIM_VCPUS];
static struct vcpu idle[MAX_SIM_CPUS];
struct vcpu vcpus[MAX_SIM_VCPUS];
static struct vcpu *vcpu_table[MAX_SIM_VCPUS];
unsigned int sim_cpus, sim_vcpus, sim_doms;
unsigned int threads_per_core = 1;
static jmp_buf switched;
unsigned int switches;
struct vcpu *wake_in_switch;

struct sim sim[MAX_SIM_VCPUS];

/* ---- the rest of the hypervisor ---- */

struct domain *dom0;

void key_register(char key, void (*fn)(char key), const char *what)
{
    (void)key;
    (void)fn;
    (void)what;
}

void arch_sync_vcpu_state(struct vcpu *v)
{
    assert_false(v->is_running);
}

void arch_fill_cputopo(unsigned int cpu, struct xen_sysctl_cputopo *t)
{
    t->core = cpu / threads_per_core;
    t->socket = t->node = 0;
}

struct domain *domain_get_first_from(domid_t id)
{
    return id < sim_doms ? &doms[id] : NULL;
}

void domain_put(struct domain *d)
{
    (void)d;
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    assert_true(host_irqs_off);
    assert_int_equal(host_locks_held, 0);
    assert_ptr_equal(prev, current);
    assert_ptr_not_equal(prev, next);
    if (prev == wake_in_switch) {
        wake_in_switch = NULL;
        prev->pause_flags = 0;
        sched_wake(prev);
    }
    host_set_current(next);
    sched_context_saved(prev);
    irq_enable();
    switches++;
    longjmp(switched, 1);
}

/* ---- simulation ---- */

struct vcpu *running_on(unsigned int cpu)
{
    return host_current_of(cpu);
}

static bool is_runnable(const struct vcpu *v)
{
    return v->pause_flags == 0 && v->pause_count == 0;
}

static bool has_work(unsigned int cpu)
{
    host_run_on(cpu);
    return softirq_is_pending();
}

void run_softirqs(unsigned int cpu)
{
    host_run_on(cpu);
    /* As the exit path does: again after a switch, until nothing is left. */
    for (unsigned int i = 0; i < 50 && softirq_is_pending(); i++)
        if (setjmp(switched) == 0)
            softirq_run();
    assert_false(host_irqs_off);
    assert_int_equal(host_locks_held, 0);
}

/* What one CPU does may concern others. */
void settle_cpus(void)
{
    for (unsigned int round = 0; round < 100; round++) {
        bool busy = false;

        for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
            if (!has_work(cpu))
                continue;
            busy = true;
            run_softirqs(cpu);
        }
        if (!busy)
            return;
    }
    fail_msg("the CPUs do not come to rest");
}

void check_waits(void)
{
    for (unsigned int i = 0; i < sim_vcpus; i++) {
        struct sim *s = &sim[i];
        bool waits = is_runnable(&vcpus[i]) && !vcpus[i].is_running;

        if (waits && !s->waiting)
            s->waiting_since = host_now;
        if (s->waiting && host_now - s->waiting_since > s->longest_wait)
            s->longest_wait = host_now - s->waiting_since;
        s->waiting = waits;
    }
}

void check_running(void)
{
    unsigned int running = 0;

    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct vcpu *v = running_on(cpu);

        assert_true(v->is_running);
        assert_int_equal(v->processor, cpu);
        if (v->is_idle)
            continue;
        assert_true(is_runnable(v));
        assert_true(cpumask_test(&v->sched.allowed, cpu));
        assert_true(cpumask_test(&v->domain->sched.pool->cpus, cpu));
        assert_int_equal(v->runstate.state, RUNSTATE_running);
        running++;
        for (unsigned int other = 0; other < cpu; other++)
            assert_ptr_not_equal(running_on(other), v);
    }
    for (unsigned int i = 0; i < sim_vcpus; i++)
        running -= vcpus[i].is_running;
    assert_int_equal(running, 0);
}

/* Every runnable vcpu is in exactly one state, and counted right. */
static void check_states(void)
{
    unsigned int active[MAX_SIM_VCPUS] = {0};

    for (unsigned int i = 0; i < sim_vcpus; i++) {
        struct vcpu *v = &vcpus[i];
        bool queued = v->sched.node.queued, parked = v->sched.parked;

        assert_int_equal(queued + parked + v->is_running, is_runnable(v));
        assert_true(!parked || v->domain->sched.cap || host_now == 0);
        active[v->domain->id] += queued || v->is_running;
        if (v->sched.pinned < 0 && !v->sched.affinity_broken)
            for (unsigned int c = 0; c < sim_cpus; c++)
                if (cpumask_test(&v->sched.allowed, c))
                    assert_true(cpumask_test(&v->sched.hard_affinity, c));
        if (!queued)
            continue;
        assert_true(cpumask_test(&v->sched.allowed, v->processor));
        assert_true(v->runstate.state == RUNSTATE_runnable);
    }
    for (unsigned int i = 0; i < sim_doms; i++) {
        unsigned int in_groups = 0;

        for (unsigned int cpu = 0; cpu < sim_cpus; cpu++)
            in_groups += doms[i].sched.group[cpu].active;
        assert_int_equal(share_nr_active(&doms[i].sched), active[i]);
        assert_int_equal(in_groups, active[i]);
    }
}

/* A tree is in order, a heap, and with true unions. Returns the number of its
 * nodes. */
static unsigned int check_tree(struct sched_node *n, struct sched_node *parent,
                               s_time_t low, s_time_t high)
{
    cpumask_t reach;
    unsigned int nr;

    if (!n)
        return 0;
    assert_ptr_equal(n->parent, parent);
    assert_true(n->queued);
    assert_true(n->key >= low && n->key <= high);
    assert_true(!parent || parent->priority >= n->priority);
    nr = 1 + check_tree(n->left, n, low, n->key) +
         check_tree(n->right, n, n->key, high);
    reach = *n->mask;
    if (n->left)
        cpumask_or(&reach, &reach, &n->left->reach);
    if (n->right)
        cpumask_or(&reach, &reach, &n->right->reach);
    assert_memory_equal(&reach, &n->reach, sizeof(reach));
    return nr;
}

static unsigned int check_groups(unsigned int cpu)
{
    unsigned int vcpus_waiting = 0;

    for (unsigned int i = 0; i < sim_doms; i++) {
        struct sched_group *g = &doms[i].sched.group[cpu];
        unsigned int n = check_tree(g->queue.root, NULL, INT64_MIN, S_TIME_MAX);

        assert_int_equal(n, g->queue.nr);
        assert_int_equal(g->node.queued, n != 0);
        vcpus_waiting += n;
        if (!n)
            continue;
        assert_ptr_equal(g->node.mask, &g->queue.root->reach);
        assert_true(g->node.key == g->vruntime);
    }
    return vcpus_waiting;
}

/* CPUs of the pool that run a guest. */
static unsigned int nr_busy(const struct sched_pool *pool)
{
    unsigned int nr = 0;

    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++)
        nr += per_cpu(runq, cpu).pool == pool && !running_on(cpu)->is_idle;
    return nr;
}

static void check_queues(void)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct runq *rq = &per_cpu(runq, cpu);
        unsigned int groups =
            check_tree(rq->groups.root, NULL, INT64_MIN, S_TIME_MAX);
        unsigned int n = check_groups(cpu);

        assert_int_equal(groups, rq->groups.nr);
        assert_int_equal(n, rq->nr_waiting);
        if (!rq->pool) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_int_equal(rq->pool->nr_busy, nr_busy(rq->pool));
        assert_int_equal(cpumask_test(&rq->pool->waiting, cpu), n != 0);
        assert_int_equal(cpumask_test(&rq->pool->idle, cpu), rq->curr->is_idle);
    }
}

/* No CPU may idle while a vcpu waits that is allowed on it. */
static void check_work_conserving(void)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        if (!running_on(cpu)->is_idle)
            continue;
        for (unsigned int i = 0; i < sim_vcpus; i++)
            if (vcpus[i].sched.node.queued &&
                cpumask_test(&vcpus[i].sched.allowed, cpu))
                fail_msg("cpu %u idles while v%u waits", cpu, i);
    }
}

void check_invariants(void)
{
    check_running();
    check_states();
    check_queues();
    check_work_conserving();
}

s_time_t next_event(s_time_t end)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++)
        if (host_timer_deadline[cpu] < end)
            end = host_timer_deadline[cpu];
    return end > host_now ? end : host_now;
}

void pass_time(s_time_t to)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct vcpu *v = running_on(cpu);

        if (!v->is_idle)
            sim[v - vcpus].ran += to - host_now;
    }
    host_now = to;
}

void run_timers(void)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        host_run_on(cpu);
        if (host_timer_deadline[cpu] <= host_now)
            timer_interrupt();
    }
}

void run_until(s_time_t end)
{
    settle_cpus();
    check_waits();
    while (host_now < end) {
        pass_time(next_event(end));
        run_timers();
        settle_cpus();
        check_waits();
        check_running();
    }
    check_invariants();
}

void run_for(s_time_t ns)
{
    run_until(host_now + ns);
}

void tick(void)
{
    run_for(TICK);
}

static void make_vcpu(struct domain *d, unsigned int id)
{
    struct vcpu *v = &vcpus[sim_vcpus];

    memset(v, 0, sizeof(*v));
    vcpu_table[sim_vcpus] = v;
    v->domain = d;
    v->id = id;
    v->pause_flags = VPF_DOWN;
    sched_vcpu_init(v);
    memset(&sim[sim_vcpus++], 0, sizeof(sim[0]));
}

/* A domain of nr vcpus; returns its number. Its vcpus follow those before. */
unsigned int make_domain(unsigned int nr, uint16_t weight, uint16_t cap)
{
    struct domain *d = &doms[sim_doms];

    memset(d, 0, sizeof(*d));
    d->id = (domid_t)sim_doms;
    assert_int_equal(sched_domain_init(d, 0), 0);
    d->vcpu = &vcpu_table[sim_vcpus];
    d->max_vcpus = nr;
    for (unsigned int i = 0; i < nr; i++)
        make_vcpu(d, i);
    sched_domain_set(d, weight, cap);
    return sim_doms++;
}

void wake(unsigned int i)
{
    vcpus[i].pause_flags = 0;
    sched_wake(&vcpus[i]);
}

void block(unsigned int i)
{
    vcpus[i].pause_flags = VPF_BLOCKED;
    sched_sleep_nosync(&vcpus[i]);
}

void wake_all(void)
{
    for (unsigned int i = 0; i < sim_vcpus; i++)
        wake(i);
}

void forget_times(void)
{
    memset(sim, 0, sizeof(sim));
    switches = 0;
}

/* What the test before has left. */
static void sim_stop(void)
{
    for (unsigned int i = 0; i < sim_vcpus; i++)
        block(i);
    if (sim_cpus)
        settle_cpus();
    for (unsigned int i = 0; i < sim_doms; i++)
        sched_domain_destroy(&doms[i]);
    sim_doms = sim_vcpus = 0;
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++)
        assert_int_equal(sched_cpu_remove(cpu), 0);
    for (uint32_t id = 1; id < 64; id++)
        (void)sched_pool_destroy(id);
    assert_int_equal(host_allocs_live, 0);
}

static void start_cpu(unsigned int cpu)
{
    host_timer_deadline[cpu] = S_TIME_MAX;
    memset(&idle[cpu], 0, sizeof(idle[cpu]));
    idle[cpu].domain = &idle_domain;
    idle[cpu].is_idle = true;
    idle[cpu].processor = cpu;
    idle_vcpu[cpu] = &idle[cpu];
    host_run_on(cpu);
    host_set_current(&idle[cpu]);
    timer_cpu_init(cpu);
    sched_cpu_init(cpu);
    sched_cpu_add(cpu);
}

/* CPUs and no domains. */
void sim_start(unsigned int cpus)
{
    static bool registered;

    sim_stop();
    host_cpus_init(cpus);
    sim_cpus = cpus;
    host_now = SECONDS(1);
    forget_times();
    if (!registered) {
        registered = true;
        softirq_init();
        timer_init_subsystem();
        sched_init();
    }
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        start_cpu(cpu);
    settle_cpus();
    host_run_on(0);
}

/* Also nr domains of one vcpu each. */
void start(unsigned int cpus, unsigned int nr)
{
    sim_start(cpus);
    for (unsigned int i = 0; i < nr; i++)
        (void)make_domain(1, SCHED_WEIGHT_DEFAULT, 0);
}

/* The domain's vcpus ran num / den of the time `of`, give or take percent. */
s_time_t domain_ran(unsigned int d)
{
    s_time_t ran = 0;

    for (unsigned int i = 0; i < sim_vcpus; i++)
        if (vcpus[i].domain == &doms[d])
            ran += sim[i].ran;
    return ran;
}

void assert_near(const char *what, unsigned int i, s_time_t ran, s_time_t want,
                 unsigned int per_mille)
{
    s_time_t slack = want * per_mille / 1000;

    if (ran < want - slack || ran > want + slack)
        fail_msg("%s%u ran %lld us, fair are %lld us", what, i,
                 (long long)ran / 1000, (long long)want / 1000);
}

void assert_share(unsigned int i, s_time_t of, unsigned int num,
                  unsigned int den, unsigned int percent)
{
    assert_near("v", i, sim[i].ran, of * num / den, 10 * percent);
}
