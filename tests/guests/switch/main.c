/* SPDX-License-Identifier: MIT */
/*
 * Two vcpus on one CPU: each keeps its own registers of every kind while they
 * take turns, and neither can keep the CPU for itself. Needs a hypervisor
 * started with one CPU and dom0_max_vcpus=2.
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

#define TURNS              100U
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define E1_D_RDTSCP        (1U << 27)

#define GDT_DATA        0x00cff2000000ffffUL
#define OWN_SELECTOR(n) ((uint16_t)((n)*8 | 3))

/* --- both run the same check, each with values of its own --- */

typedef void (*check_t)(unsigned int me);

static check_t volatile job;
static volatile bool job_done, quit;
static volatile unsigned int errors[2];

static void second(void *arg)
{
    (void)arg;
    while (!quit) {
        if (job && !job_done) {
            job(1);
            job_done = true;
        }
        hc_sched_op(SCHEDOP_yield, NULL);
    }
    smp_down_self();
}

static void both(check_t check)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    errors[0] = errors[1] = 0;
    job_done = false;
    job = check;
    check(0);
    while (!job_done && time_now() < end)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT(job_done);
    job = NULL;
    EXPECT_EQ(errors[0], 0);
    EXPECT_EQ(errors[1], 0);
}

static void turn(void)
{
    hc_sched_op(SCHEDOP_yield, NULL);
}

static uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return ((uint64_t)hi << 32) | lo;
}

static void check_bases(unsigned int me)
{
    uint64_t fs = 0x1000000UL * (me + 1), gs = 0x2000000UL * (me + 1);
    uint64_t user = 0x7000000UL * (me + 1);

    hc_set_segment_base(SEGBASE_FS, fs);
    hc_set_segment_base(SEGBASE_GS_KERNEL, gs);
    hc_set_segment_base(SEGBASE_GS_USER, user);
    for (unsigned int i = 0; i < TURNS; i++) {
        turn();
        if (rdmsr(MSR_FS_BASE) != fs || rdmsr(MSR_GS_BASE) != gs ||
            rdmsr(MSR_KERNEL_GS_BASE) != user)
            errors[me]++;
    }
}

static void bases(void)
{
    both(check_bases);
}

static void check_sse(unsigned int me)
{
    uint64_t in[2] = {0x1111111111111111UL * (me + 1), ~(uint64_t)me}, out[2];
    uint32_t mxcsr = me ? 0x1f80 : 0x3f80, mxcsr_out;
    uint16_t control = me ? 0x37f : 0x27f, control_out;

    asm volatile("movups %0, %%xmm0; movups %0, %%xmm15; ldmxcsr %1; fldcw %2"
                 :
                 : "m"(in), "m"(mxcsr), "m"(control));
    for (unsigned int i = 0; i < TURNS; i++) {
        turn();
        asm volatile("movups %%xmm0, %0; stmxcsr %1; fnstcw %2"
                     : "=m"(out), "=m"(mxcsr_out), "=m"(control_out));
        if (memcmp(in, out, 16) || mxcsr != mxcsr_out || control != control_out)
            errors[me]++;
        asm volatile("movups %%xmm15, %0" : "=m"(out));
        if (memcmp(in, out, 16))
            errors[me]++;
    }
    mxcsr = 0x1f80;
    asm volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

static void sse(void)
{
    both(check_sse);
}

/* Registers that a hypercall keeps are kept over a turn of the other. */
static void check_integers(unsigned int me)
{
    uint64_t v = 0x5151515151515151UL * (me + 1);

    for (unsigned int i = 0; i < TURNS; i++) {
        uint64_t bad;

        asm volatile("mov %1, %%rbx; mov %1, %%r12; mov %1, %%r13\n"
                     "mov %1, %%r14; mov %1, %%r15\n"
                     "xor %%edi, %%edi; xor %%esi, %%esi; syscall\n"
                     "xor %1, %%rbx; xor %1, %%r12; xor %1, %%r13\n"
                     "xor %1, %%r14; xor %1, %%r15\n"
                     "or %%r12, %%rbx; or %%r13, %%rbx; or %%r14, %%rbx\n"
                     "or %%r15, %%rbx; mov %%rbx, %0\n"
                     : "=&a"(bad)
                     : "r"(v), "0"(__HYPERVISOR_sched_op)
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
                       "r11", "r12", "r13", "r14", "r15", "memory", "cc");
        if (bad)
            errors[me]++;
    }
}

static void integers(void)
{
    both(check_integers);
}

/* Vcpu 0 has the task-switched flag, the other does not. */
static void check_ts(unsigned int me)
{
    for (unsigned int i = 0; i < TURNS; i++) {
        hc_fpu_taskswitch(me == 0);
        turn();
        trap_last()->count = 0;
        asm volatile("1: fnop\n2:\n" EXTABLE("1b", "2b")::: "memory");
        if (trap_last()->count != (me == 0))
            errors[me]++;
    }
    hc_fpu_taskswitch(0);
}

static void task_switched(void)
{
    both(check_ts);
}

static volatile uint64_t watched;
static volatile unsigned int hits[2];

static bool watch_hook(struct regs *r)
{
    if (r->vector != VEC_DB)
        return false;
    hits[this_cpu()->id]++;
    return true;
}

/* Only the vcpu that set the watchpoint takes the exception. */
static void check_watch(unsigned int me)
{
    if (me == 0) {
        hc_set_debugreg(0, addr(&watched));
        hc_set_debugreg(7, 0xd0003);
    }
    for (unsigned int i = 0; i < TURNS; i++) {
        turn();
        watched = i;
    }
    if (me == 0)
        hc_set_debugreg(7, 0);
}

static void debug_registers(void)
{
    hits[0] = hits[1] = 0;
    trap_set_hook(watch_hook);
    both(check_watch);
    EXPECT_EQ(hits[0], TURNS);
    EXPECT_EQ(hits[1], 0);
}

/* --- TSC_AUX --- */

static const uint32_t *aux_of; /* of each vcpu; 0: as it is after a reset */

/* False if there is no such MSR. */
static bool set_aux(uint32_t value)
{
    trap_last()->count = 0;
    asm volatile("1: wrmsr\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "a"(value), "d"(0), "c"(MSR_TSC_AUX)
                 : "memory");
    return trap_last()->count == 0;
}

static void check_aux(unsigned int me)
{
    uint32_t aux;

    if (aux_of[me] && !set_aux(aux_of[me]))
        errors[me]++;
    for (unsigned int i = 0; i < TURNS; i++) {
        turn();
        asm volatile("rdtscp" : "=c"(aux) : : "rax", "rdx");
        if (aux != aux_of[me])
            errors[me]++;
    }
    if (aux_of[me] && !set_aux(0))
        errors[me]++;
}

/* Programs read it, without a trap: a vcpu that never set it has its own too.
 */
static void tsc_aux(void)
{
    static const uint32_t values[][2] = {{0x1234, 0}, {5, 6}, {0, 0x5678}};
    uint32_t a = 0x80000001, d;

    asm volatile("cpuid" : "+a"(a), "=d"(d) : : "rbx", "rcx");
    if (!(d & E1_D_RDTSCP) || !set_aux(0)) {
        test_skip("no RDTSCP");
        return;
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(values); i++) {
        aux_of = values[i];
        both(check_aux);
    }
}

/* --- descriptor tables --- */

static uint64_t *gdts[2];

static void check_gdt(unsigned int me)
{
    uint64_t frame = virt_to_mfn(gdts[me]);
    uint16_t mine = OWN_SELECTOR(10 + me), others = OWN_SELECTOR(11 - me);
    uint16_t es;

    if (hc_set_gdt(&frame, 512))
        errors[me]++;
    for (unsigned int i = 0; i < TURNS; i++) {
        asm volatile("mov %w0, %%es" : : "r"(mine));
        turn();
        asm volatile("mov %%es, %0" : "=r"(es));
        if (es != mine)
            errors[me]++;
        trap_last()->count = 0;
        asm volatile("1: mov %w0, %%es\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(others)
                     : "memory");
        if (trap_last()->count != 1)
            errors[me]++;
    }
    asm volatile("mov %w0, %%es" : : "r"(0));
    hc_set_gdt(NULL, 0);
}

static void make_gdts(void)
{
    for (unsigned int i = 0; i < 2; i++) {
        if (gdts[i])
            continue;
        gdts[i] = page_alloc();
        gdts[i][10 + i] = GDT_DATA;
        EXPECT_EQ(page_set_ro(gdts[i]), 0);
    }
}

static void own_gdts(void)
{
    make_gdts();
    both(check_gdt);
}

static void check_nothing(unsigned int me)
{
    (void)me;
    for (unsigned int i = 0; i < TURNS; i++)
        turn();
}

/*
 * The descriptor of a loaded selector disappears. When the vcpu comes back to
 * the CPU the selector cannot be loaded: it becomes null, and the failsafe
 * callback learns what it was. A hypervisor that never leaves the CPU in
 * between need not notice.
 */
static void failsafe(void)
{
    uint16_t es = OWN_SELECTOR(10), after;
    uint64_t frame;

    make_gdts();
    frame = virt_to_mfn(gdts[0]);
    failsafe_count = 0;
    EXPECT_EQ(hc_set_gdt(&frame, 512), 0);
    asm volatile("mov %w0, %%es" : : "r"(es));
    EXPECT_EQ(hc_update_descriptor(virt_to_maddr(&gdts[0][10]), 0), 0);
    both(check_nothing);
    asm volatile("mov %%es, %0" : "=r"(after));
    if (failsafe_count == 0) {
        asm volatile("mov %w0, %%es" : : "r"(0));
        hc_set_gdt(NULL, 0);
        test_skip("the vcpu never left its CPU");
        return;
    }
    EXPECT_EQ(failsafe_count, 1);
    EXPECT_EQ(failsafe_last.es & 0xffff, es);
    EXPECT_EQ(failsafe_last.cs & 3, 0);
    EXPECT_EQ(after, 0);
    asm volatile("mov %w0, %%es" : : "r"(0));
    EXPECT_EQ(hc_set_gdt(NULL, 0), 0);
    EXPECT_EQ(hc_update_descriptor(virt_to_maddr(&gdts[0][10]), GDT_DATA), 0);
}

/* --- time on the CPU --- */

static volatile bool stop;
static volatile uint64_t spins;

static void spin(unsigned int me)
{
    if (me == 0)
        return;
    while (!stop)
        spins++;
}

/* The other never gives the CPU up, and yet both make progress. */
static void slices(void)
{
    struct vcpu_runstate_info before, after;
    uint64_t start = time_now(), seen;

    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &before), 0);
    stop = false;
    spins = 0;
    job_done = false;
    job = spin;
    while (time_now() - start < 300 * NS_PER_MS)
        cpu_relax();
    seen = spins;
    EXPECT(seen > 0);
    EXPECT_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &after), 0);
    /* As control domain there is one CPU for both, see run.py. */
    if (start_info->flags & SIF_INITDOMAIN)
        EXPECT(after.time[RUNSTATE_runnable] > before.time[RUNSTATE_runnable]);
    EXPECT(after.time[RUNSTATE_running] > before.time[RUNSTATE_running]);
    stop = true;
    while (!job_done && time_now() - start < 20 * NS_PER_S)
        hc_sched_op(SCHEDOP_yield, NULL);
    EXPECT(job_done);
    job = NULL;
}

static void tick(unsigned int port, struct regs *r)
{
    (void)port;
    (void)r;
}

/* A sleeper is back soon after its timer, though the other only spins. */
static void wake_latency(void)
{
    long port = event_bind_virq(VIRQ_TIMER, 0);
    uint64_t worst = 0;

    stop = false;
    job_done = false;
    job = spin;
    timer_stop_periodic();
    event_bind((unsigned int)port, tick);
    for (unsigned int i = 0; i < 10; i++) {
        uint64_t deadline = time_now() + 5 * NS_PER_MS, late;

        timer_set_oneshot(deadline, 0);
        while (time_now() < deadline) { /* an old tick may wake it first */
            hc_sched_op(SCHEDOP_block, NULL);
            events_off();
        }
        late = time_now() - deadline;
        if (late > worst)
            worst = late;
    }
    stop = true;
    if (worst >= NS_PER_S)
        test_fail(__FILE__, __LINE__, "%lu ms late", worst / NS_PER_MS);
    while (!job_done)
        hc_sched_op(SCHEDOP_yield, NULL);
    job = NULL;
    event_close((unsigned int)port);
}

static const struct test tests[] = {
    {"segment bases", bases},
    {"SSE and x87", sse},
    {"integer registers", integers},
    {"task switched flag", task_switched},
    {"debug registers", debug_registers},
    {"TSC_AUX", tsc_aux},
    {"own GDTs", own_gdts},
    {"failsafe callback", failsafe},
    {"time slices", slices},
    {"wake latency", wake_latency},
};

void kit_main(void)
{
    events_off();
    timer_stop_periodic();
    if (smp_count() != 2 || smp_start(1, second, NULL)) {
        printk("TEST switch skip needs two vcpus\nRESULT 0 passed 0 failed\n");
        return;
    }
    tests_run(tests, ARRAY_SIZE(tests));
    quit = true;
    turn();
}
