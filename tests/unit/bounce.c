/* SPDX-License-Identifier: MIT */
/*
 * The frames on which a guest kernel is entered. Linux pops them blindly: a
 * word out of place is a crash, a wrong mask bit a lost interrupt.
 */
#include <hostarch.h>

#include <hv/arch.h>
#include <hv/domain.h>

#include <asm/pv/bounce.h>
#include <asm/pv/desc.h>
#include <asm/pv/emulate.h>
#include <asm/pv/fault.h>
#include <asm/traps.h>

#define HANDLER   0xffffffff81001000UL
#define USER_RIP  0x401000UL
#define FLAGS     (RFLAGS_IF | RFLAGS_ONE | RFLAGS_ZF)
#define STACK_LEN 8192

extern unsigned int host_domain_crashes;

static struct domain dom;
static struct vcpu vcpu;
static struct vcpu_info info;
static struct pv_trap traps[256];
static char *stack;
static unsigned int entered_kernel;

void pv_enter_kernel(struct vcpu *v)
{
    entered_kernel++;
    v->arch.kernel_mode = true;
}

enum fault_way pv_fault_ud(struct vcpu *v, struct cpu_regs *r)
{
    return pv_bounce_ud(v, r);
}

static struct cpu_regs *regs;

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    memset(&dom, 0, sizeof(dom));
    memset(&vcpu, 0, sizeof(vcpu));
    memset(&info, 0, sizeof(info));
    memset(traps, 0, sizeof(traps));
    vcpu.domain = &dom;
    vcpu.vcpu_info = &info;
    vcpu.arch.trap_table = traps;
    host_set_current(&vcpu);
    stack = host_guest_alloc(STACK_LEN);
    pv_set_kernel_stack(&vcpu, 0, (uint64_t)stack + STACK_LEN);
    entered_kernel = host_domain_crashes = 0;
    regs = guest_cpu_regs();
    *regs = (struct cpu_regs){
        .rip = USER_RIP,
        .cs = 0x33,
        .rflags = FLAGS,
        .rsp = 0x7fff0000,
        .ss = 0x2b,
        .rcx = 0xcc,
        .r11 = 0x11,
    };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    host_guest_free_all();
    return 0;
}

static const uint64_t *frame(void)
{
    return (const uint64_t *)regs->rsp;
}

static void exception_from_user_mode(void **state)
{
    (void)state;
    traps[X86_TRAP_GP] = (struct pv_trap){HANDLER, 0xe033, 0};
    pv_inject_exception(X86_TRAP_GP, 0x18);
    assert_int_equal(entered_kernel, 1);
    assert_int_equal(regs->rsp, (uint64_t)stack + STACK_LEN - 64);
    assert_int_equal(frame()[0], 0xcc);
    assert_int_equal(frame()[1], 0x11);
    assert_int_equal(frame()[2], 0x18);
    assert_int_equal(frame()[3], USER_RIP);
    assert_int_equal(frame()[4], 0x33);
    assert_int_equal(frame()[5], FLAGS);
    assert_int_equal(frame()[6], 0x7fff0000);
    assert_int_equal(frame()[7], 0x2b);
    assert_int_equal(regs->rip, HANDLER);
    assert_int_equal(regs->cs, SEL_RING3_CS64);
    assert_int_equal(regs->ss, SEL_RING3_DS);
    assert_true(regs->entry_vector & ENTRY_SYSRET);
    assert_int_equal(info.evtchn_upcall_mask, 0);
}

static void exception_in_the_kernel_hides_ring_3(void **state)
{
    (void)state;
    traps[X86_TRAP_UD] = (struct pv_trap){HANDLER, 0xe033, 0};
    vcpu.arch.kernel_mode = true;
    regs->cs = 0x13;
    regs->rsp = (uint64_t)stack + 4096 + 8; /* to be aligned */
    pv_inject_exception(X86_TRAP_UD, PV_NO_ERROR);
    assert_int_equal(entered_kernel, 0);
    assert_int_equal(regs->rsp, (uint64_t)stack + 4096 - 56);
    assert_int_equal(frame()[2], USER_RIP);
    assert_int_equal(frame()[3], 0x10);
    assert_int_equal(frame()[5], (uint64_t)stack + 4096 + 8);
}

/* The mask as it was goes into the frame, then events are masked. */
static void event_upcall_masks(void **state)
{
    (void)state;
    vcpu.arch.event_callback = HANDLER;
    vcpu.arch.kernel_mode = true;
    regs->rsp = vcpu.arch.kernel_stack;
    info.evtchn_upcall_pending = 1;
    pv_deliver_pending(&vcpu);
    assert_int_equal(regs->rip, HANDLER);
    assert_int_equal(info.evtchn_upcall_mask, 1);
    assert_int_equal(frame()[3] >> 32, 0);
    assert_true(frame()[4] & RFLAGS_IF);
    /* Masked now: nothing more is delivered. */
    regs->rip = 1;
    pv_deliver_pending(&vcpu);
    assert_int_equal(regs->rip, 1);
}

static void masked_kernel_sees_no_if(void **state)
{
    (void)state;
    traps[X86_TRAP_BP] = (struct pv_trap){HANDLER, 0xe033, 0};
    vcpu.arch.kernel_mode = true;
    regs->rsp = vcpu.arch.kernel_stack;
    info.evtchn_upcall_mask = 1;
    pv_inject_exception(X86_TRAP_BP, PV_NO_ERROR);
    assert_int_equal(frame()[3] >> 32, 1);
    assert_false(frame()[4] & RFLAGS_IF);
    assert_int_equal(info.evtchn_upcall_mask, 1);
}

static void interrupt_gate_masks_and_trap_gate_does_not(void **state)
{
    (void)state;
    traps[X86_TRAP_DB] = (struct pv_trap){HANDLER, 0xe033, 4};
    pv_inject_exception(X86_TRAP_DB, PV_NO_ERROR);
    assert_int_equal(info.evtchn_upcall_mask, 1);
}

static void flags_on_entry(void **state)
{
    (void)state;
    traps[X86_TRAP_DE] = (struct pv_trap){HANDLER, 0xe033, 0};
    regs->rflags =
        FLAGS | RFLAGS_AC | RFLAGS_NT | RFLAGS_TF | RFLAGS_RF | RFLAGS_DF;
    pv_inject_exception(X86_TRAP_DE, PV_NO_ERROR);
    assert_int_equal(regs->rflags, FLAGS | RFLAGS_DF);
    assert_true(frame()[4] & RFLAGS_TF);
}

static void virtual_iopl_only_by_assist(void **state)
{
    (void)state;
    traps[X86_TRAP_DE] = (struct pv_trap){HANDLER, 0xe033, 0};
    arch_set_iopl(&vcpu, 3);
    pv_inject_exception(X86_TRAP_DE, PV_NO_ERROR);
    assert_int_equal(frame()[4] & RFLAGS_IOPL, 0);
    setup(state);
    traps[X86_TRAP_DE] = (struct pv_trap){HANDLER, 0xe033, 0};
    dom.vm_assist = BIT(VMASST_TYPE_architectural_iopl);
    arch_set_iopl(&vcpu, 3);
    pv_inject_exception(X86_TRAP_DE, PV_NO_ERROR);
    assert_int_equal(frame()[4] & RFLAGS_IOPL, RFLAGS_IOPL);
}

static void page_fault_tells_the_mode(void **state)
{
    (void)state;
    traps[X86_TRAP_PF] = (struct pv_trap){HANDLER, 0xe033, 4};
    pv_inject_page_fault(PFEC_P | PFEC_W | PFEC_U, 0x1234);
    assert_int_equal(frame()[2], PFEC_P | PFEC_W | PFEC_U);
    assert_int_equal(info.arch.cr2, 0x1234);
    /* In kernel mode the processor says U as well, the guest must not. */
    vcpu.arch.kernel_mode = true;
    pv_inject_page_fault(PFEC_U | PFEC_RSVD, 0x5678);
    assert_int_equal(frame()[2], 0);
}

static void system_call(void **state)
{
    (void)state;
    vcpu.arch.syscall_callback = HANDLER;
    regs->entry_vector = ENTRY_SYSCALL | ENTRY_SYSRET;
    regs->rflags |= RFLAGS_DF;
    pv_syscall(&vcpu, regs);
    assert_int_equal(regs->rip, HANDLER);
    assert_false(regs->rflags & RFLAGS_DF);
    assert_int_equal(frame()[2], USER_RIP);
}

static void system_call_without_callback(void **state)
{
    (void)state;
    traps[X86_TRAP_UD] = (struct pv_trap){HANDLER + 1, 0xe033, 0};
    regs->entry_vector = ENTRY_SYSCALL;
    pv_syscall(&vcpu, regs);
    assert_int_equal(regs->rip, HANDLER + 1);
    assert_int_equal(frame()[2], USER_RIP - 2);
}

static void sysenter_without_callback(void **state)
{
    (void)state;
    traps[X86_TRAP_GP] = (struct pv_trap){HANDLER + 2, 0xe033, 0};
    regs->entry_vector = ENTRY_SYSENTER;
    pv_syscall(&vcpu, regs);
    assert_int_equal(regs->rip, HANDLER + 2);
    assert_int_equal(frame()[2], 0);
}

static void failsafe_frame(void **state)
{
    (void)state;
    const uint16_t sel[] = {1, 2, 3, 4};

    vcpu.arch.failsafe_callback = HANDLER;
    vcpu.arch.failsafe_masks = true;
    pv_failsafe(&vcpu, sel);
    assert_int_equal(regs->rsp, (uint64_t)stack + STACK_LEN - 88);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(frame()[2 + i], sel[i]);
    assert_int_equal(frame()[6], USER_RIP);
    assert_int_equal(frame()[10], 0x2b);
    assert_int_equal(info.evtchn_upcall_mask, 1);
}

static void nmi_waits_for_iret(void **state)
{
    (void)state;
    traps[X86_TRAP_NMI] = (struct pv_trap){HANDLER, 0xe033, 0};
    vcpu.arch.nmi_pending = 1;
    vcpu.arch.nmi_masked = 1;
    pv_deliver_pending(&vcpu);
    assert_int_equal(regs->rip, USER_RIP);
    vcpu.arch.nmi_masked = 0;
    pv_deliver_pending(&vcpu);
    assert_int_equal(regs->rip, HANDLER);
    assert_int_equal(vcpu.arch.nmi_masked, 1);
    assert_int_equal(vcpu.arch.nmi_pending, 0);
}

static void no_handler_ends_the_domain(void **state)
{
    (void)state;
    pv_inject_exception(X86_TRAP_GP, 0);
    assert_int_equal(host_domain_crashes, 1);
    assert_int_equal(regs->rip, USER_RIP);
}

static void bad_stack_ends_the_domain(void **state)
{
    (void)state;
    static const uint64_t bad[] = {0, 64, HV_VIRT_START + 4096,
                                   HV_VIRT_END - 64, 0x0000800000000000};

    traps[X86_TRAP_GP] = (struct pv_trap){HANDLER, 0xe033, 0};
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        host_domain_crashes = 0;
        vcpu.arch.kernel_mode = false;
        pv_set_kernel_stack(&vcpu, 0, bad[i]);
        regs->rip = USER_RIP;
        pv_inject_exception(X86_TRAP_GP, 0);
        assert_int_equal(host_domain_crashes, 1);
        assert_int_equal(regs->rip, USER_RIP);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exception_from_user_mode),
        TEST(exception_in_the_kernel_hides_ring_3),
        TEST(event_upcall_masks),
        TEST(masked_kernel_sees_no_if),
        TEST(interrupt_gate_masks_and_trap_gate_does_not),
        TEST(flags_on_entry),
        TEST(virtual_iopl_only_by_assist),
        TEST(page_fault_tells_the_mode),
        TEST(system_call),
        TEST(system_call_without_callback),
        TEST(sysenter_without_callback),
        TEST(failsafe_frame),
        TEST(nmi_waits_for_iret),
        TEST(no_handler_ends_the_domain),
        TEST(bad_stack_ends_the_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
