/* SPDX-License-Identifier: MIT */
/*
 * x87 and vector registers of vcpus and domains that take turns on few CPUs:
 * each has its own, whoever sets the task-switched flag meanwhile, whatever
 * each enabled in XCR0, and what is new has those of a reset.
 *
 * As a control domain of two vcpus, one of which checks its registers all the
 * time; its guests are this kernel too.
 */
#include "image.h"

#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/smp.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#define TURNS 50U /* enough: a lost register is lost in the first */

enum who {
    FIRST,
    SECOND,
    GUEST,
    STEADY,
    RESTORED,
    BEFORE
};

/* Of each vcpu: what it loaded, and what it finds. */
static struct image own[2], found[2];

static void turn(void)
{
    hc_sched_op(SCHEDOP_yield, NULL);
}

static volatile unsigned int nm_count[2];

/* Taking it cleared the flag: once more. */
static bool nm_hook(struct regs *r)
{
    if (r->vector != VEC_NM)
        return false;
    nm_count[this_cpu()->id]++;
    return true;
}

/* Also: from now on, in this test, the task-switched flag may be set. */
static void hold(enum who who)
{
    struct image *mine = &own[this_cpu()->id];

    trap_set_hook(nm_hook);
    image_fill(mine, who);
    image_load(mine);
}

static const char *lost(void)
{
    unsigned int me = this_cpu()->id;

    image_save(&found[me]);
    return image_difference(&own[me], &found[me]);
}

/* Says which registers are not what was loaded. */
#define EXPECT_HELD()                                             \
    do {                                                          \
        const char *lost_ = lost();                               \
        if (lost_)                                                \
            test_fail(__FILE__, __LINE__, "another's %s", lost_); \
    } while (0)

/* --- the second vcpu checks in the background --- */

static volatile bool second_sets_ts, second_sleeps, quit;
static volatile uint64_t second_rounds;
static const char *volatile second_lost;
static struct image second_new;

/* A CPU that runs it takes part in every flush of the builder: slow on QEMU. */
static void sleep_a_while(void)
{
    struct sched_poll poll = {.timeout = time_now() + 5 * NS_PER_MS};

    hc_sched_op(SCHEDOP_poll, &poll);
}

static void second(void *arg)
{
    (void)arg;
    image_enable_components();
    image_save(&second_new);
    hold(SECOND);
    while (!quit) {
        const char *which;

        if (second_sets_ts)
            hc_fpu_taskswitch(1);
        if (second_sleeps)
            sleep_a_while();
        else
            turn();
        which = lost();
        if (which) {
            second_lost = which;
            hold(SECOND);
        }
        second_rounds++;
    }
    hc_fpu_taskswitch(0);
    smp_down_self();
}

/* It had time for a few rounds. */
static void expect_second_well(uint64_t rounds_before)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    while (second_rounds < rounds_before + 5 && time_now() < end)
        turn();
    EXPECT(second_rounds >= rounds_before + 5);
    if (second_lost)
        test_fail(__FILE__, __LINE__, "the other vcpu: another's %s",
                  second_lost);
    second_lost = NULL;
}

static void new_vcpu(void)
{
    static struct image reset;
    const char *which;

    hold(BEFORE);
    EXPECT_EQ(smp_start(1, second, NULL), 0);
    for (unsigned int i = 0; i < TURNS; i++)
        turn();
    EXPECT_HELD();
    image_reset(&reset);
    which = image_difference(&reset, &second_new);
    if (which)
        test_fail(__FILE__, __LINE__, "a new vcpu has another's %s", which);
}

static void keep(bool ts_here, bool ts_there)
{
    uint64_t rounds = second_rounds;

    second_sets_ts = ts_there;
    hold(FIRST);
    for (unsigned int i = 0; i < TURNS; i++) {
        if (ts_here)
            hc_fpu_taskswitch(1);
        turn();
        EXPECT_HELD();
    }
    hc_fpu_taskswitch(0);
    expect_second_well(rounds);
    second_sets_ts = false;
}

static void two_vcpus(void)
{
    keep(false, false);
}

static void ts_set_here(void)
{
    keep(true, false);
}

static void ts_set_there(void)
{
    keep(false, true);
}

static void ts_set_by_both(void)
{
    keep(true, true);
}

/* --- instructions while the task-switched flag is set --- */

static uint32_t mxcsr_now = 0x1f80;
static struct image scratch;

static void use_x87(void)
{
    asm volatile("fnop");
}

static void use_mmx(void)
{
    asm volatile("movq %mm0, %mm0");
}

static void use_sse(void)
{
    asm volatile("movaps %xmm0, %xmm0");
}

static void use_ldmxcsr(void)
{
    asm volatile("ldmxcsr %0" : : "m"(mxcsr_now));
}

static void use_fxsave(void)
{
    asm volatile("fxsave64 %0" : "=m"(scratch));
}

static void use_fxrstor(void)
{
    asm volatile("fxrstor64 %0" : : "m"(own[0]));
}

static void use_vmovaps(void)
{
    asm volatile("vmovaps %ymm0, %ymm0");
}

static void use_vpxor(void)
{
    asm volatile("vpxor %ymm0, %ymm0, %ymm0");
}

static void use_vzeroupper(void)
{
    asm volatile("vzeroupper");
}

static void use_xsave(void)
{
    image_save(&scratch);
}

static void use_xrstor(void)
{
    image_load(&own[0]);
}

static void use_xsaveopt(void)
{
    asm volatile("xsaveopt64 (%0)"
                 :
                 : "r"(scratch.byte), "a"(-1), "d"(-1)
                 : "memory");
}

static void use_xsavec(void)
{
    asm volatile("xsavec64 (%0)"
                 :
                 : "r"(scratch.byte), "a"(-1), "d"(-1)
                 : "memory");
}

#define D1_XSAVEOPT 0x1U
#define D1_XSAVEC   0x2U

/* All raise #NM (SDM vol. 2, each instruction's exceptions). */
static const struct {
    const char *name;
    void (*use)(void);
    uint64_t state; /* that has to be there */
    uint32_t d1;    /* of CPUID leaf 0xd, 1 */
    bool qemu_lacks_it;
} uses[] = {
    {"fnop", use_x87, 0, 0, false},
    {"movq mm", use_mmx, 0, 0, false},
    {"movaps", use_sse, 0, 0, false},
    {"ldmxcsr", use_ldmxcsr, 0, 0, false},
    {"fxsave", use_fxsave, 0, 0, false},
    {"fxrstor", use_fxrstor, 0, 0, false},
    {"vmovaps", use_vmovaps, STATE_AVX, 0, false},
    {"vpxor", use_vpxor, STATE_AVX, 0, false},
    {"vzeroupper", use_vzeroupper, STATE_AVX, 0, false},
    {"xsave", use_xsave, 0, 0, true},
    {"xrstor", use_xrstor, 0, 0, true},
    {"xsaveopt", use_xsaveopt, 0, D1_XSAVEOPT, true},
    {"xsavec", use_xsavec, 0, D1_XSAVEC, true},
};

static void nm_when_flag_is_set(void)
{
    uint32_t d1 = policy_cpuid(0xd, 1).a;

    for (unsigned int i = 0; i < ARRAY_SIZE(uses); i++) {
        unsigned int before = nm_count[0];

        if ((uses[i].state & ~components) || (uses[i].d1 & ~d1))
            continue;
        hold(FIRST);
        hc_fpu_taskswitch(1);
        uses[i].use();
        hc_fpu_taskswitch(0);
        if (nm_count[0] == before)
            printk("note: no #NM for %s\n", uses[i].name);
        if (!uses[i].qemu_lacks_it && nm_count[0] != before + 1)
            test_fail(__FILE__, __LINE__, "%u #NM for %s", nm_count[0] - before,
                      uses[i].name);
    }
}

/* --- XCR0 --- */

/* What is switched off keeps its content, over turns of others that have it. */
static void xcr0_of_each(void)
{
    uint64_t rounds = second_rounds;

    hold(FIRST);
    EXPECT(xcr0_write(STATE_X87 | STATE_SSE));
    for (unsigned int i = 0; i < TURNS; i++) {
        turn();
        EXPECT_EQ(xcr0_read(), STATE_X87 | STATE_SSE);
    }
    EXPECT(xcr0_write(components));
    EXPECT_HELD();
    expect_second_well(rounds);
}

/* A domain to which AVX is not offered cannot use it either. */
static void vex_without_avx(void)
{
    EXPECT(xcr0_write(STATE_X87 | STATE_SSE));
    turn();
    trap_last()->count = 0;
    asm volatile("1: vmovaps %%ymm0, %%ymm0\n2:\n" EXTABLE("1b", "2b")::
                     : "memory");
    EXPECT_EQ(trap_last()->count, 1);
    EXPECT_EQ(trap_last()->regs.vector, VEC_UD);
    EXPECT(xcr0_write(components));
    if (components & STATE_AVX)
        asm volatile("vmovaps %ymm0, %ymm0");
}

static void xcr0_refused(void)
{
    EXPECT(!xcr0_write(0));
    EXPECT(!xcr0_write(components & ~STATE_X87));
    if (components & STATE_AVX)
        EXPECT(!xcr0_write(components & ~STATE_SSE));
    for (unsigned int n = 0; n < 64; n++)
        if (!(components & 1UL << n))
            EXPECT(!xcr0_write(components | 1UL << n));
    EXPECT_EQ(xcr0_read(), components);
}

/* --- in a guest --- */

static struct image at_start;
static uint64_t xcr0_at_start;

static void guest_is_new(void)
{
    static struct image reset;
    const char *which;

    EXPECT_EQ(xcr0_at_start, STATE_X87 | STATE_SSE);
    image_reset(&reset);
    which = image_difference(&reset, &at_start);
    if (which)
        test_fail(__FILE__, __LINE__, "another's %s", which);
}

static void guest_keeps(void)
{
    hold(GUEST);
    for (unsigned int i = 0; i < TURNS; i++) {
        if (i & 1)
            hc_fpu_taskswitch(1);
        turn();
        EXPECT_HELD();
    }
    hc_fpu_taskswitch(0);
}

static const struct test guest_tests[] = {
    {"state of a reset", guest_is_new},
    {"own registers", guest_keeps},
    {"XCR0 refused", xcr0_refused},
    {"VEX without AVX", vex_without_avx},
};

/* A page of the guest that the control domain maps: both are one image. */
static struct {
    volatile uint64_t rounds, errors; /* by the guest */
    volatile bool hold, held;         /* touches no register while held */
    volatile unsigned int who;        /* the pattern to be there */
} steady PAGE_ALIGNED;

/* Loaded once, then only looked at. */
static void be_steady(void)
{
    steady.who = STEADY;
    hold(STEADY);
    for (;;) {
        while (steady.hold)
            steady.held = true;
        steady.held = false;
        image_fill(&own[0], steady.who);
        if (lost())
            steady.errors++;
        steady.rounds++;
    }
}

/* --- guests, seen from the control domain --- */

static struct kit_domain guest;
static unsigned int passed, failed;

static bool build(const char *command_line)
{
    second_sleeps = true;
    EXPECT_EQ(domain_build(&guest, domain_image(), command_line, NULL), 0);
    second_sleeps = false;
    return !test_failed();
}

static void guest_beside(void)
{
    uint64_t rounds = second_rounds;

    second_sets_ts = true;
    hold(FIRST);
    if (!build(""))
        return;
    domain_run_tests(&guest, "guest", 20, &passed, &failed);
    EXPECT_HELD();
    expect_second_well(rounds);
    second_sets_ts = false;
    EXPECT_EQ(domain_destroy(&guest), 0);
}

static __typeof__(&steady) theirs;

static bool steady_begin(void)
{
    if (!build("steady"))
        return false;
    theirs = domain_map(&guest, (unsigned int)virt_to_pfn(&steady), 0);
    EXPECT(theirs != NULL);
    EXPECT_EQ(domain_unpause(&guest), 0);
    return theirs != NULL;
}

static void steady_end(void)
{
    domain_unmap(0);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

static void until(bool (*holds)(uint64_t), uint64_t arg)
{
    uint64_t end = time_now() + 20 * NS_PER_S;

    while (!holds(arg) && time_now() < end)
        turn();
    EXPECT(holds(arg));
}

static bool rounds_done(uint64_t n)
{
    return theirs->rounds >= n;
}

static bool is_held(uint64_t yes)
{
    return theirs->held == (yes != 0);
}

static long pin(unsigned int cpu)
{
    static struct xen_domctl op;
    static uint64_t map;

    memset(&op, 0, sizeof(op));
    map = 1UL << cpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    HANDLE_SET(op.u.vcpuaffinity.cpumap_hard.bitmap, &map);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    return domctl(&op, XEN_DOMCTL_setvcpuaffinity, guest.id);
}

/* It never gives its CPU up; where there are two, it is moved to and fro. */
static void guest_that_spins(void)
{
    uint64_t rounds = second_rounds;
    bool two_cpus;

    if (!steady_begin())
        return;
    two_cpus = pin(1) == 0;
    hold(FIRST);
    for (unsigned int i = 0; i < 6; i++) {
        EXPECT_EQ(pin(i & two_cpus), 0);
        until(rounds_done, theirs->rounds + 3);
        EXPECT_HELD();
    }
    EXPECT_EQ(theirs->errors, 0);
    expect_second_well(rounds);
    steady_end();
}

/* XCR0, all that was ever set in it, and the image. */
static struct {
    uint64_t xcr0, xcr0_accum;
    uint8_t image[PAGE_SIZE - 16];
} ext PAGE_ALIGNED;

static struct image given;

static long extstate(uint32_t cmd, uint64_t *size, uint64_t mask)
{
    static struct xen_domctl op;
    long rc;

    memset(&op, 0, sizeof(op));
    op.u.vcpuextstate.size = *size;
    op.u.vcpuextstate.xfeature_mask = mask;
    if (*size)
        HANDLE_SET(op.u.vcpuextstate.buffer, &ext);
    rc = domctl(&op, cmd, guest.id);
    *size = op.u.vcpuextstate.size;
    if (!mask)
        ext.xcr0_accum = op.u.vcpuextstate.xfeature_mask;
    return rc;
}

static void expect_image(enum who who)
{
    static struct image want, got;
    const char *which;

    memcpy(&got, ext.image, image_size);
    image_fill(&want, who);
    which = image_difference(&want, &got);
    if (which)
        test_fail(__FILE__, __LINE__, "the image has other %s", which);
}

/* What a toolstack takes out is what the guest had; what it gives, the guest
 * finds in its registers. */
static void out_and_in(void)
{
    uint64_t size = 0, mask;

    if (!steady_begin())
        return;
    until(rounds_done, 3);
    theirs->hold = true;
    until(is_held, 1);
    EXPECT_EQ(extstate(XEN_DOMCTL_getvcpuextstate, &size, 0), 0);
    mask = ext.xcr0_accum;
    EXPECT_EQ(extstate(XEN_DOMCTL_getvcpuextstate, &size, mask), 0);
    EXPECT_EQ(ext.xcr0, components);
    EXPECT_EQ(ext.xcr0_accum & components, components);
    expect_image(STEADY);
    EXPECT_EQ(theirs->errors, 0);
    image_fill(&given, RESTORED);
    memcpy(ext.image, &given, image_size);
    theirs->who = RESTORED;
    EXPECT_EQ(extstate(XEN_DOMCTL_setvcpuextstate, &size, 0), 0);
    theirs->hold = false;
    until(rounds_done, theirs->rounds + 3);
    EXPECT_EQ(theirs->errors, 0);
    steady_end();
}

static long pause(bool yes)
{
    static struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    return domctl(&op, yes ? XEN_DOMCTL_pausedomain : XEN_DOMCTL_unpausedomain,
                  guest.id);
}

static long context(uint32_t cmd)
{
    static struct vcpu_guest_context c;
    static struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    HANDLE_SET(op.u.vcpucontext.ctxt, &c);
    return domctl(&op, cmd, guest.id);
}

/* A toolstack that changes one register of a guest that goes on, as after
 * `xl save -c`: what the context has no room for stays. */
static void context_alone(void)
{
    if (!steady_begin())
        return;
    until(rounds_done, 3);
    theirs->hold = true;
    until(is_held, 1);
    EXPECT_EQ(pause(true), 0);
    EXPECT_EQ(context(XEN_DOMCTL_getvcpucontext), 0);
    EXPECT_EQ(context(XEN_DOMCTL_setvcpucontext), 0);
    EXPECT_EQ(pause(false), 0);
    theirs->hold = false;
    until(rounds_done, theirs->rounds + 3);
    EXPECT_EQ(theirs->errors, 0);
    steady_end();
}

#define F1C_AVX (1U << 28)

static long hide_avx(void)
{
    static struct xen_domctl op;
    static struct xen_cpuid_leaf one;
    struct leaf l = policy_cpuid(1, 0);

    memset(&op, 0, sizeof(op));
    one = (struct xen_cpuid_leaf){.leaf = 1,
                                  .subleaf = XEN_CPUID_NO_SUBLEAF,
                                  .a = l.a,
                                  .b = l.b,
                                  .c = l.c & ~F1C_AVX,
                                  .d = l.d};
    op.u.cpu_policy.nr_leaves = 1;
    HANDLE_SET(op.u.cpu_policy.leaves, &one);
    return domctl(&op, XEN_DOMCTL_set_cpu_policy, guest.id);
}

/* As for a guest that has to be able to move to a processor without it. */
static void guest_without_avx(void)
{
    uint64_t size = 0;

    if (!build(""))
        return;
    EXPECT_EQ(hide_avx(), 0);
    EXPECT_EQ(extstate(XEN_DOMCTL_getvcpuextstate, &size, 0), 0);
    image_reset(&given);
    memcpy(ext.image, &given, image_size);
    ext.xcr0 = STATE_X87 | STATE_SSE;
    ext.xcr0_accum = components;
    EXPECT_EQ(extstate(XEN_DOMCTL_setvcpuextstate, &size, 0), -XEN_EINVAL);
    ext.xcr0 = components;
    EXPECT_EQ(extstate(XEN_DOMCTL_setvcpuextstate, &size, 0), -XEN_EINVAL);
    domain_run_tests(&guest, "guest without AVX", 20, &passed, &failed);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

/* --- CPUID --- */

static struct leaf processor_cpuid(uint32_t leaf, uint32_t sub)
{
    struct leaf l = {.a = leaf, .c = sub};

    asm volatile("cpuid" : "+a"(l.a), "=b"(l.b), "+c"(l.c), "=d"(l.d));
    return l;
}

/* Sizes by what is switched on now: what the processor says to a program. */
static void sizes_of_state(void)
{
    EXPECT_EQ(policy_cpuid(0xd, 0).b, processor_cpuid(0xd, 0).b);
    if (policy_cpuid(0xd, 1).a & D1_XSAVEC) {
        EXPECT(policy_cpuid(0xd, 1).b > 0);
        EXPECT_EQ(policy_cpuid(0xd, 1).b, processor_cpuid(0xd, 1).b);
    }
}

static const struct test tests[] = {
    {"CPUID: sizes of state", sizes_of_state},
    {"a new vcpu", new_vcpu},
    {"two vcpus", two_vcpus},
    {"TS set here", ts_set_here},
    {"TS set there", ts_set_there},
    {"TS set by both", ts_set_by_both},
    {"#NM while TS is set", nm_when_flag_is_set},
    {"XCR0 of each", xcr0_of_each},
    {"XCR0 refused", xcr0_refused},
    {"VEX without AVX", vex_without_avx},
    {"a guest beside", guest_beside},
    {"a guest that spins", guest_that_spins},
    {"state out and in", out_and_in},
    {"its context alone", context_alone},
    {"a guest without AVX", guest_without_avx},
};

static void be_guest(void)
{
    xcr0_at_start = xcr0_read();
    image_enable_components();
    image_save(&at_start);
    if (option("steady", NULL, 0))
        be_steady();
    tests_run(guest_tests, ARRAY_SIZE(guest_tests));
}

void kit_main(void)
{
    image_find_components();
    if (!components) {
        printk("TEST fpu skip no XSAVE\nRESULT 0 passed 0 failed\n");
        return;
    }
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        be_guest();
        return;
    }
    printk("note: components %lx in %u bytes\n", components, image_size);
    image_enable_components();
    tests_run_with(tests, ARRAY_SIZE(tests), &passed, &failed);
    quit = true;
    turn();
}
