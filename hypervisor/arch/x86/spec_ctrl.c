/* SPDX-License-Identifier: MIT */
/*
 * Speculation controls of this machine: looks at the processor, carries out
 * the choice (spec_choose.c), reports it.
 */
#include <asm/spec_ctrl.h>

#include <hv/cmdline.h>
#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>

#include <asm/cpu.h>
#include <asm/msr.h>
#include <asm/x86.h>

/* CPUID leaf 7, sub-leaf 0. */
#define L7_B_SMEP      (1U << 7)
#define L7_B_RTM       (1U << 11)
#define L7_D_SRBDS     (1U << 9)
#define L7_D_MD_CLEAR  (1U << 10)
#define L7_D_IBRSB     (1U << 26)
#define L7_D_STIBP     (1U << 27)
#define L7_D_ARCH_CAPS (1U << 29)
#define L7_D_SSBD      (1U << 31)
/* Leaf 7, sub-leaf 2. */
#define L72_D_BHI_CTRL (1U << 4)
/* Leaf 0x80000008 EBX. */
#define E8_B_IBPB  (1U << 12)
#define E8_B_IBRS  (1U << 14)
#define E8_B_STIBP (1U << 15)
#define E8_B_SSBD  (1U << 24)
#define E8_B_BTCNO (1U << 29)

#define MCU_OPT_RNGDS_OFF   (1UL << 0)
#define TSX_CTRL_RTM_OFF    (1UL << 0)
#define TSX_CTRL_CPUID_OFF  (1UL << 1)
#define EFER_AUTO_IBRS      (1UL << 21)
#define DE_CFG_LFENCE_STOPS (1UL << 1)
#define DE_CFG_ZEN2_BACKUP  (1UL << 9) /* AMD-SB-7008 */

struct spec_caps spec_caps __ro_after_init;
struct spec_choice spec_choice __ro_after_init;

static struct spec_options options __initdata;
static bool options_set __initdata;

/* MSR_SPEC_CTRL of this CPU now, and whose predictions are in it. */
static DEFINE_PER_CPU(uint64_t, live_spec_ctrl);
static DEFINE_PER_CPU(domid_t, predictor_owner);

static void __init start_options(void)
{
    if (!options_set)
        options = spec_options_default;
    options_set = true;
}

static int __init parse_spec_ctrl(const char *s)
{
    start_options();
    /* What was not understood has been named; the rest holds. */
    (void)spec_parse(&options, s);
    return 0;
}
PARAM_FUNC("spec-ctrl", parse_spec_ctrl);

static int __init parse_xpti(const char *s)
{
    start_options();
    (void)spec_parse_domains(&options.xpti_dom0, &options.xpti_domu, s);
    return 0;
}
PARAM_FUNC("xpti", parse_xpti);

static int __init parse_pv_l1tf(const char *s)
{
    start_options();
    (void)spec_parse_domains(&options.l1tf_dom0, &options.l1tf_domu, s);
    return 0;
}
PARAM_FUNC("pv-l1tf", parse_pv_l1tf);

#ifdef TRELLIS_DEBUG
/* For tests under QEMU, which has none of these and ignores writes to their
 * registers: the code that uses them runs. */
static bool assume_controls __initdata;
PARAM_B("spec-ctrl-assume", assume_controls);

static void __init assume(struct spec_caps *c)
{
    if (assume_controls)
        c->ibrs = c->ibpb = c->stibp = c->ssbd = c->md_clear = c->smt = true;
}
#else
static void __init assume(struct spec_caps *c)
{
    (void)c;
}
#endif

/* ---- the processor ---- */

static void __init read_intel_bits(struct spec_caps *c)
{
    struct cpuid_leaf l;

    if (cpu_caps.max_leaf < 7)
        return;
    l = cpuid_count(7, 0);
    c->smep = l.b & L7_B_SMEP;
    c->rtm = l.b & L7_B_RTM;
    c->srbds_ctrl = l.d & L7_D_SRBDS;
    c->md_clear = l.d & L7_D_MD_CLEAR;
    c->ibrs = c->ibpb = l.d & L7_D_IBRSB;
    c->stibp = l.d & L7_D_STIBP;
    c->ssbd = l.d & L7_D_SSBD;
    if (l.a >= 2)
        c->bhi_ctrl = cpuid_count(7, 2).d & L72_D_BHI_CTRL;
}

/* Sets this CPU's bit that makes LFENCE wait for all before it. Tells whether
 * it is set now: an emulator may ignore the write. */
static bool make_lfence_stop(void)
{
    uint64_t v;

    if (rdmsr_safe(MSR_AMD_DE_CFG, &v))
        return false;
    if (v & DE_CFG_LFENCE_STOPS)
        return true;
    return !wrmsr_safe(MSR_AMD_DE_CFG, v | DE_CFG_LFENCE_STOPS) &&
           !rdmsr_safe(MSR_AMD_DE_CFG, &v) && (v & DE_CFG_LFENCE_STOPS);
}

/* A barrier that does no harm; #GP where the processor has none. */
static bool __init takes_sbpb(const struct spec_caps *c)
{
    return c->family == 0x19 && c->ibpb && !cpu_caps.hypervisor &&
           !wrmsr_safe(MSR_PRED_CMD, PRED_CMD_SBPB);
}

static void __init read_amd_bits(struct spec_caps *c)
{
    struct cpuid_leaf l;
    uint32_t leaf21 = 0;

    if (cpu_caps.max_ext_leaf >= 0x80000008) {
        l = cpuid(0x80000008);
        c->ibpb |= !!(l.b & E8_B_IBPB);
        c->ibrs |= !!(l.b & E8_B_IBRS);
        c->stibp |= !!(l.b & E8_B_STIBP);
        c->ssbd |= !!(l.b & E8_B_SSBD);
        c->ret_mispredicted = !(l.b & E8_B_BTCNO);
    }
    if (cpu_caps.max_ext_leaf >= 0x80000021) {
        leaf21 = cpuid(0x80000021).a;
        c->auto_ibrs = leaf21 & E21_A_AUTO_IBRS;
        c->lfence_stops = leaf21 & E21_A_LFENCE;
    }
    /* These families' LFENCE always waits, and they have no bit for it (AMD,
     * "Software Techniques for Managing Speculation on AMD Processors",
     * mitigation G-2). */
    c->lfence_stops |= c->family == 0xf || c->family == 0x11;
    if (!c->lfence_stops)
        c->lfence_stops = c->lfence_bit = make_lfence_stop();
    spec_amd_holes(c, leaf21, cpu_caps.hypervisor, takes_sbpb(c));
}

/* In-order processors, which execute nothing ahead of its time. */
static bool __init is_in_order(const struct spec_caps *c)
{
    static const uint8_t models[] = {0x1c, 0x26, 0x27, 0x35, 0x36};

    if (c->vendor != VENDOR_INTEL || c->family != 6)
        return false;
    for (unsigned int i = 0; i < ARRAY_SIZE(models); i++)
        if (c->model == models[i])
            return true;
    return false;
}

/* Skylake and what was made of it: a return with an empty predictor takes the
 * branch buffer's word. */
static bool __init is_skylake(const struct spec_caps *c)
{
    static const uint8_t models[] = {0x4e, 0x55, 0x5e, 0x66,
                                     0x8e, 0x9e, 0xa5, 0xa6};

    if (c->vendor != VENDOR_INTEL || c->family != 6)
        return false;
    for (unsigned int i = 0; i < ARRAY_SIZE(models); i++)
        if (c->model == models[i])
            return true;
    return false;
}

/* AMD and Hygon have none of these; of makers that we do not know anything is
 * believed. */
static void __init find_holes(struct spec_caps *c, uint64_t arch_caps)
{
    bool suspect = c->vendor != VENDOR_AMD && !is_in_order(c);

    c->meltdown = c->l1tf = suspect && !(arch_caps & ARCH_CAP_RDCL_NO);
    c->mds =
        suspect && c->vendor == VENDOR_INTEL && !(arch_caps & ARCH_CAP_MDS_NO);
    c->taa = suspect && c->rtm && !(arch_caps & ARCH_CAP_TAA_NO);
    c->mmio = arch_caps & (ARCH_CAP_FB_CLEAR | ARCH_CAP_RFDS_CLEAR);
    c->bhi = suspect && !(arch_caps & ARCH_CAP_BHI_NO);
    c->rsb_underflow = is_skylake(c);
}

static void __init look(struct spec_caps *c)
{
    uint64_t arch_caps = 0;

    *c = (struct spec_caps){
        .vendor = cpu_caps.vendor,
        .family = cpu_caps.family,
        .model = cpu_caps.model,
        .smt = cpuid(1).d & (1U << 28) && (cpuid(1).b >> 16 & 0xff) > 1,
    };
    read_intel_bits(c);
    if (c->vendor == VENDOR_AMD)
        read_amd_bits(c);
    else
        c->lfence_stops = true;
    if (cpu_caps.max_leaf >= 7 && (cpuid_count(7, 0).d & L7_D_ARCH_CAPS) &&
        rdmsr_safe(MSR_ARCH_CAPABILITIES, &arch_caps))
        arch_caps = 0;
    c->ibrs_all = c->ibrs && (arch_caps & ARCH_CAP_IBRS_ALL);
    c->tsx_ctrl = arch_caps & ARCH_CAP_TSX_CTRL;
    find_holes(c, arch_caps);
}

/* ---- carrying it out ---- */

void __init spec_init(void)
{
    start_options();
    look(&spec_caps);
    assume(&spec_caps);
    spec_choose(&spec_caps, &options, &spec_choice);
    patch_code(spec_features(&spec_choice), spec_choice.thunk);
    /* A global entry would outlive the change to a root without it. */
    if (patch_is_set(PATCH_ISOLATION))
        hv_cr4 &= ~CR4_PGE;
}

static void set_bits_safe(uint32_t msr, uint64_t clear, uint64_t set)
{
    uint64_t v;

    if (rdmsr_safe(msr, &v) || wrmsr_safe(msr, (v & ~clear) | set))
        printk(LOG_WARN "Speculation: MSR %#x cannot be set\n", msr);
}

void spec_cpu_init(void)
{
    const struct spec_choice *c = &spec_choice;

    write_cr4(hv_cr4);
    if (c->auto_ibrs)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
    if (spec_caps.lfence_bit)
        make_lfence_stop();
    if (c->zen2_backup)
        set_bits_safe(MSR_AMD_DE_CFG, 0, DE_CFG_ZEN2_BACKUP);
    if (c->tsx_off)
        set_bits_safe(MSR_TSX_CTRL, 0, TSX_CTRL_RTM_OFF | TSX_CTRL_CPUID_OFF);
    if (spec_caps.srbds_ctrl)
        set_bits_safe(MSR_MCU_OPT_CTRL, MCU_OPT_RNGDS_OFF,
                      c->srb_lock ? 0 : MCU_OPT_RNGDS_OFF);
    if (c->spec_ctrl && wrmsr_safe(MSR_SPEC_CTRL, c->spec_ctrl))
        printk(LOG_WARN "Speculation: SPEC_CTRL cannot be set\n");
    this_cpu(live_spec_ctrl) = c->spec_ctrl;
    this_cpu(predictor_owner) = DOMID_IDLE;
}

void spec_forget(uint16_t domid)
{
    unsigned int cpu;

    for_each_cpu (cpu, &cpu_online_map)
        if (READ_ONCE(per_cpu(predictor_owner, cpu)) == domid)
            WRITE_ONCE(per_cpu(predictor_owner, cpu), DOMID_IDLE);
}

void spec_switch(const struct vcpu *prev, const struct vcpu *next)
{
    (void)prev;
    /* The idle vcpu runs our code alone: it neither trains nor is led. */
    if (next->is_idle || this_cpu(predictor_owner) == next->domain->id)
        return;
    this_cpu(predictor_owner) = next->domain->id;
    if (spec_choice.ibpb_switch)
        wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

/* ---- the report ---- */

static const char *__init thunk_name(enum patch_thunk t)
{
    switch (t) {
    case PATCH_THUNK_JMP:
        return "plain";
    case PATCH_THUNK_LFENCE:
        return "after LFENCE";
    case PATCH_THUNK_RETPOLINE:
        break;
    }
    return "retpoline";
}

#define SHOW(c, flag, name) ((c)->flag ? " " name : "")

static const char *__init which(bool control, bool guests)
{
    if (control)
        return guests ? "all domains" : "dom0 only";
    return guests ? "all but dom0" : "off";
}

void __init spec_report(void)
{
    const struct spec_caps *p = &spec_caps;
    const struct spec_choice *c = &spec_choice;

    printk("Speculation: processor has%s%s%s%s%s%s%s%s%s%s; "
           "holes%s%s%s%s%s%s%s%s\n",
           SHOW(p, ibrs, "IBRS"), SHOW(p, ibrs_all, "eIBRS"),
           SHOW(p, auto_ibrs, "AutoIBRS"), SHOW(p, ibpb, "IBPB"),
           SHOW(p, ibpb_types, "(branch types too)"), SHOW(p, stibp, "STIBP"),
           SHOW(p, ssbd, "SSBD"), SHOW(p, md_clear, "MD_CLEAR"),
           SHOW(p, tsx_ctrl, "TSX_CTRL"), SHOW(p, smep, "SMEP"),
           SHOW(p, meltdown, "Meltdown"), SHOW(p, l1tf, "L1TF"),
           SHOW(p, mds, "MDS"), SHOW(p, taa, "TAA"), SHOW(p, mmio, "MMIO"),
           SHOW(p, ret_mispredicted, "branch type confusion"),
           SHOW(p, srso, "SRSO"), SHOW(p, zenbleed, "Zenbleed"));
    printk("Speculation: indirect branches %s;%s%s%s%s%s%s%s%s%s%s%s\n",
           thunk_name(c->thunk), SHOW(c, ibrs_entry, "IBRS on entry"),
           SHOW(c, ibrs_all, "eIBRS"), SHOW(c, auto_ibrs, "AutoIBRS"),
           c->spec_ctrl & SPEC_CTRL_STIBP ? " STIBP" : "",
           c->spec_ctrl & SPEC_CTRL_SSBD ? " SSBD" : "",
           SHOW(c, rsb_entry, "RSB on entry"),
           SHOW(c, ibpb_switch, "IBPB between domains"),
           SHOW(c, ibpb_entry, "IBPB on entry"), SHOW(c, verw, "VERW on exit"),
           SHOW(c, tsx_off, "TSX off"),
           SHOW(c, zen2_backup, "Zenbleed's bit in DE_CFG"));
    printk("Speculation: isolation (xpti): %s; L1TF checks (pv-l1tf): %s\n",
           which(c->xpti_dom0, c->xpti_domu),
           which(c->l1tf_dom0, c->l1tf_domu));
}
