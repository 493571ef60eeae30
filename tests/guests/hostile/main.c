/* SPDX-License-Identifier: MIT */
/*
 * What a guest may try against its hypervisor: bad frames, bad selectors, bad
 * pointers, absurd counts. Nothing here may work, and nothing may hurt: each
 * ends in an error or an exception for the guest. What costs the guest its
 * life is in crash/.
 */
#include <kit/console.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/user.h>

#define NONCANONICAL 0x0000800000000000UL
#define HYPERVISOR   0xffff82d040200000UL

static const unsigned char code_int80[] = {0xcd, 0x80, 0x0f, 0x0b};
static const unsigned char code_syscall[] = {0x0f, 0x05, 0x0f, 0x0b};

/* The hypervisor lives, and serves. */
static void alive(void)
{
    EXPECT_EQ(hc_xen_version(XENVER_version, NULL), (4 << 16) | 17);
}

/* --- frames of the iret hypercall --- */

static struct regs good(void)
{
    return user_regs(user_load(0, code_int80, sizeof(code_int80)));
}

/* Whatever comes back is an exception of user mode, or what its code does. */
static void enter(struct regs *r)
{
    unsigned int vector = user_run(r);

    EXPECT(vector <= VEC_SYSCALL);
    alive();
}

static void frame_rip(void)
{
    static const uint64_t rips[] = {
        NONCANONICAL,
        0x8000000000000000UL,
        0xffff7fffffffffffUL,
        HYPERVISOR,
        0xffff800000000000UL,
        0x00007fffffffffffUL,
        0xffff87ffffffffff,
        ~0UL,
        0,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(rips); i++) {
        struct regs r = good();

        r.rip = rips[i];
        enter(&r);
        EXPECT(r.vector == VEC_GP || r.vector == VEC_PF);
        EXPECT_EQ(r.cs & 3, 3);
    }
}

static void frame_rsp(void)
{
    static const uint64_t rsps[] = {
        NONCANONICAL, 0x8000000000000000UL, HYPERVISOR, 0, ~0UL, 7,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(rsps); i++) {
        struct regs r = good();

        r.rsp = rsps[i];
        enter(&r);
        EXPECT(r.vector == 0x80 || r.vector == VEC_GP || r.vector == VEC_SS);
    }
}

static void frame_cs(void)
{
    static const uint16_t selectors[] = {
        0x0003, 0x000b, 0x1003, 0xe00b, 0xe013, 0xe02b, 0xe043,
        0xe04b, 0xe053, 0xe05b, 0xe063, 0xfffb, 0xffff, 0x0007,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(selectors); i++) {
        struct regs r = good();

        r.cs = selectors[i];
        enter(&r);
        EXPECT(r.vector == VEC_GP || r.vector == VEC_NP);
    }
}

static void frame_ss(void)
{
    static const uint16_t selectors[] = {
        0x0003, 0x000b, 0x1003, 0xe00b, 0xe013, 0xe033,
        0xe043, 0xe053, 0xe063, 0xfffb, 0xffff, 0x0007,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(selectors); i++) {
        struct regs r = good();

        r.ss = selectors[i];
        enter(&r);
        EXPECT(r.vector == VEC_GP || r.vector == VEC_SS || r.vector == VEC_NP ||
               r.vector == 0x80);
    }
}

static void frame_flags(void)
{
    for (unsigned int bit = 0; bit < 64; bit++) {
        struct regs r = good();

        r.rflags ^= 1UL << bit;
        enter(&r);
        EXPECT(r.vector == 0x80 || r.vector == VEC_DB);
        EXPECT_EQ(r.rflags & (RFLAGS_IOPL | RFLAGS_VM), 0);
    }
    for (unsigned int i = 0; i < 2; i++) {
        struct regs r = good();

        r.rflags = i ? ~0UL : 0;
        enter(&r);
        EXPECT(r.vector == 0x80 || r.vector == VEC_DB);
    }
}

/* The same through the path that looks like SYSRET. */
static void go(void *frame)
{
    asm volatile("mov %0, %%rsp; mov %1, %%eax; syscall; ud2"
                 :
                 : "r"(frame), "i"(__HYPERVISOR_iret)
                 : "memory");
}

static void frame_in_syscall(void)
{
    static const uint64_t rips[] = {NONCANONICAL, HYPERVISOR, ~0UL,
                                    0xffff7fffffffffffUL};
    static uint64_t frame[9];
    struct cpu *cpu = this_cpu();

    for (unsigned int i = 0; i < ARRAY_SIZE(rips); i++) {
        uint8_t mask = events_off();

        frame[3] = 1 << 8;
        frame[4] = rips[i];
        frame[5] = USER_CS64;
        frame[6] = RFLAGS_IF | 2;
        frame[7] = rips[i];
        frame[8] = USER_SS;
        context_run(&cpu->user_sp, go, frame);
        cpu->user_sp = 0;
        events_restore(mask);
        EXPECT(cpu->user_out.vector == VEC_GP ||
               cpu->user_out.vector == VEC_PF ||
               cpu->user_out.vector == VEC_SS);
        alive();
    }
}

/* In the frame's unused bits and flags. */
static void frame_random_flags_word(void)
{
    static uint64_t frame[9];
    struct cpu *cpu = this_cpu();
    uint64_t rip = user_load(0, code_int80, sizeof(code_int80));

    for (unsigned int bit = 0; bit < 64; bit++) {
        uint8_t mask = events_off();

        memset(frame, 0, sizeof(frame));
        frame[3] = 1UL << bit;
        frame[4] = rip;
        frame[5] = USER_CS64;
        frame[6] = RFLAGS_IF | 2;
        frame[7] = USER_STACK_TOP;
        frame[8] = USER_SS;
        context_run(&cpu->user_sp, go, frame);
        cpu->user_sp = 0;
        events_restore(mask);
        EXPECT_EQ(cpu->user_out.vector, 0x80);
    }
}

/* --- the end of the low half: SYSCALL's return address is not canonical --- */

#define LAST_PAGE 0x00007ffffffff000UL

static char *last_page;

static void map_last_page(void)
{
    uint64_t *t[4], entry;

    if (last_page)
        return;
    last_page = page_alloc();
    entry = pte_make(virt_to_mfn(last_page), USER_RW);
    for (unsigned int i = 0; i < 3; i++) {
        t[i] = page_alloc();
        t[i][511] = entry;
        entry = pte_make(virt_to_mfn(t[i]), TABLE_FLAGS);
        EXPECT_EQ(page_set_ro(t[i]), 0);
    }
    EXPECT_EQ(pte_set(pte_maddr((void *)LAST_PAGE, 4), entry), 0);
    EXPECT_EQ(pte_set((user_root_mfn() << PAGE_SHIFT) + 255 * 8, entry), 0);
}

static void last_page_user(void)
{
    struct regs r;

    map_last_page();
    memcpy(last_page + 4094, code_syscall, 2);
    r = user_regs(LAST_PAGE + 4094);
    enter(&r);
    if (r.vector == VEC_SYSCALL)
        EXPECT_EQ(r.rip, NONCANONICAL);
    /* Go back to where it says. */
    enter(&r);
    EXPECT(r.vector == VEC_GP || r.vector == VEC_PF);
}

static void call_last(void *arg)
{
    (void)arg;
    asm volatile("jmp *%0"
                 :
                 : "r"(LAST_PAGE + 4094), "a"(__HYPERVISOR_xen_version),
                   "D"(XENVER_version), "S"(0));
}

static void last_page_kernel(void)
{
    map_last_page();
    memcpy(last_page + 4094, code_syscall, 2);
    EXPECT(trap_catch(call_last, NULL));
    EXPECT(trap_last()->regs.vector == VEC_GP ||
           trap_last()->regs.vector == VEC_PF);
    alive();
}

/* --- the kernel's own state at a hypercall --- */

static void hypercall_on_bad_stacks(void)
{
    static const uint64_t rsps[] = {0, NONCANONICAL, HYPERVISOR, ~0UL, 5};
    uint8_t mask = events_off();

    for (unsigned int i = 0; i < ARRAY_SIZE(rsps); i++) {
        uint64_t rc;

        asm volatile("mov %%rsp, %%rbx; mov %2, %%rsp; syscall\n"
                     "mov %%rbx, %%rsp"
                     : "=a"(rc)
                     : "0"(__HYPERVISOR_xen_version), "r"(rsps[i]), "D"(0),
                       "S"(0)
                     : "rbx", "rcx", "r11", "memory");
        EXPECT_EQ(rc, (4 << 16) | 17);
    }
    events_restore(mask);
}

static void hypercall_with_odd_flags(void)
{
    static const uint64_t flags[] = {RFLAGS_DF, RFLAGS_AC, RFLAGS_NT, RFLAGS_ID,
                                     0x8d5};

    for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
        struct xen_feature_info f = {.submap_idx = 0};
        uint64_t rc, after;

        asm volatile("push %3; popf; syscall; pushf; pop %1; push $2; popf"
                     : "=a"(rc), "=&r"(after)
                     : "0"(__HYPERVISOR_xen_version), "r"(flags[i] | 2),
                       "D"(XENVER_get_features), "S"(addr(&f))
                     : "rcx", "r11", "memory", "cc");
        EXPECT_EQ(rc, 0);
        EXPECT(f.submap != 0);
        EXPECT_EQ(after & flags[i], flags[i]);
    }
}

/* MOV SS holds off the debug exception: it then arrives in the hypervisor. */
static void mov_ss_syscall(void)
{
    static volatile uint32_t ss_word = USER_SS;
    uint64_t rc;

    trap_set_hook(NULL);
    hc_set_debugreg(0, addr(&ss_word));
    hc_set_debugreg(7, 0xf0003); /* read or write, 4 bytes */
    trap_last()->count = 0;
    asm volatile("mov %2, %%ss\n"
                 "1: syscall\n2:\n" EXTABLE("1b", "2b") EXTABLE("2b", "2b")
                 : "=a"(rc)
                 : "0"(__HYPERVISOR_xen_version), "m"(ss_word), "D"(0), "S"(0)
                 : "rcx", "r11", "memory");
    hc_set_debugreg(7, 0);
    hc_set_debugreg(6, 0);
    (void)rc;
    alive();
}

static void mov_ss_int3(void)
{
    static volatile uint32_t ss_word = USER_SS;

    hc_set_debugreg(0, addr(&ss_word));
    hc_set_debugreg(7, 0xf0003);
    asm volatile("mov %0, %%ss\n"
                 "1: int3\n2: nop\n3:\n" EXTABLE("1b", "3f")
                     EXTABLE("2b", "3f") "3:\n"
                 :
                 : "m"(ss_word)
                 : "memory");
    hc_set_debugreg(7, 0);
    hc_set_debugreg(6, 0);
    alive();
}

/* Selectors of the hypervisor's own descriptors. */
static void load_selectors(void)
{
    static const uint16_t selectors[] = {0xe008, 0xe010, 0xe013, 0xe043,
                                         0xe053, 0xe00b, 0xfff8, 0x0007};

    for (unsigned int i = 0; i < ARRAY_SIZE(selectors); i++) {
        trap_last()->count = 0;
        asm volatile("1: mov %w0, %%es\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(selectors[i])
                     : "memory");
        EXPECT_EQ(trap_last()->count, 1);
        trap_last()->count = 0;
        asm volatile("1: mov %w0, %%ss\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(selectors[i])
                     : "memory");
        EXPECT_EQ(trap_last()->count, 1);
    }
    asm volatile("mov %w0, %%es" : : "r"(0));
}

static void far_jump(void *target)
{
    asm volatile("ljmp *(%0)" : : "r"(target) : "memory");
}

static void far_jumps(void)
{
    static const uint16_t selectors[] = {0xe008, 0xe019, 0xe043, 0xe050, 0};
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target;

    for (unsigned int i = 0; i < ARRAY_SIZE(selectors); i++) {
        target.offset = 0x400000;
        target.selector = selectors[i];
        EXPECT(trap_catch(far_jump, &target));
        alive();
    }
}

/* --- addresses that a guest must not give --- */

static void segment_bases(void)
{
    static const uint64_t bases[] = {NONCANONICAL, 0x8000000000000000UL,
                                     0xffff7fffffffffffUL};

    for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
        EXPECT_EQ(hc_set_segment_base(SEGBASE_FS, bases[i]), -XEN_EINVAL);
        EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_USER, bases[i]), -XEN_EINVAL);
        EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_KERNEL, bases[i]),
                  -XEN_EINVAL);
    }
    EXPECT_EQ(hc_set_segment_base(9, 0), -XEN_EINVAL);
}

static void trap_table(void)
{
    struct trap_info t[2];

    EXPECT_EQ(hc_set_trap_table((void *)HYPERVISOR), -XEN_EFAULT);
    memset(t, 0, sizeof(t));
    t[0].vector = 0x90;
    t[0].cs = FLAT_KERNEL_CS;
    t[0].address = NONCANONICAL;
    EXPECT_EQ(hc_set_trap_table(t), -XEN_EINVAL);
    alive();
}

static const uint64_t pointers[] = {
    HYPERVISOR,
    0xffff830000000000UL,
    0xffff87fffffffff8UL,
    0xffff7ffffffffff8UL,
    NONCANONICAL,
    0x00007ffffffffff9UL,
    ~7UL,
    ~0UL,
    0xffff800000000000UL,
};

/* Hypercalls whose first argument is a pointer. */
static void pointers_first(void)
{
    static const unsigned int calls[] = {
        __HYPERVISOR_set_trap_table, __HYPERVISOR_mmu_update,
        __HYPERVISOR_set_gdt,        __HYPERVISOR_multicall,
        __HYPERVISOR_mmuext_op,      __HYPERVISOR_platform_op,
        __HYPERVISOR_sysctl,         __HYPERVISOR_domctl,
    };

    for (unsigned int c = 0; c < ARRAY_SIZE(calls); c++) {
        for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++) {
            long rc = hcall4(calls[c], pointers[i], 1, 0, DOMID_SELF);

            if (rc >= 0 && !(calls[c] == __HYPERVISOR_set_trap_table))
                test_fail(__FILE__, __LINE__, "hypercall %u of %lx gives %ld",
                          calls[c], pointers[i], rc);
        }
    }
    trap_init();
}

/* Those with a command first, then a pointer. */
static void pointers_second(void)
{
    static const unsigned int calls[] = {
        __HYPERVISOR_memory_op,      __HYPERVISOR_xen_version,
        __HYPERVISOR_physdev_op,     __HYPERVISOR_event_channel_op,
        __HYPERVISOR_callback_op,    __HYPERVISOR_nmi_op,
        __HYPERVISOR_hvm_op,         __HYPERVISOR_kexec_op,
        __HYPERVISOR_grant_table_op,
    };

    for (unsigned int c = 0; c < ARRAY_SIZE(calls); c++) {
        for (unsigned int cmd = 0; cmd < 48; cmd++) {
            if (calls[c] == __HYPERVISOR_grant_table_op && cmd == 12)
                continue;
            for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++)
                hcall3(calls[c], cmd, pointers[i], 1);
        }
    }
    alive();
}

static void pointers_third(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(pointers); i++) {
        for (unsigned int cmd = 0; cmd < 20; cmd++) {
            if (cmd != VCPUOP_down && cmd != VCPUOP_send_nmi)
                hcall3(__HYPERVISOR_vcpu_op, cmd, 0, pointers[i]);
        }
        EXPECT_EQ(hcall3(__HYPERVISOR_console_io, 0, 16, pointers[i]) > 0, 0);
        hcall4(__HYPERVISOR_update_va_mapping, pointers[i], 0, 0, 0);
        hcall4(__HYPERVISOR_update_va_mapping, addr(window(0)), 0,
               pointers[i] | UVMF_INVLPG | UVMF_MULTI, 0);
    }
    alive();
}

static void absurd_counts(void)
{
    static struct mmu_update u;
    static struct gnttab_query_size q;
    static const unsigned int counts[] = {~0U, 0x7fffffff, 0x80000000};

    for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
        unsigned int done = 0;

        u.ptr = 3;
        hc_mmu_update(&u, counts[i], &done, DOMID_SELF);
        EXPECT_EQ(done, 0);
        hc_multicall((struct multicall_entry *)HYPERVISOR, counts[i]);
        q.dom = DOMID_SELF;
        hc_grant_table_op(99, &q, counts[i]);
        hc_grant_table_op(GNTTABOP_query_size, (void *)HYPERVISOR, counts[i]);
        hc_mmuext_op((struct mmuext_op *)HYPERVISOR, counts[i], &done,
                     DOMID_SELF);
        hc_set_gdt(p2m, counts[i]);
        hc_console_io(CONSOLEIO_write, counts[i], (void *)HYPERVISOR);
    }
    alive();
}

/* --- noise --- */

static uint64_t seed = 88172645463325252UL;

static uint64_t noise(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t noisy_argument(void)
{
    switch (noise() % 6) {
    case 0:
        return noise() % 64;
    case 1:
        return pointers[noise() % ARRAY_SIZE(pointers)];
    case 2:
        return addr(window(0)) + noise() % 4096;
    case 3:
        return 1UL << (noise() % 64);
    default:
        return noise();
    }
}

/* Not those that may rightly stop, replace or move something of ours. */
static bool harmless(uint64_t nr)
{
    switch (nr) {
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_stack_switch:
    case __HYPERVISOR_iret:
    case __HYPERVISOR_sched_op_compat:
    case __HYPERVISOR_multicall:
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_vcpu_op:
    case __HYPERVISOR_set_timer_op:
    case __HYPERVISOR_memory_op:
    case __HYPERVISOR_console_io:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_kexec_op:
    case __HYPERVISOR_platform_op:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_fpu_taskswitch:
        return false;
    default:
        return true;
    }
}

static void random_hypercalls(void)
{
    map_page(window(0), pte_make(virt_to_mfn(page_alloc()), KERNEL_RW));
    for (unsigned int i = 0; i < 20000; i++) {
        uint64_t nr = noise() % 56;

        if (harmless(nr))
            hcall5(nr, noisy_argument(), noisy_argument(), noisy_argument(),
                   noisy_argument(), noisy_argument());
    }
    hc_set_debugreg(7, 0);
    hc_fpu_taskswitch(0);
    alive();
}

static void random_frames(void)
{
    for (unsigned int i = 0; i < 2000; i++) {
        struct regs r = good();

        switch (noise() % 5) {
        case 0:
            r.rip = noisy_argument();
            break;
        case 1:
            r.rsp = noisy_argument();
            break;
        case 2:
            r.cs = noise() | 3;
            break;
        case 3:
            r.ss = noise() | 3;
            break;
        default:
            r.rflags = noise();
            break;
        }
        enter(&r);
    }
}

static const struct test tests[] = {
    {"iret frame: rip", frame_rip},
    {"iret frame: rsp", frame_rsp},
    {"iret frame: cs", frame_cs},
    {"iret frame: ss", frame_ss},
    {"iret frame: rflags", frame_flags},
    {"iret frame: in-syscall flag", frame_in_syscall},
    {"iret frame: flags word", frame_random_flags_word},
    {"system call at the end of the low half", last_page_user},
    {"hypercall at the end of the low half", last_page_kernel},
    {"hypercall on a bad stack", hypercall_on_bad_stacks},
    {"hypercall with odd flags", hypercall_with_odd_flags},
    {"MOV SS, then hypercall", mov_ss_syscall},
    {"MOV SS, then INT3", mov_ss_int3},
    {"hypervisor selectors", load_selectors},
    {"far jumps", far_jumps},
    {"segment bases", segment_bases},
    {"trap table", trap_table},
    {"bad pointers: first argument", pointers_first},
    {"bad pointers: second argument", pointers_second},
    {"bad pointers: third argument", pointers_third},
    {"absurd counts", absurd_counts},
    {"random hypercalls", random_hypercalls},
    {"random frames", random_frames},
};

void kit_main(void)
{
    user_init();
    events_off();
    tests_run(tests, ARRAY_SIZE(tests));
}
