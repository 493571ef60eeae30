/* SPDX-License-Identifier: MIT */
/*
 * Time: the time record, wall clock, timers, run states, and the areas that a
 * vcpu registers.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/vcpu.h>

static volatile unsigned int ticks;
static volatile uint64_t last_tick;
static unsigned int timer_port;

static void tick(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
    last_tick = time_now();
    ticks++;
}

/* Let events in for a while. */
static void wait_open(uint64_t ns)
{
    events_on();
    time_delay(ns);
    events_off();
}

static void quiet(void)
{
    timer_stop_periodic();
    timer_stop_oneshot();
    hc_set_timer_op(0);
    wait_open(NS_PER_MS);
    ticks = 0;
}

/* --- clocks --- */

static void record_valid(void)
{
    volatile struct vcpu_time_info *t = &this_cpu()->info->time;

    EXPECT_EQ(t->version & 1, 0);
    EXPECT(t->tsc_to_system_mul != 0);
    EXPECT(t->system_time != 0);
    EXPECT(t->tsc_shift > -32 && t->tsc_shift < 32);
}

static void monotonic(void)
{
    uint64_t last = time_now();

    for (unsigned int i = 0; i < 20000; i++) {
        uint64_t now = time_now();

        EXPECT(now >= last);
        last = now;
    }
}

/* The clock's own deadline agrees with the clock that is read. */
static void clock_advances(void)
{
    uint64_t start = time_now(), tsc = rdtsc();

    time_delay(10 * NS_PER_MS);
    EXPECT(rdtsc() > tsc);
    EXPECT(time_now() - start < 5 * NS_PER_S);
}

static void wall_clock(void)
{
    volatile struct shared_info *s = shared_info;
    uint64_t sec = ((uint64_t)s->wc_sec_hi << 32) | s->wc_sec;

    EXPECT_EQ(s->wc_version & 1, 0);
    EXPECT(s->wc_nsec < NS_PER_S);
    EXPECT(sec > 1577836800UL); /* 2020 */
    EXPECT(sec < 4102444800UL); /* 2100 */
}

/* --- timers --- */

/* Wait for some ticks; the machine under the test may be a slow one. */
static void wait_ticks(unsigned int count)
{
    uint64_t end = time_now() + 5 * NS_PER_S;

    events_on();
    while (ticks < count && time_now() < end)
        cpu_relax();
    events_off();
    EXPECT(ticks >= count);
}

static void initial_tick(void)
{
    uint64_t start = time_now();

    ticks = 0;
    wait_ticks(6);
    EXPECT(time_now() - start >= 40 * NS_PER_MS);
    EXPECT_EQ(timer_stop_periodic(), 0);
    wait_open(5 * NS_PER_MS);
    ticks = 0;
    wait_open(50 * NS_PER_MS);
    EXPECT_EQ(ticks, 0);
    EXPECT_EQ(timer_stop_periodic(), 0);
}

static void oneshot(void)
{
    uint64_t start;

    quiet();
    start = time_now();
    EXPECT_EQ(timer_set_oneshot(start + 5 * NS_PER_MS, 0), 0);
    wait_open(40 * NS_PER_MS);
    EXPECT_EQ(ticks, 1);
    EXPECT(last_tick >= start + 5 * NS_PER_MS);
}

static void oneshot_past(void)
{
    quiet();
    EXPECT_EQ(timer_set_oneshot(time_now() - NS_PER_MS, 0), 0);
    wait_open(20 * NS_PER_MS);
    EXPECT_EQ(ticks, 1);
    EXPECT_EQ(timer_set_oneshot(1, 0), 0);
    wait_open(20 * NS_PER_MS);
    EXPECT_EQ(ticks, 2);
}

/* The caller may ask to be told instead; the reference fires all the same. */
static void oneshot_past_refused(void)
{
    unsigned int want = 0;
    long rc;

    quiet();
    rc = timer_set_oneshot(time_now() - NS_PER_MS, VCPU_SSHOTTMR_future);
    EXPECT(rc == 0 || rc == -XEN_ETIME);
    want += rc == 0;
    wait_open(10 * NS_PER_MS);
    EXPECT_EQ(ticks, want);
    EXPECT_EQ(timer_set_oneshot(time_now() + NS_PER_MS, VCPU_SSHOTTMR_future),
              0);
    wait_open(20 * NS_PER_MS);
    EXPECT_EQ(ticks, want + 1);
}

static void oneshot_stop(void)
{
    quiet();
    EXPECT_EQ(timer_set_oneshot(time_now() + 50 * NS_PER_MS, 0), 0);
    EXPECT_EQ(timer_stop_oneshot(), 0);
    wait_open(70 * NS_PER_MS);
    EXPECT_EQ(ticks, 0);
    EXPECT_EQ(timer_stop_oneshot(), 0);
}

static void oneshot_moved(void)
{
    uint64_t start;

    quiet();
    start = time_now();
    EXPECT_EQ(timer_set_oneshot(start + 50 * NS_PER_MS, 0), 0);
    EXPECT_EQ(timer_set_oneshot(start + 90 * NS_PER_MS, 0), 0);
    wait_open(130 * NS_PER_MS);
    while (ticks == 0 && time_now() < start + NS_PER_S) /* a busy host */
        wait_open(10 * NS_PER_MS);
    EXPECT_EQ(ticks, 1);
    EXPECT(last_tick >= start + 90 * NS_PER_MS);
}

static void oneshot_errors(void)
{
    struct vcpu_set_singleshot_timer op = {.timeout_abs_ns = 1};

    EXPECT_EQ(hc_vcpu_op(VCPUOP_set_singleshot_timer, 77, &op), -XEN_ENOENT);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_set_singleshot_timer, 0,
                         (void *)0xffff820000000000UL),
              -XEN_EFAULT);
}

static void many_oneshots(void)
{
    quiet();
    for (unsigned int i = 1; i <= 100; i++) {
        timer_set_oneshot(time_now() + 20000, 0);
        events_off();
        hc_sched_op(SCHEDOP_block, NULL);
        events_off();
        EXPECT_EQ(ticks, i);
    }
}

static void periodic(void)
{
    uint64_t start;

    quiet();
    start = time_now();
    EXPECT_EQ(timer_set_periodic(2 * NS_PER_MS), 0);
    wait_ticks(10);
    EXPECT(time_now() - start >= 16 * NS_PER_MS);
    EXPECT_EQ(timer_stop_periodic(), 0);
    EXPECT_EQ(timer_set_periodic(NS_PER_MS - 1), -XEN_EINVAL);
    EXPECT_EQ(timer_set_periodic(0), -XEN_EINVAL);
}

static void set_timer_op(void)
{
    uint64_t start;

    quiet();
    start = time_now();
    EXPECT_EQ(hc_set_timer_op(start + 5 * NS_PER_MS), 0);
    wait_open(40 * NS_PER_MS);
    EXPECT_EQ(ticks, 1);
    EXPECT(last_tick >= start + 5 * NS_PER_MS);
    EXPECT_EQ(hc_set_timer_op(time_now() + 50 * NS_PER_MS), 0);
    EXPECT_EQ(hc_set_timer_op(0), 0);
    wait_open(70 * NS_PER_MS);
    EXPECT_EQ(ticks, 1);
    EXPECT_EQ(hc_set_timer_op(time_now() - NS_PER_MS), 0);
    wait_open(20 * NS_PER_MS);
    EXPECT_EQ(ticks, 2);
}

/* A timer that fires while events are masked is not lost. */
static void fires_while_masked(void)
{
    quiet();
    EXPECT_EQ(timer_set_oneshot(time_now() + NS_PER_MS, 0), 0);
    time_delay(20 * NS_PER_MS);
    EXPECT_EQ(ticks, 0);
    events_on();
    EXPECT_EQ(ticks, 1);
    events_off();
}

/* --- run states --- */

static void runstate(void)
{
    struct vcpu_runstate_info a, b;
    uint64_t sum = 0;

    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &a), 0);
    EXPECT_EQ(a.state, RUNSTATE_running);
    EXPECT(a.state_entry_time <= time_now());
    quiet();
    timer_set_oneshot(time_now() + 50 * NS_PER_MS, 0);
    hc_sched_op(SCHEDOP_block, NULL);
    events_off();
    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &b), 0);
    EXPECT(b.time[RUNSTATE_blocked] >= a.time[RUNSTATE_blocked] + NS_PER_MS);
    EXPECT(b.time[RUNSTATE_running] >= a.time[RUNSTATE_running]);
    for (unsigned int i = 0; i < 4; i++)
        sum += b.time[i];
    EXPECT(sum <= time_now());
    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 77, &a), -XEN_ENOENT);
}

static void runstate_area(void)
{
    static volatile struct vcpu_runstate_info area;
    struct vcpu_register_runstate_memory_area op;
    uint64_t blocked;

    memset(&op, 0, sizeof(op));
    *(uint64_t *)&op = addr(&area);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &op), 0);
    EXPECT_EQ(area.state, RUNSTATE_running);
    EXPECT(area.state_entry_time != 0);
    blocked = area.time[RUNSTATE_blocked];
    quiet();
    timer_set_oneshot(time_now() + 50 * NS_PER_MS, 0);
    hc_sched_op(SCHEDOP_block, NULL);
    events_off();
    EXPECT_EQ(area.state, RUNSTATE_running);
    EXPECT(area.time[RUNSTATE_blocked] >= blocked + NS_PER_MS);
    EXPECT_EQ(area.state_entry_time >> 63, 0);
    *(uint64_t *)&op = 0;
    EXPECT_EQ(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &op), 0);
}

static void runstate_update_flag(void)
{
    EXPECT_EQ(hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag),
              0);
    runstate_area();
    EXPECT_EQ(
        hc_vm_assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0);
}

/* --- areas of the vcpu --- */

static void time_area(void)
{
    static volatile struct vcpu_time_info area;
    struct vcpu_register_time_memory_area op;
    volatile struct vcpu_time_info *t = &this_cpu()->info->time;

    memset(&op, 0, sizeof(op));
    *(uint64_t *)&op = addr(&area);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &op), 0);
    EXPECT_EQ(area.version & 1, 0);
    EXPECT_EQ(area.tsc_to_system_mul, t->tsc_to_system_mul);
    EXPECT_EQ(area.tsc_shift, t->tsc_shift);
    EXPECT(area.system_time != 0);
    *(uint64_t *)&op = 0;
    EXPECT_EQ(hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &op), 0);
}

static long register_info(uint64_t mfn, uint32_t offset)
{
    struct vcpu_register_vcpu_info op;

    memset(&op, 0, sizeof(op));
    op.mfn = mfn;
    op.offset = offset;
    return hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &op);
}

/* The last test: the slot moves once and for all. */
static void vcpu_info_area(void)
{
    char *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);

    events_off();
    EXPECT_EQ(register_info(mfn, 4), -XEN_ENXIO);
    EXPECT_EQ(register_info(mfn, 4096 - 56), -XEN_ENXIO);
    EXPECT_EQ(register_info(mfn, 5000), -XEN_ENXIO);
    EXPECT(register_info(INVALID_MFN, 0) < 0);
    EXPECT(register_info(virt_to_mfn((void *)start_info->pt_base), 0) < 0);
    EXPECT_EQ(register_info(mfn, 128), 0);
    this_cpu()->info = (struct vcpu_info *)(page + 128);
    EXPECT_EQ(this_cpu()->info->evtchn_upcall_mask, 1);
    EXPECT_EQ(this_cpu()->info->evtchn_upcall_pending, 1);
    EXPECT_EQ(this_cpu()->info->evtchn_pending_sel, ~0UL);
    EXPECT(this_cpu()->info->time.tsc_to_system_mul != 0);
    EXPECT_EQ(register_info(mfn, 256), -XEN_EINVAL);
    /* The frame is the hypervisor's to write: it cannot be a table. */
    EXPECT(page_set_ro(page) == 0);
    EXPECT(pin_table(1, mfn) < 0);
    EXPECT(page_set_rw(page) == 0);
    oneshot();
}

static const struct test tests[] = {
    {"time record valid", record_valid},
    {"clock monotonic", monotonic},
    {"clock advances", clock_advances},
    {"wall clock", wall_clock},
    {"tick at start, and its end", initial_tick},
    {"oneshot", oneshot},
    {"oneshot in the past", oneshot_past},
    {"oneshot in the past, refused", oneshot_past_refused},
    {"oneshot stopped", oneshot_stop},
    {"oneshot moved", oneshot_moved},
    {"oneshot errors", oneshot_errors},
    {"100 oneshots", many_oneshots},
    {"periodic", periodic},
    {"set_timer_op", set_timer_op},
    {"fires while masked", fires_while_masked},
    {"run state", runstate},
    {"run state area", runstate_area},
    {"run state area with update flag", runstate_update_flag},
    {"time area", time_area},
    {"vcpu_info area", vcpu_info_area},
};

void kit_main(void)
{
    timer_port = (unsigned int)event_bind_virq(VIRQ_TIMER, 0);
    events_off();
    event_bind(timer_port, tick);
    tests_run(tests, ARRAY_SIZE(tests));
}
