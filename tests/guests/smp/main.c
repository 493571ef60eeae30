/* SPDX-License-Identifier: MIT */
/*
 * Several vcpus: their life, events between them, and page tables changed by
 * all at once.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

static unsigned int nr_cpus;

/* --- work for the other vcpus --- */

struct work {
    void (*volatile fn)(unsigned int cpu);
    volatile unsigned int done;
    volatile bool leave;
};

static struct work work[KIT_MAX_CPUS];

static void nap(void)
{
    struct sched_poll op;

    memset(&op, 0, sizeof(op));
    op.timeout = time_now() + 200000;
    hc_sched_op(SCHEDOP_poll, &op);
}

static void worker(void *arg)
{
    struct work *w = arg;

    while (!w->leave) {
        if (w->fn) {
            w->fn(this_cpu()->id);
            w->fn = NULL;
            w->done++;
        }
        nap();
    }
    w->leave = false;
}

static void give(unsigned int cpu, void (*fn)(unsigned int cpu))
{
    work[cpu].fn = fn;
}

static bool wait_until(volatile unsigned int *value, unsigned int want)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    while (*value != want && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    return *value == want;
}

static void wait_idle(unsigned int cpu)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    while (work[cpu].fn && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT(!work[cpu].fn);
}

static void give_all(void (*fn)(unsigned int cpu))
{
    for (unsigned int i = 1; i < nr_cpus; i++)
        give(i, fn);
    fn(0);
    for (unsigned int i = 1; i < nr_cpus; i++)
        wait_idle(i);
}

/* --- life --- */

static void errors(void)
{
    static struct vcpu_guest_context ctx;

    EXPECT_EQ(smp_is_up(0), 1);
    EXPECT_EQ(smp_is_up(1), 0);
    EXPECT_EQ(smp_is_up(nr_cpus), -XEN_ENOENT);
    EXPECT_EQ(smp_is_up(100000), -XEN_ENOENT);
    EXPECT_EQ(smp_up(1), -XEN_EINVAL); /* not initialised */
    memset(&ctx, 0, sizeof(ctx));
    ctx.flags = VGCF_IN_KERNEL;
    EXPECT(hc_vcpu_op(VCPUOP_initialise, 1, &ctx) < 0); /* no page table */
    ctx.ctrlreg[3] = virt_to_maddr(start_info);
    EXPECT(hc_vcpu_op(VCPUOP_initialise, 1, &ctx) < 0); /* not one */
    EXPECT_EQ(hc_vcpu_op(VCPUOP_initialise, 1, (void *)0xffff820000000000UL),
              -XEN_EFAULT);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_initialise, 0, &ctx), -XEN_EEXIST);
}

/* All of CR4, be there such a bit or not, but TSD, which makes RDTSC slow. */
#define CR4_ASKED (~(1UL << 2))

static void bring_up(void)
{
    static struct vcpu_guest_context ctx;

    for (unsigned int i = 1; i < nr_cpus; i++) {
        smp_context(&ctx, i, worker, &work[i]);
        ctx.ctrlreg[4] = CR4_ASKED;
        EXPECT_EQ(hc_vcpu_op(VCPUOP_initialise, i, &ctx), 0);
        EXPECT_EQ(smp_is_up(i), 0);
        EXPECT_EQ(smp_up(i), 0);
        EXPECT_EQ(smp_is_up(i), 1);
        EXPECT_EQ(smp_up(i), 0);
        EXPECT_EQ(smp_initialise(i, worker, &work[i]), -XEN_EEXIST);
    }
}

static volatile unsigned int ids[KIT_MAX_CPUS];

static void note_id(unsigned int cpu)
{
    ids[cpu] = cpu + 100;
}

static void all_run(void)
{
    give_all(note_id);
    for (unsigned int i = 0; i < nr_cpus; i++)
        EXPECT_EQ(ids[i], i + 100);
}

static volatile uint64_t cr4_given[KIT_MAX_CPUS], cr4_set[KIT_MAX_CPUS];

static void look_at_cr4(unsigned int cpu)
{
    uint64_t given, set;

    asm volatile("mov %%cr4, %0" : "=r"(given));
    asm volatile("mov %0, %%cr4" : : "r"(CR4_ASKED));
    asm volatile("mov %%cr4, %0" : "=r"(set));
    cr4_given[cpu] = given;
    cr4_set[cpu] = set;
}

/* The vcpu's initial state gets no bit that MOV to CR4 would not: those that
 * the processor lacks would be the end of the hypervisor. */
static void cr4_of_context(void)
{
    give_all(look_at_cr4);
    for (unsigned int i = 1; i < nr_cpus; i++)
        EXPECT_EQ(cr4_given[i], cr4_set[i]);
}

static void down_and_up(void)
{
    uint64_t end = time_now() + 10 * NS_PER_S;

    work[1].leave = true;
    while (smp_is_up(1) != 0 && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT_EQ(smp_is_up(1), 0);
    /* Up again, it goes on after the hypercall, which takes it down again. */
    EXPECT_EQ(smp_up(1), 0);
    end = time_now() + 10 * NS_PER_S;
    while (smp_is_up(1) != 0 && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT_EQ(smp_is_up(1), 0);
}

static volatile unsigned int pausing;

static void pause_here(unsigned int cpu)
{
    (void)cpu;
    pausing = 1;
    smp_down_self();
    pausing = 2;
}

static void down_in_the_middle(void)
{
    uint64_t end = time_now() + 10 * NS_PER_S;

    if (nr_cpus < 3) {
        test_skip("needs three vcpus");
        return;
    }
    pausing = 0;
    give(2, pause_here);
    while ((pausing != 1 || smp_is_up(2) != 0) && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT_EQ(pausing, 1);
    EXPECT_EQ(smp_is_up(2), 0);
    EXPECT_EQ(smp_up(2), 0);
    EXPECT(wait_until(&pausing, 2));
    wait_idle(2);
}

/* --- the second to last vcpu serves the following tests --- */

static unsigned int other; /* a vcpu that runs worker() */

static volatile unsigned int ipis, ipi_cpu;

static void on_ipi(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
    ipi_cpu = this_cpu()->id;
    ipis++;
}

static volatile bool stop_listening;

static void listen(unsigned int cpu)
{
    (void)cpu;
    events_on();
    while (!stop_listening)
        cpu_relax();
    events_off();
}

static void ipi(void)
{
    long port = event_bind_ipi(other);

    EXPECT(port > 0);
    stop_listening = false;
    ipis = 0;
    event_bind((unsigned int)port, on_ipi);
    give(other, listen);
    for (unsigned int i = 1; i <= 20; i++) {
        EXPECT_EQ(event_send((unsigned int)port), 0);
        EXPECT(wait_until(&ipis, i));
        EXPECT_EQ(ipi_cpu, other);
    }
    stop_listening = true;
    wait_idle(other);
    event_close((unsigned int)port);
}

static void event_moved(void)
{
    long a = event_alloc_unbound(DOMID_SELF);
    long b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);
    struct evtchn_bind_vcpu op = {.port = (unsigned int)b, .vcpu = other};

    event_clear((unsigned int)b);
    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_bind_vcpu, &op), 0);
    stop_listening = false;
    ipis = 0;
    event_bind((unsigned int)b, on_ipi);
    give(other, listen);
    EXPECT_EQ(event_send((unsigned int)a), 0);
    EXPECT(wait_until(&ipis, 1));
    EXPECT_EQ(ipi_cpu, other);
    stop_listening = true;
    wait_idle(other);
    event_close((unsigned int)a);
    event_close((unsigned int)b);
}

static volatile unsigned int poll_port, polling;

static void poll_here(unsigned int cpu)
{
    unsigned int port = poll_port;
    struct sched_poll op;

    (void)cpu;
    memset(&op, 0, sizeof(op));
    HANDLE_SET(op.ports, &port);
    op.nr_ports = 1;
    op.timeout = 0;
    polling = 1;
    hc_sched_op(SCHEDOP_poll, &op);
    polling = 2;
}

/* A vcpu that polls a masked port of its own is woken: spinlocks rely on it. */
static void poll_kick(void)
{
    long port = event_bind_ipi(other);

    event_mask((unsigned int)port);
    poll_port = (unsigned int)port;
    for (unsigned int i = 0; i < 20; i++) {
        event_clear((unsigned int)port);
        polling = 0;
        give(other, poll_here);
        EXPECT(wait_until(&polling, 1));
        if (i & 1)
            time_delay(NS_PER_MS);
        EXPECT_EQ(event_send((unsigned int)port), 0);
        EXPECT(wait_until(&polling, 2));
        wait_idle(other);
    }
    event_close((unsigned int)port);
}

/*
 * A vcpu waits for two ports in turn, for each of which another vcpu sends all
 * the time. Who wakes it for one may still be at it when it already waits for
 * the other; that wait must end too.
 */
#define TURNS 3000u

static unsigned int turn_ports[2];
static volatile unsigned int turns;
static volatile bool turns_over;

static void take_turns(unsigned int cpu)
{
    (void)cpu;
    while (turns < TURNS && !turns_over) {
        unsigned int port = turn_ports[turns & 1];
        struct sched_poll op;

        memset(&op, 0, sizeof(op));
        HANDLE_SET(op.ports, &port);
        op.nr_ports = 1;
        while (!event_pending(port))
            hc_sched_op(SCHEDOP_poll, &op);
        event_clear(port);
        turns++;
    }
    turns_over = true;
}

static void send_turns(unsigned int cpu)
{
    (void)cpu;
    while (!turns_over)
        event_send(turn_ports[1]);
}

static void polls_in_turn(void)
{
    unsigned int second = other - 1, seen_turns = 0;
    uint64_t end = time_now() + 5 * NS_PER_S;

    for (unsigned int i = 0; i < 2; i++) {
        turn_ports[i] = (unsigned int)event_bind_ipi(other);
        event_mask(turn_ports[i]);
    }
    turns = 0;
    turns_over = false;
    give(other, take_turns);
    give(second, send_turns);
    while (!turns_over && time_now() < end) {
        event_send(turn_ports[0]);
        if (turns != seen_turns) {
            seen_turns = turns;
            end = time_now() + 5 * NS_PER_S;
        }
    }
    EXPECT_EQ(turns, TURNS);
    turns_over = true;
    wait_idle(second);
    wait_idle(other);
    for (unsigned int i = 0; i < 2; i++)
        event_close(turn_ports[i]);
}

static volatile unsigned int woken;

static void on_timer(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
    ipi_cpu = this_cpu()->id;
    woken++;
}

static void block_here(unsigned int cpu)
{
    (void)cpu;
    timer_stop_periodic();
    timer_set_oneshot(time_now() + 2 * NS_PER_MS, 0);
    hc_sched_op(SCHEDOP_block, NULL);
    events_off();
}

static void timer_of_other(void)
{
    long port = event_bind_virq(VIRQ_TIMER, other);
    struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = 1};

    EXPECT(port > 0);
    woken = 0;
    event_bind((unsigned int)port, on_timer);
    give(other, block_here);
    wait_idle(other);
    EXPECT(woken >= 1);
    EXPECT_EQ(ipi_cpu, other);
    event_close((unsigned int)port);
    /* Only its own vcpu may set it. */
    EXPECT(hc_vcpu_op(VCPUOP_set_singleshot_timer, other, &t) < 0);
}

static void runstates(void)
{
    struct vcpu_runstate_info r;
    uint64_t end = time_now() + 2 * NS_PER_S;

    for (unsigned int i = 0; i < nr_cpus; i++) {
        EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, i, &r), 0);
        EXPECT(r.state >= RUNSTATE_running && r.state <= RUNSTATE_offline);
    }
    do {
        EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 1, &r), 0);
    } while (r.state != RUNSTATE_offline && time_now() < end);
    EXPECT_EQ(r.state, RUNSTATE_offline);
}

/* System time is one for all. */
static volatile uint64_t shared_now;
static volatile unsigned int backwards;

static void compare_clocks(unsigned int cpu)
{
    (void)cpu;
    for (unsigned int i = 0; i < 3000; i++) {
        uint64_t seen = shared_now, now = time_now();

        if (now < seen)
            backwards++;
        shared_now = now;
    }
}

static void clocks_agree(void)
{
    volatile struct vcpu_time_info *t = &this_cpu()->info->time;

    backwards = 0;
    give_all(compare_clocks);
    /* Without the flag a guest takes the maximum itself. */
    if (t->flags & 1)
        EXPECT_EQ(backwards, 0);
}

/* --- translations --- */

static volatile uint64_t *shared_page;
static volatile unsigned int wanted, seen;
static volatile bool stop;

static void watch(unsigned int cpu)
{
    (void)cpu;
    while (!stop) {
        seen = (unsigned int)shared_page[0];
        cpu_relax();
    }
}

/* After a flush for all, no vcpu sees the old frame. */
static void remap_and_flush(void)
{
    uint64_t *pages[2] = {page_alloc(), page_alloc()};
    static const uint64_t flush[] = {UVMF_INVLPG | UVMF_ALL,
                                     UVMF_TLB_FLUSH | UVMF_ALL};

    shared_page = window(4);
    pages[0][0] = 0;
    pages[1][0] = 1;
    EXPECT_EQ(map_page(shared_page, pte_make(virt_to_mfn(pages[0]), KERNEL_RO)),
              0);
    stop = false;
    give(other, watch);
    for (unsigned int i = 1; i < 100; i++) {
        uint64_t pte = pte_make(virt_to_mfn(pages[i & 1]), KERNEL_RO);

        EXPECT_EQ(hc_update_va_mapping(addr(shared_page), pte, flush[i % 2]),
                  0);
        EXPECT(wait_until(&seen, i & 1));
    }
    stop = true;
    wait_idle(other);
    EXPECT_EQ(map_page(shared_page, 0), 0);
    page_free(pages[0]);
    page_free(pages[1]);
}

static volatile unsigned int write_faults, writes;

static bool skip_write(struct regs *r)
{
    if (r->vector != VEC_PF)
        return false;
    write_faults++;
    stop = true;
    r->rip = r->rbx; /* where the writer said */
    return true;
}

static void scribble(unsigned int cpu)
{
    (void)cpu;
    while (!stop) {
        /* Not present, so valid in a table of any level. */
        asm volatile("lea 1f(%%rip), %%rbx\n"
                     "movq %1, 4088(%0)\n1:\n"
                     :
                     : "r"(shared_page), "r"(writes * 2UL)
                     : "rbx", "memory");
        writes++;
    }
}

/*
 * A page that another vcpu writes all the time becomes a page table. The other
 * still has a writable translation unless the hypervisor saw to it; a single
 * write that gets through after the pin is a hole.
 */
static void type_change_flushes(void)
{
    for (unsigned int i = 0; i < 30; i++) {
        uint64_t *page = page_alloc();
        uint64_t mfn = virt_to_mfn(page);

        shared_page = page;
        stop = false;
        write_faults = writes = 0;
        trap_set_hook(skip_write);
        give(other, scribble);
        while (writes < 100)
            hc_sched_op(SCHEDOP_yield, NULL);
        /* Without a flush flag: that is the hypervisor's duty. */
        if (hc_update_va_mapping(addr(page), pte_make(mfn, KERNEL_RO),
                                 UVMF_NONE) == 0) {
            /* An L2: stores to it are not emulated. */
            uint64_t entry;

            EXPECT_EQ(pin_table(2, mfn), 0);
            entry = ((volatile uint64_t *)page)[511];
            time_delay(NS_PER_MS / 2);
            EXPECT_EQ(((volatile uint64_t *)page)[511], entry);
            EXPECT_EQ(unpin_table(mfn), 0);
        }
        stop = true;
        wait_idle(other);
        trap_set_hook(NULL);
        EXPECT_EQ(page_set_rw(page), 0);
        page_free(page);
    }
}

/* --- everybody at once --- */

static void *own_page[KIT_MAX_CPUS];
static volatile unsigned int update_errors;

static void pin_loop(unsigned int cpu)
{
    void *page = own_page[cpu];
    uint64_t mfn = virt_to_mfn(page);

    for (unsigned int i = 0; i < 9; i++) {
        /* Not L4: the hypervisor's entries would stay in the page. */
        if (page_set_ro(page) || pin_table(1 + i % 3, mfn) ||
            unpin_table(mfn) || page_set_rw(page))
            update_errors++;
    }
}

static void pin_by_all(void)
{
    update_errors = 0;
    for (unsigned int i = 0; i < nr_cpus; i++)
        own_page[i] = page_alloc();
    give_all(pin_loop);
    EXPECT_EQ(update_errors, 0);
    for (unsigned int i = 0; i < nr_cpus; i++)
        page_free(own_page[i]);
}

static uint64_t contended_mfn;
static volatile unsigned int pins;

static void pin_contended(unsigned int cpu)
{
    (void)cpu;
    for (unsigned int i = 0; i < 20; i++) {
        if (pin_table(1 + i % 2, contended_mfn) == 0) {
            __atomic_fetch_add(&pins, 1, __ATOMIC_SEQ_CST);
            if (unpin_table(contended_mfn))
                update_errors++;
        }
    }
}

/* One frame, pinned by all on two levels: who succeeds holds it alone. */
static void pin_one_by_all(void)
{
    void *page = page_alloc();

    EXPECT_EQ(page_set_ro(page), 0);
    contended_mfn = virt_to_mfn(page);
    pins = update_errors = 0;
    give_all(pin_contended);
    EXPECT(pins > 0);
    EXPECT_EQ(update_errors, 0);
    EXPECT_EQ(unpin_table(contended_mfn), -XEN_EINVAL);
    EXPECT_EQ(page_set_rw(page), 0);
    page_free(page);
}

static uint64_t *contended_table;
static void *contended_target;

static void update_contended(unsigned int cpu)
{
    uint64_t m = virt_to_maddr(&contended_table[5]);
    uint64_t mfn = virt_to_mfn(contended_target);

    for (unsigned int i = 0; i < 300; i++) {
        uint64_t pte = pte_make(mfn, (i + cpu) & 1 ? KERNEL_RW : KERNEL_RO);

        if (pte_set(m, (i + cpu) % 3 ? pte : 0))
            update_errors++;
    }
}

/* One entry, written by all: the counts of its target come out even. */
static void update_one_by_all(void)
{
    contended_table = page_alloc();
    contended_target = page_alloc();
    EXPECT_EQ(page_set_ro(contended_table), 0);
    EXPECT_EQ(pin_table(1, virt_to_mfn(contended_table)), 0);
    update_errors = 0;
    give_all(update_contended);
    EXPECT_EQ(update_errors, 0);
    EXPECT_EQ(pte_set(virt_to_maddr(&contended_table[5]), 0), 0);
    EXPECT_EQ(page_set_ro(contended_target), 0);
    EXPECT_EQ(pin_table(1, virt_to_mfn(contended_target)), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(contended_target)), 0);
    EXPECT_EQ(page_set_rw(contended_target), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(contended_table)), 0);
    EXPECT_EQ(page_set_rw(contended_table), 0);
    page_free(contended_table);
    page_free(contended_target);
}

static void port_loop(unsigned int cpu)
{
    for (unsigned int i = 0; i < 200; i++) {
        long a = event_alloc_unbound(DOMID_SELF);
        long b = event_bind_interdomain(DOMID_SELF, (unsigned int)a);

        if (a <= 0 || b <= 0 || event_send((unsigned int)a) ||
            event_close((unsigned int)(cpu & 1 ? a : b)) ||
            event_close((unsigned int)(cpu & 1 ? b : a)))
            update_errors++;
    }
}

static void ports_by_all(void)
{
    update_errors = 0;
    give_all(port_loop);
    EXPECT_EQ(update_errors, 0);
}

static void flush_loop(unsigned int cpu)
{
    struct mmuext_op op;
    uint64_t mask = (1UL << nr_cpus) - 1;

    memset(&op, 0, sizeof(op));
    for (unsigned int i = 0; i < 5; i++) {
        op.cmd = i & 1 ? MMUEXT_TLB_FLUSH_MULTI : MMUEXT_INVLPG_MULTI;
        op.arg1.linear_addr = addr(start_info);
        HANDLE_SET(op.arg2.vcpumask, &mask);
        if (hc_mmuext_op(&op, 1, NULL, DOMID_SELF))
            update_errors++;
        op.cmd = MMUEXT_TLB_FLUSH_ALL;
        if (hc_mmuext_op(&op, 1, NULL, DOMID_SELF))
            update_errors++;
    }
    (void)cpu;
}

static void flush_by_all(void)
{
    update_errors = 0;
    give_all(flush_loop);
    EXPECT_EQ(update_errors, 0);
}

static const struct test tests[] = {
    {"vcpu errors", errors},
    {"bring up", bring_up},
    {"all run", all_run},
    {"CR4 of a vcpu's initial state", cr4_of_context},
    {"ipi", ipi},
    {"event moved to another vcpu", event_moved},
    {"poll is woken", poll_kick},
    {"polls in turn", polls_in_turn},
    {"timer of another vcpu", timer_of_other},
    {"clocks agree", clocks_agree},
    {"remap and flush", remap_and_flush},
    {"type change flushes", type_change_flushes},
    {"pin by all", pin_by_all},
    {"pin one frame by all", pin_one_by_all},
    {"update one entry by all", update_one_by_all},
    {"event ports by all", ports_by_all},
    {"flush by all", flush_by_all},
    {"down in the middle", down_in_the_middle},
    {"down and up", down_and_up},
    {"run states", runstates},
};

void kit_main(void)
{
    nr_cpus = smp_count();
    other = nr_cpus - 1;
    events_off();
    timer_stop_periodic();
    if (nr_cpus < 2) {
        printk("TEST smp skip one vcpu only\nRESULT 0 passed 0 failed\n");
        return;
    }
    tests_run(tests, ARRAY_SIZE(tests));
}
