/* SPDX-License-Identifier: MIT */
/*
 * The iret hypercall takes nine words from the guest and turns them into what
 * IRETQ will load: nothing that a guest writes there may reach ring 0, unmask
 * IOPL, or switch interrupts off.
 */
#include <hostarch.h>

#include <hv/domain.h>
#include <hv/hypercall.h>

#include <asm/pv/bounce.h>
#include <asm/traps.h>

#define KERNEL_RIP 0xffffffff81000000UL

extern unsigned int host_domain_crashes;

static struct domain dom;
static struct vcpu vcpu;
static struct vcpu_info info;
static struct iret_context *f;
static struct cpu_regs *regs;
static unsigned int entered_user;

void pv_enter_user(struct vcpu *v)
{
    entered_user++;
    v->arch.kernel_mode = false;
}

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    memset(&dom, 0, sizeof(dom));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(&info, 0, sizeof(info));
    vcpu.domain = &dom;
    vcpu.vcpu_info = &info;
    vcpu.arch.kernel_mode = true;
    vcpu.arch.kernel_l4 = mfn(1);
    vcpu.arch.user_l4 = mfn(2);
    host_set_current(&vcpu);
    entered_user = host_domain_crashes = 0;
    f = host_guest_alloc(4096);
    *f = (struct iret_context){
        .rax = 0xaa,
        .r11 = 0x11,
        .rcx = 0xcc,
        .rip = KERNEL_RIP,
        .cs = 0x10,
        .rflags = RFLAGS_IF | RFLAGS_ONE,
        .rsp = 0x1000,
        .ss = 0x18,
    };
    regs = guest_cpu_regs();
    memset(regs, 0, sizeof(*regs));
    regs->rsp = (uint64_t)f;
    regs->entry_vector = ENTRY_SYSCALL | ENTRY_SYSRET;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    host_guest_free_all();
    return 0;
}

static void to_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(do_iret(), 0xaa);
    assert_int_equal(entered_user, 0);
    assert_int_equal(regs->rip, KERNEL_RIP);
    assert_int_equal(regs->cs, 0x13);
    assert_int_equal(regs->ss, 0x1b);
    assert_int_equal(regs->rsp, 0x1000);
    assert_int_equal(regs->rcx, 0xcc);
    assert_int_equal(regs->r11, 0x11);
    assert_int_equal(info.evtchn_upcall_mask, 0);
    assert_false(regs->entry_vector & ENTRY_SYSRET);
}

static void to_user_mode(void **state)
{
    (void)state;
    f->cs = 0x33;
    f->ss = 0x2b;
    do_iret();
    assert_int_equal(entered_user, 1);
    assert_int_equal(regs->cs, 0x33);
}

static void in_syscall_leaves_rcx_and_r11(void **state)
{
    (void)state;
    f->flags = VGCF_in_syscall;
    regs->rcx = 1;
    do_iret();
    assert_int_equal(regs->rcx, 1);
    assert_true(regs->entry_vector & ENTRY_SYSRET);
}

static void every_flag(void **state)
{
    (void)state;
    f->rflags = ~0UL;
    do_iret();
    assert_int_equal(regs->rflags & (RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF |
                                     RFLAGS_VIP | ~0x3fffffUL),
                     0);
    assert_true(regs->rflags & RFLAGS_IF);
    setup(state);
    f->rflags = 0;
    do_iret();
    assert_int_equal(regs->rflags, RFLAGS_IF | RFLAGS_ONE);
    assert_int_equal(info.evtchn_upcall_mask, 1);
}

/* Selectors of ring 0 become ring 3; garbage above 16 bits is dropped. */
static void every_selector_is_ring_3(void **state)
{
    static const uint64_t sel[] = {0,      8,      SEL_HV_CS, SEL_HV_DS,
                                   0xfffc, 0xe009, 0x1234,    ~0UL << 2};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(sel); i++) {
        f->cs = f->ss = sel[i];
        regs->rsp = (uint64_t)f;
        vcpu.arch.kernel_mode = true;
        do_iret();
        assert_int_equal(regs->cs & 3, 3);
        assert_int_equal(regs->ss & 3, 3);
        assert_int_equal(regs->cs >> 16, 0);
        assert_int_equal(regs->ss >> 16, 0);
    }
}

static void virtual_iopl_by_assist(void **state)
{
    (void)state;
    f->rflags |= RFLAGS_IOPL;
    do_iret();
    assert_int_equal(vcpu.arch.iopl, 0);
    dom.vm_assist = BIT(VMASST_TYPE_architectural_iopl);
    regs->rsp = (uint64_t)f;
    do_iret();
    assert_int_equal(vcpu.arch.iopl, 3);
    assert_int_equal(regs->rflags & RFLAGS_IOPL, 0);
}

static void unmasks_nmis(void **state)
{
    (void)state;
    vcpu.arch.nmi_masked = vcpu.arch.mce_masked = 1;
    do_iret();
    assert_int_equal(vcpu.arch.nmi_masked, 0);
    assert_int_equal(vcpu.arch.mce_masked, 0);
}

static void user_mode_without_tables(void **state)
{
    (void)state;
    vcpu.arch.user_l4 = INVALID_MFN;
    f->cs = 0x33;
    do_iret();
    assert_int_equal(host_domain_crashes, 1);
    assert_int_equal(entered_user, 0);
}

static void unreadable_frame(void **state)
{
    (void)state;
    regs->rsp = (uint64_t)f + 4096 - 64; /* the ninth word is beyond */
    do_iret();
    assert_int_equal(host_domain_crashes, 1);
    setup(state);
    regs->rsp = HV_VIRT_START + 4096;
    do_iret();
    assert_int_equal(host_domain_crashes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(to_the_kernel),
        TEST(to_user_mode),
        TEST(in_syscall_leaves_rcx_and_r11),
        TEST(every_flag),
        TEST(every_selector_is_ring_3),
        TEST(virtual_iopl_by_assist),
        TEST(unmasks_nmis),
        TEST(user_mode_without_tables),
        TEST(unreadable_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
