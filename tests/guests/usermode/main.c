/* SPDX-License-Identifier: MIT */
/*
 * User mode: every way from there into the guest kernel and back, 64-bit and
 * compatibility code, segment bases, upcall mask.
 */
#include "user.h"

#include <kit/console.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/user.h>
#include <public/callback.h>

#define LOAD(code)        user_load(0, code, (size_t)(code##_end - code))
#define LOAD_AT(at, code) user_load(at, code, (size_t)(code##_end - code))

/* Run a piece from its start with default registers; the entry is in r. */
#define RUN(r, code)               \
    ({                             \
        r = user_regs(LOAD(code)); \
        user_run(&r);              \
    })

static bool intel;

static void cpuid_vendor(void)
{
    uint32_t a = 0, b, c, d;

    asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    intel = b == 0x756e6547;
}

static struct regs numbered_regs(uint64_t rip)
{
    struct regs r = user_regs(rip);

    r.rax = 0xa1a1a1a1a1a1a1a1;
    r.rbx = 0xb1b1b1b1b1b1b1b1;
    r.rcx = 0xc1c1c1c1c1c1c1c1;
    r.rdx = 0xd1d1d1d1d1d1d1d1;
    r.rsi = 0x5151515151515151;
    r.rdi = 0xd2d2d2d2d2d2d2d2;
    r.rbp = 0xb2b2b2b2b2b2b2b2;
    r.r8 = 0x0808080808080808;
    r.r9 = 0x0909090909090909;
    r.r10 = 0x1010101010101010;
    r.r11 = 0x1111111111111111;
    r.r12 = 0x1212121212121212;
    r.r13 = 0x1313131313131313;
    r.r14 = 0x1414141414141414;
    r.r15 = 0x1515151515151515;
    return r;
}

static void expect_numbered(const struct regs *r)
{
    EXPECT_EQ(r->rax, 0xa1a1a1a1a1a1a1a1);
    EXPECT_EQ(r->rbx, 0xb1b1b1b1b1b1b1b1);
    EXPECT_EQ(r->rdx, 0xd1d1d1d1d1d1d1d1);
    EXPECT_EQ(r->rsi, 0x5151515151515151);
    EXPECT_EQ(r->rdi, 0xd2d2d2d2d2d2d2d2);
    EXPECT_EQ(r->rbp, 0xb2b2b2b2b2b2b2b2);
    EXPECT_EQ(r->r8, 0x0808080808080808);
    EXPECT_EQ(r->r9, 0x0909090909090909);
    EXPECT_EQ(r->r10, 0x1010101010101010);
    EXPECT_EQ(r->r12, 0x1212121212121212);
    EXPECT_EQ(r->r13, 0x1313131313131313);
    EXPECT_EQ(r->r14, 0x1414141414141414);
    EXPECT_EQ(r->r15, 0x1515151515151515);
}

static void syscall_frame(void)
{
    struct regs r = numbered_regs(LOAD(code_syscall));

    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
    expect_numbered(&r);
    EXPECT_EQ(r.rip, USER_BASE + 2);
    EXPECT_EQ(r.rcx, USER_BASE + 2);
    EXPECT_EQ(r.cs & 0xffff, USER_CS64);
    EXPECT_EQ(r.ss, USER_SS);
    EXPECT_EQ(r.rsp, USER_STACK_TOP);
    EXPECT_EQ(r.rflags, RFLAGS_IF | 2);
    EXPECT_EQ(r.r11, RFLAGS_IF | 2);
    EXPECT_EQ(regs_saved_mask(&r), 0);
    EXPECT_EQ(user_last_mask(), 0);
}

static void syscall_flags(void)
{
    struct regs r = user_regs(LOAD(code_syscall));

    r.rflags = RFLAGS_IF | 0xcd7;
    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
    EXPECT_EQ(r.rflags, RFLAGS_IF | 0xcd7);
    EXPECT_EQ(r.r11, RFLAGS_IF | 0xcd7);
}

/* Whatever user mode set, the kernel starts with clean flags. The reference
 * leaves DF as it was, so a kernel clears it. */
static void syscall_clean_flags(void)
{
    struct regs r;

    EXPECT_EQ(
        callback_register(CALLBACKTYPE_syscall, 0, addr((void *)probe_syscall)),
        0);
    EXPECT_EQ(RUN(r, code_syscall_std), VEC_SYSCALL);
    EXPECT(r.rflags & RFLAGS_DF);
    EXPECT_EQ(probed_flags &
                  (RFLAGS_AC | RFLAGS_NT | RFLAGS_TF | RFLAGS_IOPL | RFLAGS_RF),
              0);
    EXPECT_EQ(probed_flags & RFLAGS_IF, RFLAGS_IF);

    r = user_regs(LOAD(code_syscall));
    r.rflags |= RFLAGS_AC;
    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
    EXPECT(r.rflags & RFLAGS_AC);
    EXPECT_EQ(probed_flags & RFLAGS_AC, 0);
    trap_init();
}

static void syscall_masks_events(void)
{
    struct regs r;

    EXPECT_EQ(callback_register(CALLBACKTYPE_syscall, CALLBACKF_mask_events,
                                trap_stub(VEC_SYSCALL)),
              0);
    EXPECT_EQ(RUN(r, code_syscall), VEC_SYSCALL);
    EXPECT_EQ(regs_saved_mask(&r), 0);
    EXPECT_EQ(user_last_mask(), 1);
    EXPECT_EQ(r.rflags & RFLAGS_IF, RFLAGS_IF);
    trap_init();
}

/* iret with IF clear: user mode with events masked, seen in the next frame. */
static void user_masked(void)
{
    struct regs r = user_regs(LOAD(code_syscall));

    r.rflags = 2;
    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
    EXPECT_EQ(regs_saved_mask(&r), 1);
    EXPECT_EQ(r.rflags & RFLAGS_IF, 0);
    EXPECT_EQ(user_last_mask(), 1);

    r = user_regs(LOAD(code_ud2));
    r.rflags = 2;
    EXPECT_EQ(user_run(&r), VEC_UD);
    EXPECT_EQ(regs_saved_mask(&r), 1);
    EXPECT_EQ(r.rflags & RFLAGS_IF, 0);
}

/* Address 0 is no callback; the instruction is then unknown. */
static void syscall_unregistered(void)
{
    struct callback_unregister cb;
    struct regs r;

    memset(&cb, 0, sizeof(cb));
    cb.type = CALLBACKTYPE_syscall;
    EXPECT_EQ(hc_callback_op(CALLBACKOP_unregister, &cb), -XEN_EINVAL);
    EXPECT_EQ(callback_register(CALLBACKTYPE_syscall, 0, 0), 0);
    EXPECT_EQ(RUN(r, code_syscall), VEC_UD);
    EXPECT_EQ(r.rip, USER_BASE);
    EXPECT_EQ(r.cs & 0xffff, USER_CS64);
    trap_init();
    EXPECT_EQ(RUN(r, code_syscall), VEC_SYSCALL);
}

static void int80(void)
{
    struct regs r = numbered_regs(LOAD(code_int80));

    EXPECT_EQ(user_run(&r), 0x80);
    expect_numbered(&r);
    EXPECT_EQ(r.rcx, 0xc1c1c1c1c1c1c1c1);
    EXPECT_EQ(r.r11, 0x1111111111111111);
    EXPECT_EQ(r.rip, USER_BASE + 2);
    EXPECT_EQ(r.cs & 0xffff, USER_CS64);
    EXPECT_EQ(r.ss, USER_SS);
    EXPECT_EQ(r.rsp, USER_STACK_TOP);
    EXPECT_EQ(r.rflags, RFLAGS_IF | 2);
}

static void int80_masks_events(void)
{
    struct regs r;

    trap_register(0x80, 3 | 4);
    EXPECT_EQ(RUN(r, code_int80), 0x80);
    EXPECT_EQ(regs_saved_mask(&r), 0);
    EXPECT_EQ(user_last_mask(), 1);
    trap_init();
}

/* Without a handler it is the #GP that a closed gate gives. */
static void int80_unregistered(void)
{
    struct regs r;

    EXPECT_EQ(hc_set_trap_table(NULL), 0);
    for (uint8_t v = 0; v < 32; v++)
        trap_register(v, 0);
    EXPECT_EQ(RUN(r, code_int80), VEC_GP);
    EXPECT_EQ(r.error, (0x80 << 3) | 2);
    EXPECT_EQ(r.rip, USER_BASE);
    trap_init();
}

static void soft_ints(void)
{
    struct regs r;

    EXPECT_EQ(RUN(r, code_int3), VEC_BP);
    EXPECT_EQ(r.rip, USER_BASE + 1);
    EXPECT_EQ(RUN(r, code_int4), VEC_OF);
    EXPECT_EQ(r.rip, USER_BASE + 2);
    EXPECT_EQ(RUN(r, code_int20), VEC_GP);
    EXPECT_EQ(r.rip, USER_BASE);
    /* 0x202: QEMU's software emulation, see exceptions/. */
    EXPECT(r.error == 0x102 || r.error == 0x202);
}

/* A gate of DPL 1 is open to the kernel only. */
static void kernel_gate(void)
{
    struct regs r;

    trap_register(0x20, 1);
    trap_register(0x40, 1);
    EXPECT_EQ(RUN(r, code_int20), VEC_GP);
    trap_register(0x20, 3);
    trap_register(0x40, 3);
    RUN(r, code_int20);
    EXPECT(r.vector == 0x20 || r.vector == 0x40);
    EXPECT_EQ(r.rip, USER_BASE + 2);
    EXPECT_EQ(hc_set_trap_table(NULL), 0);
    trap_init();
}

static void faults(void)
{
    struct regs r;

    EXPECT_EQ(RUN(r, code_ud2), VEC_UD);
    EXPECT_EQ(r.rip, USER_BASE);
    EXPECT_EQ(r.cs & 0xffff, USER_CS64);
    EXPECT_EQ(RUN(r, code_div), VEC_DE);
    EXPECT_EQ(RUN(r, code_hlt), VEC_GP);
    EXPECT_EQ(r.error, 0);
    EXPECT_EQ(RUN(r, code_cli), VEC_GP);
    EXPECT_EQ(RUN(r, code_in), VEC_GP);
    EXPECT_EQ(RUN(r, code_rdmsr), VEC_GP);
    EXPECT_EQ(r.error, 0);
}

static void fault_masks_events(void)
{
    struct regs r;

    trap_register(VEC_UD, 4);
    EXPECT_EQ(RUN(r, code_ud2), VEC_UD);
    EXPECT_EQ(regs_saved_mask(&r), 0);
    EXPECT_EQ(user_last_mask(), 1);
    trap_register(VEC_UD, 0);
    EXPECT_EQ(RUN(r, code_ud2), VEC_UD);
    EXPECT_EQ(user_last_mask(), 0);
}

/* --- page faults --- */

static void expect_page_fault(const struct regs *r, uint64_t error,
                              uint64_t cr2)
{
    EXPECT_EQ(r->vector, VEC_PF);
    EXPECT_EQ(r->error, error);
    EXPECT_EQ(user_last_cr2(), cr2);
}

static void user_touch(struct regs *r, bool write, uint64_t va)
{
    *r = user_regs(write ? LOAD(code_write) : LOAD(code_read));
    r->rdi = va;
    user_run(r);
}

static uint64_t user_pte_maddr(uint64_t va)
{
    return pte_maddr((void *)va, 1);
}

static void page_faults(void)
{
    uint64_t va = USER_DATA + 5 * PAGE_SIZE;
    uint64_t maddr = user_pte_maddr(va);
    uint64_t mfn = virt_to_mfn(user_view(va));
    struct regs r;

    user_touch(&r, false, va);
    EXPECT_EQ(r.vector, VEC_SYSCALL);
    user_touch(&r, true, va);
    EXPECT_EQ(r.vector, VEC_SYSCALL);

    EXPECT_EQ(map_page((void *)va, 0), 0);
    user_touch(&r, false, va + 4);
    expect_page_fault(&r, PF_USER, va + 4);
    EXPECT_EQ(r.rip, USER_BASE);
    user_touch(&r, true, va + 8);
    expect_page_fault(&r, PF_USER | PF_WRITE, va + 8);

    EXPECT_EQ(pte_set(maddr, pte_make(mfn, USER_RW & ~PTE_RW)), 0);
    user_touch(&r, false, va);
    EXPECT_EQ(r.vector, VEC_SYSCALL);
    user_touch(&r, true, va + 12);
    expect_page_fault(&r, PF_USER | PF_WRITE | PF_PRESENT, va + 12);

    EXPECT_EQ(map_page((void *)va, pte_make(mfn, USER_RW | PTE_NX)), 0);
    r = user_regs(LOAD(code_jump));
    r.rdi = va + 16;
    user_run(&r);
    expect_page_fault(&r, PF_USER | PF_FETCH | PF_PRESENT, va + 16);
    EXPECT_EQ(r.rip, va + 16);
    EXPECT_EQ(map_page((void *)va, pte_make(mfn, USER_RW)), 0);
}

static void kernel_out_of_reach(void)
{
    struct regs r;

    user_touch(&r, false, addr(start_info));
    expect_page_fault(&r, PF_USER, addr(start_info));
    user_touch(&r, true, addr(start_info));
    expect_page_fault(&r, PF_USER | PF_WRITE, addr(start_info));
}

static void hypervisor_out_of_reach(void)
{
    static const uint64_t where[] = {
        0xffff820000000000UL,
        0xffff82d040200000UL,
        0xffff830000000000UL,
        0xffff87fffffff000UL,
    };
    struct regs r;

    for (unsigned int i = 0; i < ARRAY_SIZE(where); i++) {
        user_touch(&r, false, where[i]);
        EXPECT_EQ(r.vector, VEC_PF);
        EXPECT_EQ(r.error & ~(uint64_t)PF_PRESENT, PF_USER);
        EXPECT_EQ(user_last_cr2(), where[i]);
    }
}

static void noncanonical(void)
{
    struct regs r;

    user_touch(&r, false, 0x8000000000000000UL);
    EXPECT_EQ(r.vector, VEC_GP);
    EXPECT_EQ(r.error, 0);
}

/* --- single step --- */

static void single_step(void)
{
    struct regs r = user_regs(LOAD(code_step));

    hc_set_debugreg(6, 0);
    r.rflags |= RFLAGS_TF;
    EXPECT_EQ(user_run(&r), VEC_DB);
    EXPECT_EQ(r.rip, USER_BASE + 1);
    EXPECT(r.rflags & RFLAGS_TF);
    EXPECT_EQ(hc_get_debugreg(6) & 0x4000, 0x4000);
    EXPECT_EQ(user_run(&r), VEC_DB);
    EXPECT_EQ(r.rip, USER_BASE + 2);
    r.rflags &= ~RFLAGS_TF;
    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
}

static void fpu_in_user(void)
{
    struct regs r;

    EXPECT_EQ(hc_fpu_taskswitch(1), 0);
    EXPECT_EQ(RUN(r, code_fninit), VEC_NM);
    EXPECT_EQ(r.rip, USER_BASE);
    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
}

/* --- iret --- */

static void iret_registers(void)
{
    struct regs r = numbered_regs(LOAD(code_int80));

    r.rflags = RFLAGS_IF | 0x8d7;
    EXPECT_EQ(user_run(&r), 0x80);
    EXPECT_EQ(r.rflags, RFLAGS_IF | 0x8d7);
    EXPECT_EQ(r.rcx, 0xc1c1c1c1c1c1c1c1);
    EXPECT_EQ(r.r11, 0x1111111111111111);
}

/* IOPL and VM of the frame are dropped; so are the high bits of cs and ss. */
static void iret_forced_bits(void)
{
    struct regs r = user_regs(LOAD(code_int80));

    r.rflags |= RFLAGS_IOPL;
    r.cs |= 0x5a5a0000UL << 16;
    EXPECT_EQ(user_run(&r), 0x80);
    EXPECT_EQ(r.rflags & RFLAGS_IOPL, 0);
    EXPECT_EQ(r.cs & 0xffff, USER_CS64);
}

static void iret_syscall_flag_go(void *arg)
{
    /* rax, r11, rcx, flags, rip, cs, rflags, rsp, ss */
    const uint64_t *frame = arg;

    asm volatile("mov %0, %%rsp; mov %1, %%eax; syscall; ud2"
                 :
                 : "r"(frame), "i"(__HYPERVISOR_iret)
                 : "memory");
}

/* VGCF_in_syscall: rcx and r11 are those of a SYSRET. */
static void iret_syscall_flag(void)
{
    static uint64_t frame[9];
    struct cpu *cpu = this_cpu();
    uint8_t mask = events_off();

    LOAD(code_int80);
    frame[0] = 0xa1;
    frame[1] = 0xb1;
    frame[2] = 0xc1;
    frame[3] = 1 << 8;
    frame[4] = USER_BASE;
    frame[5] = USER_CS64;
    frame[6] = RFLAGS_IF | 2;
    frame[7] = USER_STACK_TOP;
    frame[8] = USER_SS;
    context_run(&cpu->user_sp, iret_syscall_flag_go, frame);
    cpu->user_sp = 0;
    events_restore(mask);
    EXPECT_EQ(cpu->user_out.vector, 0x80);
    EXPECT_EQ(cpu->user_out.rax, 0xa1);
    EXPECT_EQ(cpu->user_out.rip, USER_BASE + 2);
    EXPECT_EQ(cpu->user_out.rsp, USER_STACK_TOP);
}

/* --- compatibility mode --- */

static void compat_int80(void)
{
    struct regs r = user_regs(LOAD(code32_int80));

    r.cs = USER_CS32;
    EXPECT_EQ(user_run(&r), 0x80);
    EXPECT_EQ(r.rbx, 0x12345678);
    EXPECT_EQ(r.cs & 0xffff, USER_CS32);
    EXPECT_EQ(r.rip, USER_BASE + 7);
}

static void compat_fault(void)
{
    struct regs r = user_regs(LOAD(code32_ud2));

    r.cs = USER_CS32;
    EXPECT_EQ(user_run(&r), VEC_UD);
    EXPECT_EQ(r.cs & 0xffff, USER_CS32);
    EXPECT_EQ(r.rip, USER_BASE);
}

/* SYSCALL from 32-bit code exists on AMD only; QEMU's software emulation has it
 * on all. */
static void compat_syscall(void)
{
    struct regs r = user_regs(LOAD(code32_syscall));

    r.cs = USER_CS32;
    user_run(&r);
    if (intel && r.vector == VEC_UD)
        return;
    EXPECT_EQ(r.vector, VEC_SYSCALL32);
    EXPECT_EQ(r.rbx, 0x12345678);
    EXPECT_EQ(r.cs & 0xffff, USER_CS32);
    EXPECT_EQ(r.ss, USER_SS);
    EXPECT_EQ(r.rip, USER_BASE + 7);
    EXPECT_EQ(r.rsp, USER_STACK_TOP);
}

static void compat_syscall_unregistered(void)
{
    struct regs r = user_regs(LOAD(code32_syscall));

    EXPECT_EQ(callback_register(CALLBACKTYPE_syscall32, 0, 0), 0);
    r.cs = USER_CS32;
    EXPECT_EQ(user_run(&r), VEC_UD);
    EXPECT_EQ(r.rip, USER_BASE + 5);
    trap_init();
}

/* SYSENTER in long mode exists on Intel only. */
static void sysenter(void)
{
    struct regs r;

    RUN(r, code_sysenter);
    if (!intel) {
        EXPECT_EQ(r.vector, VEC_UD);
        EXPECT_EQ(r.rip, USER_BASE);
        return;
    }
    EXPECT_EQ(r.vector, VEC_SYSENTER);
    EXPECT_EQ(r.rip, 0);
    EXPECT_EQ(r.cs & 0xffff, 3);
    EXPECT_EQ(r.ss, USER_SS);
    EXPECT_EQ(r.rsp, 0);
    EXPECT_EQ(r.rflags & RFLAGS_IF, RFLAGS_IF);

    r = user_regs(LOAD(code32_sysenter));
    r.cs = USER_CS32;
    EXPECT_EQ(user_run(&r), VEC_SYSENTER);
}

static void sysenter_unregistered(void)
{
    struct regs r;

    if (!intel) {
        test_skip("no SYSENTER on this processor");
        return;
    }
    EXPECT_EQ(callback_register(CALLBACKTYPE_sysenter, 0, 0), 0);
    EXPECT_EQ(RUN(r, code_sysenter), VEC_GP);
    EXPECT_EQ(r.error, 0);
    trap_init();
}

/* --- the guest's own GDT --- */

#define GDT_CODE64 0x00af9a000000ffffUL /* DPL 0: becomes 3 */
#define GDT_DATA   0x00cff2000000ffffUL
#define GDT_CODE32 0x00cffa000000ffffUL

static uint64_t *gdt;

static void install_gdt(void)
{
    uint64_t frame;

    if (gdt)
        return;
    gdt = page_alloc();
    gdt[4] = GDT_CODE32;
    gdt[5] = GDT_DATA;
    gdt[6] = GDT_CODE64;
    gdt[7] = 0x00cff2400000ffffUL; /* data, base 0x400000 (bits 16..23) */
    frame = virt_to_mfn(gdt);
    EXPECT_EQ(page_set_ro(gdt), 0);
    EXPECT_EQ(hc_set_gdt(&frame, 512), 0);
}

static void guest_gdt(void)
{
    struct regs r;

    install_gdt();
    EXPECT_EQ((gdt[6] >> 45) & 3, 3); /* DPL was raised in place */
    r = user_regs(LOAD(code_int80));
    r.cs = 0x33;
    r.ss = 0x2b;
    EXPECT_EQ(user_run(&r), 0x80);
    EXPECT_EQ(r.cs & 0xffff, 0x33);
    EXPECT_EQ(r.ss, 0x2b);

    r = user_regs(LOAD(code32_int80));
    r.cs = 0x23;
    r.ss = 0x2b;
    EXPECT_EQ(user_run(&r), 0x80);
    EXPECT_EQ(r.cs & 0xffff, 0x23);
    EXPECT_EQ(r.rbx, 0x12345678);
}

/* SYSCALL loses the code segment: the frame has the flat ones. */
static void syscall_from_own_cs(void)
{
    struct regs r;

    install_gdt();
    r = user_regs(LOAD(code_syscall));
    r.cs = 0x33;
    r.ss = 0x2b;
    EXPECT_EQ(user_run(&r), VEC_SYSCALL);
    EXPECT_EQ(r.cs & 0xffff, USER_CS64);
    EXPECT_EQ(r.ss, USER_SS);
}

static void update_descriptor(void)
{
    struct regs r;

    install_gdt();
    EXPECT_EQ(hc_update_descriptor(virt_to_maddr(&gdt[8]), GDT_CODE64), 0);
    EXPECT_EQ(gdt[8] & ~(1UL << 40), GDT_CODE64 | 0x600000000000UL);
    r = user_regs(LOAD(code_int80));
    r.cs = 0x43;
    EXPECT_EQ(user_run(&r), 0x80);
    EXPECT_EQ(r.cs & 0xffff, 0x43);
    EXPECT_EQ(hc_update_descriptor(virt_to_maddr(&gdt[8]), 0), 0);
    EXPECT_EQ(gdt[8], 0);
    /* A TSS and an interrupt gate are refused. */
    EXPECT_EQ(
        hc_update_descriptor(virt_to_maddr(&gdt[8]), 0x0000890000000067UL),
        -XEN_EINVAL);
    EXPECT_EQ(
        hc_update_descriptor(virt_to_maddr(&gdt[8]), 0x00008e0000000000UL),
        -XEN_EINVAL);
    EXPECT_EQ(gdt[8], 0);
    EXPECT_EQ(hc_update_descriptor(virt_to_maddr(&gdt[8]) + 4, 0), -XEN_EINVAL);
}

/* --- segment bases --- */

static volatile uint64_t kernel_word = 0x6b65726e656c;

static uint64_t kernel_gs_word(void)
{
    uint64_t v;

    asm volatile("mov %%gs:0, %0" : "=r"(v));
    return v;
}

static uint64_t kernel_fs_word(void)
{
    uint64_t v;

    asm volatile("mov %%fs:0, %0" : "=r"(v));
    return v;
}

static void gs_bases(void)
{
    uint64_t *user_word = user_view(USER_DATA);
    struct regs r;

    user_word[0] = 0x75736572;
    EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_KERNEL, addr(&kernel_word)), 0);
    EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_USER, USER_DATA), 0);
    EXPECT_EQ(kernel_gs_word(), kernel_word);
    EXPECT_EQ(RUN(r, code_read_gs), VEC_SYSCALL);
    EXPECT_EQ(r.rax, 0x75736572);
    EXPECT_EQ(kernel_gs_word(), kernel_word);
    EXPECT_EQ(RUN(r, code_read_gs), VEC_SYSCALL);
    EXPECT_EQ(r.rax, 0x75736572);
    EXPECT_EQ(RUN(r, code_ud2), VEC_UD);
    EXPECT_EQ(kernel_gs_word(), kernel_word);
}

static void fs_base(void)
{
    uint64_t *user_word = user_view(USER_DATA);
    struct regs r;

    user_word[1] = 0x66736673;
    EXPECT_EQ(hc_set_segment_base(SEGBASE_FS, USER_DATA + 8), 0);
    EXPECT_EQ(RUN(r, code_read_fs), VEC_SYSCALL);
    EXPECT_EQ(r.rax, 0x66736673);
    EXPECT_EQ(kernel_fs_word(), 0x66736673);
}

#define CR4_FSGSBASE (1UL << 16)

static void cr4_set(uint64_t bits)
{
    uint64_t cr4;

    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | bits));
}

/* With CR4.FSGSBASE user mode changes its own base, and its own only. */
static void user_wrgsbase(void)
{
    uint64_t *user_word = user_view(USER_DATA + PAGE_SIZE);
    struct regs r;

    cr4_set(CR4_FSGSBASE);
    user_word[0] = 0x777267;
    hc_set_segment_base(SEGBASE_GS_KERNEL, addr(&kernel_word));
    r = user_regs(LOAD(code_gs_base));
    r.rdi = USER_DATA + PAGE_SIZE;
    user_run(&r);
    if (r.vector == VEC_UD) {
        test_skip("no FSGSBASE");
        return;
    }
    EXPECT_EQ(r.vector, VEC_SYSCALL);
    EXPECT_EQ(r.rax, 0x777267);
    EXPECT_EQ(kernel_gs_word(), kernel_word);
    EXPECT_EQ(RUN(r, code_read_gs), VEC_SYSCALL);
    EXPECT_EQ(r.rax, 0x777267);
}

static void user_selectors(void)
{
    struct regs r;

    install_gdt();
    hc_set_segment_base(SEGBASE_GS_KERNEL, addr(&kernel_word));
    EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0x3b), 0);
    EXPECT_EQ(RUN(r, code_selectors), VEC_SYSCALL);
    EXPECT_EQ(r.rsi & 0xffff, 0x3b);
    EXPECT_EQ(r.r8 & 0xffff, USER_CS64);
    EXPECT_EQ(r.r9 & 0xffff, USER_SS);
    EXPECT_EQ(kernel_gs_word(), kernel_word);
    /* A selector that cannot be loaded becomes null, without an error. */
    EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0x1003), 0);
    EXPECT_EQ(RUN(r, code_selectors), VEC_SYSCALL);
    EXPECT_EQ(r.rsi & 0xffff, 0);
    EXPECT_EQ(kernel_gs_word(), kernel_word);
    EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
}

/* --- events --- */

static volatile unsigned int handled, handled_in_user;

static void handler(unsigned int port, struct regs *r)
{
    (void)port;
    handled++;
    handled_in_user += regs_from_user(r);
}

/* An event that waits while the kernel masks it comes as user mode begins. */
static void event_at_user_entry(void)
{
    long tx = event_alloc_unbound(DOMID_SELF);
    long rx = event_bind_interdomain(DOMID_SELF, (unsigned int)tx);
    uint8_t mask = events_off();
    struct regs r;

    EXPECT(tx > 0 && rx > 0);
    event_clear((unsigned int)rx);
    event_bind((unsigned int)rx, handler);
    handled = handled_in_user = 0;
    EXPECT_EQ(event_send((unsigned int)tx), 0);
    EXPECT_EQ(handled, 0);
    EXPECT_EQ(RUN(r, code_syscall), VEC_SYSCALL);
    EXPECT_EQ(handled, 1);
    EXPECT_EQ(handled_in_user, 1);
    EXPECT_EQ(r.rip, USER_BASE + 2);
    event_close((unsigned int)rx);
    event_close((unsigned int)tx);
    events_restore(mask);
}

static void many_round_trips(void)
{
    struct regs r = user_regs(LOAD(code_syscall));

    for (unsigned int i = 0; i < 1000; i++) {
        r.rip = USER_BASE;
        EXPECT_EQ(user_run(&r), VEC_SYSCALL);
    }
}

static const struct test tests[] = {
    {"syscall: frame", syscall_frame},
    {"syscall: flags", syscall_flags},
    {"syscall: clean flags in the kernel", syscall_clean_flags},
    {"syscall: callback masks events", syscall_masks_events},
    {"syscall: unregistered", syscall_unregistered},
    {"user mode with events masked", user_masked},
    {"int 0x80: frame", int80},
    {"int 0x80: gate masks events", int80_masks_events},
    {"int 0x80: unregistered", int80_unregistered},
    {"int 3, int 4, int n", soft_ints},
    {"int n: gate open to the kernel only", kernel_gate},
    {"faults", faults},
    {"faults: gate masks events", fault_masks_events},
    {"page faults", page_faults},
    {"kernel out of reach", kernel_out_of_reach},
    {"hypervisor out of reach", hypervisor_out_of_reach},
    {"non-canonical address", noncanonical},
    {"single step", single_step},
    {"#NM in user mode", fpu_in_user},
    {"iret: registers", iret_registers},
    {"iret: forced bits", iret_forced_bits},
    {"iret: in-syscall flag", iret_syscall_flag},
    {"32-bit: int 0x80", compat_int80},
    {"32-bit: fault", compat_fault},
    {"32-bit: syscall", compat_syscall},
    {"32-bit: syscall unregistered", compat_syscall_unregistered},
    {"sysenter", sysenter},
    {"sysenter: unregistered", sysenter_unregistered},
    {"guest GDT", guest_gdt},
    {"syscall from own code segment", syscall_from_own_cs},
    {"update_descriptor", update_descriptor},
    {"GS bases of kernel and user", gs_bases},
    {"FS base", fs_base},
    {"user writes its GS base", user_wrgsbase},
    {"user GS selector", user_selectors},
    {"event at entry to user mode", event_at_user_entry},
    {"1000 round trips", many_round_trips},
};

void kit_main(void)
{
    cpuid_vendor();
    user_init();
    tests_run(tests, ARRAY_SIZE(tests));
}
