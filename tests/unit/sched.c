/* SPDX-License-Identifier: MIT */
/*
 * The scheduler on simulated CPUs and a simulated clock: fair by weight, no
 * CPU idle while someone waits, wake-ups prompt, affinity kept, nobody running
 * twice or while paused. Every tick checks what must always hold.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/softirq.h>

#include <asm/x86.h>

#define MAX_SIM_CPUS  4
#define MAX_SIM_VCPUS 16
#define TICK          MICROSECS(50)

static struct domain idle_domain, doms[MAX_SIM_VCPUS];
static struct vcpu idle[MAX_SIM_CPUS], vcpus[MAX_SIM_VCPUS];
static unsigned int sim_cpus, sim_vcpus;
static jmp_buf switched;
static unsigned int switches;
static struct vcpu *wake_in_switch; /* by another CPU, at the worst moment */

static struct sim {
    s_time_t ran, waiting_since, longest_wait;
    bool waiting;
} sim[MAX_SIM_VCPUS];

/* ---- the rest of the hypervisor ---- */

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

static void run_softirqs(unsigned int cpu)
{
    host_run_on(cpu);
    /* As the exit path does: again after a switch, until nothing is left. */
    for (unsigned int i = 0; i < 20 && softirq_is_pending(); i++)
        if (setjmp(switched) == 0)
            softirq_run();
    assert_false(host_irqs_off);
    assert_int_equal(host_locks_held, 0);
}

static bool is_runnable(const struct vcpu *v)
{
    return v->pause_flags == 0 && v->pause_count == 0;
}

static struct vcpu *running_on(unsigned int cpu)
{
    return host_current_of(cpu);
}

static void check_waits(void)
{
    for (unsigned int i = 0; i < sim_vcpus; i++) {
        struct sim *s = &sim[i];
        bool waits = is_runnable(&vcpus[i]) && !vcpus[i].is_running;

        if (waits && !s->waiting)
            s->waiting_since = host_now;
        s->waiting = waits;
        if (waits && host_now - s->waiting_since > s->longest_wait)
            s->longest_wait = host_now - s->waiting_since;
    }
}

static void check_invariants(void)
{
    unsigned int running = 0;

    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct vcpu *v = running_on(cpu);

        assert_true(v->is_running);
        assert_int_equal(v->processor, cpu);
        if (v->is_idle)
            continue;
        assert_true(is_runnable(v));
        assert_true(cpumask_test(&v->sched.hard_affinity, cpu));
        assert_int_equal(v->runstate.state, RUNSTATE_running);
        running++;
        for (unsigned int other = 0; other < cpu; other++)
            assert_ptr_not_equal(running_on(other), v);
    }
    for (unsigned int i = 0; i < sim_vcpus; i++)
        running -= vcpus[i].is_running;
    assert_int_equal(running, 0);
}

/* No CPU may idle while a vcpu waits that is allowed on it. */
static void check_work_conserving(void)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        if (!running_on(cpu)->is_idle)
            continue;
        for (unsigned int i = 0; i < sim_vcpus; i++)
            if (is_runnable(&vcpus[i]) && !vcpus[i].is_running &&
                cpumask_test(&vcpus[i].sched.hard_affinity, cpu))
                fail_msg("cpu %u idles while v%u waits", cpu, i);
    }
}

static void tick(void)
{
    host_now += TICK;
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct vcpu *v = running_on(cpu);

        if (!v->is_idle)
            sim[v->id].ran += TICK;
    }
    /* Twice: what one CPU does may concern one that was before it. */
    for (unsigned int pass = 0; pass < 2; pass++) {
        for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
            host_run_on(cpu);
            if (host_timer_deadline[cpu] <= host_now)
                timer_interrupt();
            run_softirqs(cpu);
        }
    }
    check_invariants();
    check_waits();
}

static void run_for(s_time_t ns)
{
    for (s_time_t end = host_now + ns; host_now < end;) {
        tick();
        check_work_conserving();
    }
}

static void make_vcpu(unsigned int i, uint16_t weight)
{
    struct vcpu *v = &vcpus[i];

    memset(v, 0, sizeof(*v));
    memset(&doms[i], 0, sizeof(doms[i]));
    doms[i].sched.weight = weight;
    doms[i].id = (domid_t)i;
    v->domain = &doms[i];
    v->id = i;
    v->pause_flags = VPF_DOWN;
    sched_vcpu_init(v, i % sim_cpus);
}

static void start(unsigned int cpus, unsigned int nr)
{
    static bool registered;

    host_cpus_init(cpus);
    sim_cpus = cpus;
    sim_vcpus = nr;
    host_now = SECONDS(1);
    switches = 0;
    memset(sim, 0, sizeof(sim));
    if (!registered) {
        registered = true;
        softirq_init();
        timer_init_subsystem();
        sched_init();
    }
    idle_domain.sched.weight = SCHED_WEIGHT_DEFAULT;
    for (unsigned int cpu = 0; cpu < cpus; cpu++) {
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
    }
    host_run_on(0);
    for (unsigned int i = 0; i < nr; i++)
        make_vcpu(i, SCHED_WEIGHT_DEFAULT);
}

static void wake(unsigned int i)
{
    vcpus[i].pause_flags = 0;
    sched_wake(&vcpus[i]);
}

static void block(unsigned int i)
{
    vcpus[i].pause_flags = VPF_BLOCKED;
    sched_sleep_nosync(&vcpus[i]);
}

static void assert_share(unsigned int i, s_time_t of, unsigned int num,
                         unsigned int den, unsigned int percent)
{
    s_time_t want = of * num / den;
    s_time_t slack = want * percent / 100;

    if (sim[i].ran < want - slack || sim[i].ran > want + slack)
        fail_msg("v%u ran %lld ms, fair are %lld ms", i,
                 (long long)sim[i].ran / 1000000, (long long)want / 1000000);
}

/* ---- tests ---- */

static void one_cpu_is_shared_equally(void **state)
{
    (void)state;
    start(1, 4);
    for (unsigned int i = 0; i < 4; i++)
        wake(i);
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 4; i++) {
        assert_share(i, SECONDS(2), 1, 4, 3);
        assert_true(sim[i].longest_wait <= MILLISECS(25));
    }
    /* Slices, not thrashing. */
    assert_true(switches < 2000);
}

static void weights_are_proportions(void **state)
{
    static const uint16_t weights[] = {128, 256, 512, 1024};

    (void)state;
    start(1, 4);
    for (unsigned int i = 0; i < 4; i++) {
        doms[i].sched.weight = weights[i];
        wake(i);
    }
    run_for(SECONDS(4));
    for (unsigned int i = 0; i < 4; i++)
        assert_share(i, SECONDS(4), weights[i], 1920, 5);
}

static void more_vcpus_than_cpus_are_fair(void **state)
{
    (void)state;
    start(3, 7);
    for (unsigned int i = 0; i < 7; i++)
        wake(i);
    run_for(SECONDS(4));
    for (unsigned int i = 0; i < 7; i++)
        assert_share(i, SECONDS(4), 3, 7, 15);
}

static void a_cpu_each_needs_no_switching(void **state)
{
    (void)state;
    start(4, 4);
    for (unsigned int i = 0; i < 4; i++)
        wake(i);
    run_for(MILLISECS(100));
    switches = 0;
    run_for(SECONDS(1));
    assert_int_equal(switches, 0);
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        assert_true(host_timer_deadline[cpu] > host_now); /* tickless */
}

/* One that sleeps most of the time gets the CPU soon after it wakes. */
static void sleepers_wake_promptly(void **state)
{
    (void)state;
    start(1, 4);
    for (unsigned int i = 1; i < 4; i++)
        wake(i);
    run_for(MILLISECS(100));
    for (unsigned int round = 0; round < 50; round++) {
        s_time_t woken = host_now;

        wake(0);
        while (!vcpus[0].is_running)
            tick();
        assert_true(host_now - woken <= MILLISECS(2));
        tick();
        block(0);
        run_for(MILLISECS(20));
    }
}

/* Sleeping long saves up no right to hold the CPU long. */
static void a_long_sleep_is_no_credit(void **state)
{
    (void)state;
    start(1, 2);
    wake(0);
    run_for(SECONDS(3));
    wake(1);
    sim[1].ran = 0;
    run_for(MILLISECS(200));
    assert_share(1, MILLISECS(200), 1, 2, 15);
}

static void affinity_is_kept_and_changed(void **state)
{
    cpumask_t one = cpumask_of(1), two = cpumask_of(2), none;

    (void)state;
    start(3, 5);
    cpumask_zero(&none);
    assert_int_equal(sched_set_affinity(&vcpus[0], &none, NULL), -EINVAL);
    assert_int_equal(sched_set_affinity(&vcpus[0], &one, NULL), 0);
    assert_int_equal(sched_set_affinity(&vcpus[1], &one, NULL), 0);
    for (unsigned int i = 0; i < 5; i++)
        wake(i);
    run_for(SECONDS(1));
    assert_true(sim[0].ran > MILLISECS(250));
    assert_int_equal(sched_set_affinity(&vcpus[0], &two, NULL), 0);
    tick();
    for (unsigned int round = 0; round < 1000; round++) {
        tick();
        if (vcpus[0].is_running)
            assert_int_equal(vcpus[0].processor, 2);
    }
    assert_true(sim[0].ran > MILLISECS(250));
}

static void paused_vcpus_do_not_run(void **state)
{
    s_time_t ran;

    (void)state;
    start(2, 3);
    for (unsigned int i = 0; i < 3; i++)
        wake(i);
    run_for(MILLISECS(50));
    vcpus[1].pause_count = 1;
    sched_sleep_nosync(&vcpus[1]);
    tick();
    assert_false(vcpus[1].is_running);
    ran = sim[1].ran;
    run_for(MILLISECS(50));
    assert_int_equal(sim[1].ran, ran);
    vcpus[1].pause_count = 0;
    sched_wake(&vcpus[1]);
    run_for(MILLISECS(50));
    assert_true(sim[1].ran > ran);
}

/* The wake comes while the CPU is still saving the vcpu's registers. */
static void a_wake_during_the_switch_is_not_lost(void **state)
{
    cpumask_t one = cpumask_of(1);

    (void)state;
    start(2, 1);
    for (unsigned int round = 0; round < 10; round++) {
        wake(0);
        run_for(MILLISECS(1));
        assert_true(vcpus[0].is_running);
        wake_in_switch = &vcpus[0];
        block(0);
        run_for(MILLISECS(1));
        assert_null(wake_in_switch);
        assert_true(vcpus[0].is_running);
        /* And the same while it must leave this CPU. */
        assert_int_equal(sched_set_affinity(&vcpus[0], &one, NULL), 0);
        run_for(MILLISECS(1));
        assert_true(vcpus[0].is_running);
        one = cpumask_of(round % 2);
    }
}

static void yielding_lets_the_other_run(void **state)
{
    (void)state;
    start(1, 2);
    wake(0);
    wake(1);
    run_for(MILLISECS(50));
    for (unsigned int round = 0; round < 20; round++) {
        const struct vcpu *v = &vcpus[0];

        /* Fresh from sleep it is owed time, and yet it gives way. */
        block(0);
        run_for(MILLISECS(20));
        wake(0);
        while (running_on(0) != v)
            tick();
        host_run_on(0);
        sched_yield();
        tick();
        assert_ptr_not_equal(running_on(0), v);
    }
}

static void runstates_add_up(void **state)
{
    (void)state;
    start(1, 2);
    s_time_t began = host_now;

    wake(0);
    wake(1);
    run_for(MILLISECS(300));
    block(1);
    run_for(MILLISECS(100));
    wake(1);
    run_for(MILLISECS(100));
    for (unsigned int i = 0; i < 2; i++) {
        const struct vcpu_runstate_info *r = &vcpus[i].runstate;
        uint64_t sum = 0;

        for (unsigned int s = 0; s < 4; s++)
            sum += r->time[s];
        assert_int_equal(sum, r->state_entry_time - (uint64_t)began);
    }
    assert_true(vcpus[1].runstate.time[RUNSTATE_blocked] >= 95000000);
    assert_true(vcpus[1].runstate.time[RUNSTATE_blocked] <= 105000000);
}

static void random_life_keeps_the_rules(void **state)
{
    (void)state;
    srand(21);
    start(4, 10);
    for (unsigned int round = 0; round < 20000; round++) {
        unsigned int i = (unsigned int)rand() % 10;
        cpumask_t mask;

        host_run_on((unsigned int)rand() % 4);
        switch (rand() % 6) {
        case 0:
        case 1:
            wake(i);
            break;
        case 2:
            block(i);
            break;
        case 3:
            cpumask_zero(&mask);
            for (unsigned int cpu = 0; cpu < 4; cpu++)
                if (rand() % 2)
                    cpumask_set(&mask, cpu);
            (void)sched_set_affinity(&vcpus[i], &mask, NULL);
            break;
        case 4:
            if (!current->is_idle)
                sched_yield();
            break;
        default:
            tick();
            break;
        }
    }
    /* Whatever happened: free to run, everybody does. */
    for (unsigned int i = 0; i < 10; i++) {
        cpumask_t all = cpu_online_map;

        (void)sched_set_affinity(&vcpus[i], &all, NULL);
        wake(i);
        sim[i] = (struct sim){.ran = 0};
    }
    run_for(SECONDS(2));
    for (unsigned int i = 0; i < 10; i++)
        assert_share(i, SECONDS(2), 4, 10, 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cpu_is_shared_equally),
        cmocka_unit_test(weights_are_proportions),
        cmocka_unit_test(more_vcpus_than_cpus_are_fair),
        cmocka_unit_test(a_cpu_each_needs_no_switching),
        cmocka_unit_test(sleepers_wake_promptly),
        cmocka_unit_test(a_long_sleep_is_no_credit),
        cmocka_unit_test(affinity_is_kept_and_changed),
        cmocka_unit_test(paused_vcpus_do_not_run),
        cmocka_unit_test(a_wake_during_the_switch_is_not_lost),
        cmocka_unit_test(yielding_lets_the_other_run),
        cmocka_unit_test(runstates_add_up),
        cmocka_unit_test(random_life_keeps_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
