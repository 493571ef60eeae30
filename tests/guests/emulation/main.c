/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions of the guest kernel, emulated: control registers,
 * MSRs, CPUID, port I/O. What is not emulated is #GP.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/port.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/trap.h>
#include <public/physdev.h>

#define MSR_APIC_BASE      0x1b
#define MSR_PAT            0x277
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_SYSENTER_EIP   0x176
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define CR0_TS       0x8UL
#define CR0_AM       0x40000UL
#define CR4_TSD      (1UL << 2)
#define CR4_OSXSAVE  (1UL << 18)
#define CR4_FSGSBASE (1UL << 16)

/* Run one instruction; a fault is noted in faulted() and skipped. */
#define TRY(insn, ...)                                                     \
    do {                                                                   \
        trap_last()->count = 0;                                            \
        asm volatile("1: " insn "\n2:\n" EXTABLE("1b", "2b") __VA_ARGS__); \
    } while (0)

static bool faulted(void)
{
    return trap_last()->count != 0;
}

static void expect_gp(void)
{
    EXPECT_EQ(trap_last()->count, 1);
    EXPECT_EQ(trap_last()->regs.vector, VEC_GP);
    EXPECT_EQ(trap_last()->regs.error, 0);
}

static uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo = 0, hi = 0;

    TRY("rdmsr", : "+a"(lo), "+d"(hi) : "c"(msr));
    return ((uint64_t)hi << 32) | lo;
}

static void wrmsr(uint32_t msr, uint64_t v)
{
    TRY("wrmsr", : : "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(msr));
}

struct leaf {
    uint32_t a, b, c, d;
};

static struct leaf forced_cpuid(uint32_t leaf, uint32_t sub)
{
    struct leaf l = {leaf, 0, sub, 0};

    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
                 : "+a"(l.a), "=b"(l.b), "+c"(l.c), "=d"(l.d));
    return l;
}

/* --- MSRs --- */

static void msr_read(void)
{
    uint64_t efer;

    efer = rdmsr(MSR_EFER);
    EXPECT(!faulted());
    EXPECT_EQ(efer & 0xd01, 0xd01);
    EXPECT_EQ(efer & (1UL << 12), 0); /* SVME */
    EXPECT_EQ(rdmsr(MSR_PAT), 0x050100070406UL);
    EXPECT(!faulted());
    EXPECT_EQ(rdmsr(MSR_APIC_BASE) & ~0x100UL, 0xfee00800UL);
    EXPECT(!faulted());
}

static void msr_unknown(void)
{
    static const uint32_t msrs[] = {0x4b564d00, 0xdeadbeef, 0x12345, 0xc0000104,
                                    0x3b};

    for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
        rdmsr(msrs[i]);
        expect_gp();
        wrmsr(msrs[i], 0);
        expect_gp();
    }
}

static bool is_intel(void)
{
    return forced_cpuid(0, 0).b == 0x756e6547; /* "Genu" */
}

/* What kernels read on the processors of one maker: harmless values there, no
 * register at all on the others'. */
static void msr_of_makers(void)
{
    static const struct {
        uint32_t msr;
        bool intel;
        uint64_t value;
    } msrs[] = {
        {0x3a, true, 1}, /* feature control: locked */
        {0x140, true, 0},
        {0x198, true, 0},
        {0x199, true, 0},
        {0x19c, true, 0},
        {0x345, true, 0},
        {0xc0011029, false, 2}, /* DE_CFG: LFENCE serialises */
        {0xc0010015, false, 0},
        {0xc0010010, false, 0},
        {0xc001001f, false, 0},
        {0xc0010058, false, 0},
        {0xc0010061, false, 0},
        {0xc0010063, false, 0},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
        uint64_t value = rdmsr(msrs[i].msr);

        if (msrs[i].intel != is_intel())
            expect_gp();
        else if (faulted() || value != msrs[i].value)
            test_fail(__FILE__, __LINE__, "MSR %x: %lx", msrs[i].msr, value);
    }
    EXPECT_EQ(rdmsr(0x179), 0); /* no banks of machine checks */
    EXPECT(!faulted());
}

/* Values that may be written back, and what may not be changed. */
static void msr_writes_without_effect(void)
{
    wrmsr(MSR_PAT, 0x050100070406UL);
    EXPECT(!faulted());
    wrmsr(MSR_PAT, 0);
    expect_gp();
    EXPECT_EQ(rdmsr(MSR_PAT), 0x050100070406UL);
    wrmsr(0x17a, 5); /* MCG_STATUS */
    EXPECT(!faulted());
    EXPECT_EQ(rdmsr(0x17a), 0);
    wrmsr(0x199, 0x1234); /* PERF_CTL, of Intel */
    EXPECT_EQ(faulted(), !is_intel());
    wrmsr(0xc0010015, 0); /* HWCR, of AMD */
    EXPECT_EQ(faulted(), is_intel());
}

static void msr_entry_points(void)
{
    wrmsr(MSR_LSTAR, addr(start_info));
    expect_gp();
    wrmsr(MSR_STAR, 0);
    expect_gp();
    wrmsr(MSR_SYSENTER_EIP, addr(start_info));
    if (faulted())
        expect_gp();
    /* This very call proves that LSTAR was not changed. */
    EXPECT_EQ(hc_xen_version(XENVER_version, NULL), (4 << 16) | 17);
}

static void msr_efer_write(void)
{
    uint64_t efer = rdmsr(MSR_EFER);

    wrmsr(MSR_EFER, efer);
    EXPECT(!faulted());
    wrmsr(MSR_EFER, efer & ~0x100UL); /* LME */
    expect_gp();
    EXPECT_EQ(rdmsr(MSR_EFER), efer);
}

static uint64_t word_a = 0xaaaa, word_b = 0xbbbb;

static void msr_bases(void)
{
    uint64_t v;

    wrmsr(MSR_GS_BASE, addr(&word_a));
    EXPECT(!faulted());
    asm volatile("mov %%gs:0, %0" : "=r"(v));
    EXPECT_EQ(v, word_a);
    EXPECT_EQ(rdmsr(MSR_GS_BASE), addr(&word_a));
    wrmsr(MSR_FS_BASE, addr(&word_b));
    EXPECT(!faulted());
    asm volatile("mov %%fs:0, %0" : "=r"(v));
    EXPECT_EQ(v, word_b);
    EXPECT_EQ(rdmsr(MSR_FS_BASE), addr(&word_b));
    EXPECT_EQ(hc_set_segment_base(SEGBASE_FS, addr(&word_a)), 0);
    EXPECT_EQ(rdmsr(MSR_FS_BASE), addr(&word_a));
    wrmsr(MSR_KERNEL_GS_BASE, 0x1234000);
    EXPECT(!faulted());
    EXPECT_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0x1234000);
    EXPECT_EQ(rdmsr(MSR_GS_BASE), addr(&word_a));
    EXPECT_EQ(hc_set_segment_base(SEGBASE_GS_USER, 0x4321000), 0);
    EXPECT_EQ(rdmsr(MSR_KERNEL_GS_BASE), 0x4321000);
}

static void msr_bases_noncanonical(void)
{
    static const uint32_t msrs[] = {MSR_FS_BASE, MSR_GS_BASE,
                                    MSR_KERNEL_GS_BASE};

    for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++) {
        wrmsr(msrs[i], 0x8000000000000000UL);
        expect_gp();
        wrmsr(msrs[i], 0x0000800000000000UL);
        expect_gp();
    }
}

/* --- control registers --- */

static void cr0(void)
{
    uint64_t v = 0, again;

    TRY("mov %%cr0, %0", : "=r"(v));
    EXPECT(!faulted());
    EXPECT_EQ(v & 0x80050033, 0x80050033);
    /* As it is told: a program may have alignment checks. */
    asm volatile("smsw %0" : "=r"(again));
    EXPECT_EQ(again & CR0_AM, CR0_AM);
    EXPECT_EQ(v & CR0_TS, 0);
    TRY("mov %0, %%cr0", : : "r"(v | CR0_TS));
    EXPECT(!faulted());
    TRY("mov %%cr0, %0", : "=r"(again));
    EXPECT_EQ(again, v | CR0_TS);
    TRY("fninit", :);
    EXPECT_EQ(trap_last()->regs.vector, VEC_NM);
    TRY("mov %0, %%cr0", : : "r"(v | CR0_TS));
    TRY("clts", :);
    EXPECT(!faulted());
    TRY("mov %%cr0, %0", : "=r"(again));
    EXPECT_EQ(again, v);
    TRY("fninit", :);
    EXPECT(!faulted());
}

static void cr0_refused(void)
{
    uint64_t v = 0;

    TRY("mov %%cr0, %0", : "=r"(v));
    TRY("mov %0, %%cr0", : : "r"(v & ~0x80000000UL)); /* paging off */
    expect_gp();
    TRY("mov %0, %%cr0", : : "r"(v & ~0x10000UL)); /* WP off */
    expect_gp();
}

/* Each register operand, since each has its own encoding. */
static void cr_operands(void)
{
    uint64_t v = 0, w = 0;

    TRY("mov %%cr0, %0", : "=r"(v));
    TRY("mov %%cr0, %%r9\nmov %%r9, %0", : "=r"(w) : : "r9");
    EXPECT_EQ(w, v);
    TRY("mov %%cr0, %%r15\nmov %%r15, %0", : "=r"(w) : : "r15");
    EXPECT_EQ(w, v);
    TRY("mov %%cr0, %%rsi\nmov %%rsi, %0", : "=r"(w) : : "rsi");
    EXPECT_EQ(w, v);
    TRY("mov %%cr0, %%rbx\nmov %%rbx, %0", : "=r"(w) : : "rbx");
    EXPECT_EQ(w, v);
}

static void cr2(void)
{
    uint64_t v = 0;

    TRY("mov %0, %%cr2", : : "r"(0x123456789UL));
    EXPECT(!faulted());
    TRY("mov %%cr2, %0", : "=r"(v));
    EXPECT(!faulted());
    EXPECT_EQ(v, 0x123456789UL);
    EXPECT_EQ(this_cpu()->info->arch.cr2, 0x123456789UL);
}

static void cr3(void)
{
    uint64_t v = 0;

    TRY("mov %%cr3, %0", : "=r"(v));
    EXPECT(!faulted());
    EXPECT_EQ(v, virt_to_maddr((void *)start_info->pt_base));
}

static void cr4(void)
{
    uint64_t v = 0, again = 0;

    TRY("mov %%cr4, %0", : "=r"(v));
    EXPECT(!faulted());
    EXPECT_EQ(v & 0x620, 0x620);             /* PAE, OSFXSR, OSXMMEXCPT */
    TRY("mov %0, %%cr4", : : "r"(v | 0x10)); /* PSE: ignored */
    EXPECT(!faulted());
    TRY("mov %%cr4, %0", : "=r"(again));
    EXPECT_EQ(again, v);
}

static void cr8_and_others(void)
{
    TRY("mov %%cr8, %%rax", : : : "rax");
    expect_gp();
    TRY("invd", :);
    expect_gp();
    TRY("rdpmc", : : "c"(0) : "rax", "rdx");
    expect_gp();
    TRY("swapgs", :);
    expect_gp();
    TRY("sysretq", : : : "rcx", "r11");
    expect_gp();
}

static void wbinvd(void)
{
    TRY("wbinvd", :);
    EXPECT(!faulted());
}

static void time_stamp(void)
{
    uint64_t a = rdtsc(), v = 0;
    uint32_t lo = 0, hi = 0;

    EXPECT(rdtsc() > a);
    TRY("mov %%cr4, %0", : "=r"(v));
    TRY("mov %0, %%cr4", : : "r"(v | CR4_TSD));
    TRY("rdtsc", : "=a"(lo), "=d"(hi));
    EXPECT(!faulted());
    EXPECT((((uint64_t)hi << 32) | lo) > a);
    TRY("mov %0, %%cr4", : : "r"(v));
}

static void debug_register_moves(void)
{
    uint64_t v = 1;

    TRY("mov %0, %%db1", : : "r"(0x5000UL));
    EXPECT(!faulted());
    EXPECT_EQ(hc_get_debugreg(1), 0x5000);
    TRY("mov %%db1, %0", : "=r"(v));
    EXPECT_EQ(v, 0x5000);
    TRY("mov %0, %%db1", : : "r"(0xffff820000000000UL));
    expect_gp();
    TRY("mov %%db7, %0", : "=r"(v));
    EXPECT(!faulted());
    EXPECT_EQ(v, 0x400);
    hc_set_debugreg(1, 0);
}

/* --- CPUID --- */

static void cpuid_hypervisor(void)
{
    struct leaf l = forced_cpuid(0x40000000, 0);

    EXPECT(l.a >= 0x40000002);
    EXPECT_EQ(l.b, 0x566e6558);
    EXPECT_EQ(l.c, 0x65584d4d);
    EXPECT_EQ(l.d, 0x4d4d566e);
    l = forced_cpuid(0x40000001, 0);
    EXPECT_EQ(l.a, (4 << 16) | 17);
    l = forced_cpuid(0x40000002, 0);
    EXPECT_EQ(l.c & 1, 1);
}

/* Leaf 3: the scale by which time is read, as in the shared page; leaf 0 names
 * the last one. */
static void cpuid_time(void)
{
    const struct vcpu_time_info *t = &shared_info->vcpu_info[0].time;
    struct leaf l = forced_cpuid(0x40000003, 0);

    EXPECT_EQ(l.a & 1, 0); /* not emulated */
    EXPECT(l.c > 1000);    /* kHz */
    EXPECT_EQ(forced_cpuid(0x40000003, 2).a, l.c);
    l = forced_cpuid(0x40000003, 1);
    EXPECT_EQ(l.c, t->tsc_to_system_mul);
    EXPECT_EQ(l.d, (uint8_t)t->tsc_shift);
    l = forced_cpuid(0x40000003, 3);
    EXPECT_EQ(l.a | l.b | l.c | l.d, 0);
    l = forced_cpuid(0x40000005, 0);
    EXPECT(l.b >= 36 && l.b <= 52); /* bits of a machine address */
    EXPECT_EQ(forced_cpuid(0x40000000, 0).a, 0x40000005);
    l = forced_cpuid(0x40000004, 0);
    EXPECT_EQ(l.a | l.b | l.c | l.d, 0);
}

static void cpuid_policy(void)
{
    struct leaf one = forced_cpuid(1, 0);
    struct leaf ext = forced_cpuid(0x80000001, 0);
    struct leaf seven = forced_cpuid(7, 0);

    EXPECT(one.c & 1U << 31);         /* HYPERVISOR */
    EXPECT(one.d & 1U << 0);          /* FPU */
    EXPECT(one.d & 1U << 6);          /* PAE */
    EXPECT(one.d & 1U << 25);         /* SSE */
    EXPECT_EQ(one.d & 1U << 3, 0);    /* PSE */
    EXPECT_EQ(one.d & 1U << 13, 0);   /* PGE */
    EXPECT_EQ(one.d & 1U << 17, 0);   /* PSE36 */
    EXPECT_EQ(one.c & 1U << 3, 0);    /* MONITOR */
    EXPECT_EQ(one.c & 1U << 5, 0);    /* VMX */
    EXPECT_EQ(one.c & 1U << 17, 0);   /* PCID */
    EXPECT_EQ(one.c & 1U << 21, 0);   /* X2APIC */
    EXPECT_EQ(one.c & 1U << 24, 0);   /* TSC_DEADLINE */
    EXPECT(ext.d & 1U << 29);         /* LM */
    EXPECT(ext.d & 1U << 20);         /* NX */
    EXPECT_EQ(ext.d & 1U << 26, 0);   /* PAGE1GB */
    EXPECT_EQ(ext.c & 1U << 2, 0);    /* SVM */
    EXPECT_EQ(seven.b & 1U << 7, 0);  /* SMEP */
    EXPECT_EQ(seven.b & 1U << 20, 0); /* SMAP */
    EXPECT_EQ(seven.b & 1U << 10, 0); /* INVPCID */
    EXPECT_EQ(seven.c & 1U << 2, 0);  /* UMIP */
    EXPECT_EQ(seven.c & 1U << 3, 0);  /* PKU */
    EXPECT_EQ(seven.c & 1U << 16, 0); /* LA57 */
}

/* OSXSAVE shows before the guest sets CR4.OSXSAVE, or Linux drops XSAVE. */
static void cpuid_osxsave(void)
{
    struct leaf one = forced_cpuid(1, 0);

    EXPECT_EQ(!!(one.c & 1U << 26), !!(one.c & 1U << 27));
}

/* Any other bytes after UD2 are an invalid opcode. */
static void cpuid_wrong_prefix(void)
{
    TRY("ud2; .byte 0x78, 0x65, 0x6f", :);
    EXPECT_EQ(trap_last()->count, 1);
    EXPECT_EQ(trap_last()->regs.vector, VEC_UD);
}

static void prefix_body(void *arg)
{
    (void)arg;
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; ud2");
}

static void cpuid_prefix_other_insn(void)
{
    EXPECT(trap_catch(prefix_body, NULL));
    EXPECT_EQ(trap_last()->regs.vector, VEC_UD);
}

static void xsetbv(void)
{
    struct leaf one = forced_cpuid(1, 0);
    uint32_t lo = 0, hi = 0;
    uint64_t v = 0;

    if (!(one.c & 1U << 26)) {
        test_skip("no XSAVE");
        return;
    }
    TRY("mov %%cr4, %0", : "=r"(v));
    TRY("mov %0, %%cr4", : : "r"(v | CR4_OSXSAVE));
    EXPECT(!faulted());
    TRY("xgetbv", : "=a"(lo), "=d"(hi) : "c"(0));
    EXPECT(!faulted());
    EXPECT(lo & 1);
    TRY("xsetbv", : : "a"(3), "d"(0), "c"(0));
    EXPECT(!faulted());
    TRY("xgetbv", : "=a"(lo), "=d"(hi) : "c"(0));
    EXPECT_EQ(lo, 3);
    TRY("xsetbv", : : "a"(2), "d"(0), "c"(0));
    expect_gp();
    TRY("xsetbv", : : "a"(5), "d"(0), "c"(0));
    expect_gp();
    TRY("xsetbv", : : "a"(3), "d"(0x80000000), "c"(0));
    expect_gp();
    TRY("xsetbv", : : "a"(3), "d"(0), "c"(7));
    expect_gp();
    TRY("xgetbv", : "=a"(lo), "=d"(hi) : "c"(0));
    EXPECT_EQ(lo, 3);
}

static void fsgsbase(void)
{
    struct leaf seven = forced_cpuid(7, 0);
    uint64_t v = 0;

    if (!(seven.b & 1)) {
        test_skip("no FSGSBASE");
        return;
    }
    TRY("mov %%cr4, %0", : "=r"(v));
    TRY("mov %0, %%cr4", : : "r"(v | CR4_FSGSBASE));
    EXPECT(!faulted());
    TRY("wrgsbase %0", : : "r"(addr(&word_b)));
    EXPECT(!faulted());
    asm volatile("mov %%gs:0, %0" : "=r"(v));
    EXPECT_EQ(v, word_b);
    EXPECT_EQ(rdmsr(MSR_GS_BASE), addr(&word_b));
    hc_xen_version(XENVER_version, NULL);
    TRY("rdgsbase %0", : "=r"(v));
    EXPECT_EQ(v, addr(&word_b));
    TRY("wrfsbase %0", : : "r"(0x4000UL));
    hc_sched_op(SCHEDOP_yield, NULL);
    TRY("rdfsbase %0", : "=r"(v));
    EXPECT_EQ(v, 0x4000);
}

/* --- port I/O --- */

static void set_iopl(uint32_t iopl)
{
    struct physdev_set_iopl op = {.iopl = iopl};

    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
}

static void io_without_permission(void)
{
    set_iopl(0);
    TRY("outb %%al, $0x80", : : "a"(0));
    expect_gp();
    TRY("inb $0x80, %%al", : : : "rax");
    expect_gp();
    TRY("cli", :);
    expect_gp();
    TRY("sti", :);
    expect_gp();
    set_iopl(1);
    TRY("outb %%al, $0x80", : : "a"(0));
    EXPECT(!faulted());
    TRY("cli", :);
    EXPECT(!faulted());
    TRY("sti", :);
    EXPECT(!faulted());
}

/* Configuration space of the host bridge: latch, then data. */
static void io_pci_config(void)
{
    uint8_t byte;
    uint16_t word;

    if (!(start_info->flags & SIF_PRIVILEGED)) {
        test_skip("for the control domain");
        return;
    }
    set_iopl(1);
    out32(0xcf8, 0x80000000);
    EXPECT_EQ(in32(0xcf8), 0x80000000);
    EXPECT_EQ(in32(0xcfc) & 0xffff, 0x8086);
    asm volatile("inw %1, %0" : "=a"(word) : "Nd"((uint16_t)0xcfc));
    EXPECT_EQ(word, 0x8086);
    asm volatile("inb %1, %0" : "=a"(byte) : "Nd"((uint16_t)0xcfd));
    EXPECT_EQ(byte, 0x80);
}

/* The interrupt controllers are not the guest's: they read as nothing. */
static void io_denied(void)
{
    uint8_t v;

    set_iopl(1);
    asm volatile("inb $0x21, %0" : "=a"(v));
    EXPECT_EQ(v, 0xff);
    asm volatile("outb %0, $0x21" : : "a"((uint8_t)0xff));
    asm volatile("inb $0x40, %0" : "=a"(v));
    EXPECT_EQ(v, 0xff);
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"((uint16_t)0x3f8));
    EXPECT_EQ(v, 0xff);
}

/* Operand sizes leave the rest of rax as the processor does. */
static void io_operand_sizes(void)
{
    uint64_t v;

    set_iopl(1);
    asm volatile("mov $-1, %0; inb $0x21, %%al" : "=&a"(v));
    EXPECT_EQ(v, ~0UL);
    asm volatile("mov $0x1122334455667788, %0; inb $0x21, %%al" : "=&a"(v));
    EXPECT_EQ(v, 0x11223344556677ffUL);
    asm volatile("mov $0x1122334455667788, %0; mov $0x21, %%edx\n"
                 "inw %%dx, %%ax"
                 : "=&a"(v)
                 :
                 : "rdx");
    EXPECT_EQ(v >> 16, 0x112233445566UL);
    asm volatile("mov $0x1122334455667788, %0; mov $0xcf8, %%edx\n"
                 "inl %%dx, %%eax"
                 : "=&a"(v)
                 :
                 : "rdx");
    EXPECT_EQ(v >> 32, 0);
}

static void io_strings(void)
{
    uint8_t buffer[8];
    uint64_t count = 4, p = addr(buffer);

    set_iopl(1);
    memset(buffer, 0, sizeof(buffer));
    asm volatile("rep insb" : "+c"(count), "+D"(p) : "d"(0x21) : "memory");
    EXPECT_EQ(count, 0);
    EXPECT_EQ(p, addr(buffer) + 4);
    EXPECT_EQ(buffer[3], 0xff);
    EXPECT_EQ(buffer[4], 0);
    count = 6;
    p = addr(buffer);
    asm volatile("rep outsb" : "+c"(count), "+S"(p) : "d"(0x80) : "memory");
    EXPECT_EQ(count, 0);
    EXPECT_EQ(p, addr(buffer) + 6);
    p = addr(buffer) + 4;
    asm volatile("std; insb; cld" : "+D"(p) : "d"(0x21) : "memory");
    EXPECT_EQ(p, addr(buffer) + 3);
    EXPECT_EQ(buffer[4], 0xff);
    count = 0;
    asm volatile("rep insb" : "+c"(count), "+D"(p) : "d"(0x21) : "memory");
    EXPECT_EQ(p, addr(buffer) + 3);
}

/* A string to nowhere is a page fault at the address, not in the hypervisor. */
static void io_string_fault(void)
{
    char *hole = window(5);
    uint64_t p = addr(hole);

    set_iopl(1);
    map_page(hole, 0);
    TRY("insb", : "+D"(p) : "d"(0x21) : "memory");
    EXPECT_EQ(trap_last()->count, 1);
    EXPECT_EQ(trap_last()->regs.vector, VEC_PF);
    EXPECT_EQ(trap_last()->cr2, addr(hole));
    p = 0xffff820000000000UL;
    TRY("insb", : "+D"(p) : "d"(0x21) : "memory");
    EXPECT_EQ(trap_last()->count, 1);
}

/* The bitmap of a task: a clear bit lets a port through. */
static void io_bitmap(void)
{
    static uint8_t bitmap[128];
    struct physdev_set_iobitmap op;

    set_iopl(0);
    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[0x80 / 8] = (uint8_t) ~(1U << (0x80 % 8));
    memset(&op, 0, sizeof(op));
    HANDLE_SET(op.bitmap, bitmap);
    op.nr_ports = sizeof(bitmap) * 8;
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    TRY("outb %%al, $0x80", : : "a"(0));
    EXPECT(!faulted());
    TRY("outb %%al, $0x84", : : "a"(0));
    expect_gp();
    memset(&op, 0, sizeof(op));
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iobitmap, &op), 0);
    TRY("outb %%al, $0x80", : : "a"(0));
    expect_gp();
}

static const struct test tests[] = {
    {"MSRs read", msr_read},
    {"unknown MSRs", msr_unknown},
    {"MSRs of makers", msr_of_makers},
    {"MSRs: writes without effect", msr_writes_without_effect},
    {"MSRs of the entry points", msr_entry_points},
    {"EFER write", msr_efer_write},
    {"segment base MSRs", msr_bases},
    {"segment base MSRs, non-canonical", msr_bases_noncanonical},
    {"CR0", cr0},
    {"CR0: refused", cr0_refused},
    {"CR0: operands", cr_operands},
    {"CR2", cr2},
    {"CR3", cr3},
    {"CR4", cr4},
    {"CR8, INVD, RDPMC, SWAPGS, SYSRET", cr8_and_others},
    {"WBINVD", wbinvd},
    {"RDTSC and CR4.TSD", time_stamp},
    {"MOV DR", debug_register_moves},
    {"CPUID: hypervisor leaves", cpuid_hypervisor},
    {"CPUID: time", cpuid_time},
    {"CPUID: policy", cpuid_policy},
    {"CPUID: OSXSAVE", cpuid_osxsave},
    {"CPUID: wrong prefix", cpuid_wrong_prefix},
    {"CPUID: prefix of another instruction", cpuid_prefix_other_insn},
    {"XSETBV", xsetbv},
    {"FSGSBASE", fsgsbase},
    {"I/O: permission", io_without_permission},
    {"I/O: PCI configuration", io_pci_config},
    {"I/O: denied ports", io_denied},
    {"I/O: operand sizes", io_operand_sizes},
    {"I/O: strings", io_strings},
    {"I/O: string fault", io_string_fault},
    {"I/O: bitmap", io_bitmap},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
