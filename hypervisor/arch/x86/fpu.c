/* SPDX-License-Identifier: MIT */
/*
 * FPU and vector state: XSAVE where the processor has it, else FXSAVE. Intel
 * SDM vol. 1, "Managing State Using the XSAVE Feature Set".
 */
#include <asm/fpu.h>

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>

#include <asm/asm.h>
#include <asm/cpu.h>
#include <asm/pv/cpuid.h>
#include <asm/x86.h>

#define CPUID1_C_XSAVE (1U << 26)
#define E8_B_ERR_PTRS  (1U << 2) /* XRSTOR always loads error pointers */
#define FXSAVE_SIZE    512
#define FCW_RESET      0x37f
#define MXCSR_RESET    0x1f80
/* Legacy image, SDM vol. 1, "FXSAVE Area". */
#define FX_FCW        0
#define FX_MXCSR      24
#define FX_MXCSR_MASK 28

uint64_t xcr0_host __ro_after_init;
uint32_t xsave_size __ro_after_init = FXSAVE_SIZE;
static uint32_t mxcsr_mask __ro_after_init = 0xffbf;

/* AMD: the x87's last instruction and operand are loaded and stored only while
 * an exception is pending (AMD APM vol. 5, FXRSTOR, "Error pointers"). */
static bool error_pointers_stay __ro_after_init;

/* XCR0 of this CPU now. */
static DEFINE_PER_CPU(uint64_t, live_xcr0);

static void set_live_xcr0(uint64_t xcr0)
{
    if (this_cpu(live_xcr0) == xcr0)
        return;
    xsetbv(0, xcr0);
    this_cpu(live_xcr0) = xcr0;
}

static void find_features(void)
{
    uint64_t known = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512;
    struct cpuid_leaf l = cpuid_count(0xd, 0);

    xcr0_host = (l.a | (uint64_t)l.d << 32) & known;
    if ((xcr0_host & XCR0_AVX512) != XCR0_AVX512 || !(xcr0_host & XCR0_AVX))
        xcr0_host &= ~XCR0_AVX512;
}

void fpu_cpu_init(void)
{
    bool xsave = cpuid(1).c & CPUID1_C_XSAVE;
    uint32_t fx[FXSAVE_SIZE / 4] ALIGNED(16) = {0};

    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT |
              (xsave ? CR4_OSXSAVE : 0));
    write_cr0((read_cr0() | CR0_MP | CR0_NE) & ~(CR0_EM | CR0_TS));
    if (smp_processor_id() == 0) {
        __asm__ volatile("fninit; fxsave64 %0" : "+m"(fx));
        if (fx[FX_MXCSR_MASK / 4])
            mxcsr_mask = fx[FX_MXCSR_MASK / 4];
        if (xsave)
            find_features();
        error_pointers_stay = cpu_caps.vendor == VENDOR_AMD &&
                              (cpu_caps.max_ext_leaf < 0x80000008 ||
                               !(cpuid(0x80000008).b & E8_B_ERR_PTRS));
    }
    if (!xcr0_host)
        return;
    this_cpu(live_xcr0) = 0;
    set_live_xcr0(xcr0_host);
    if (smp_processor_id() == 0)
        xsave_size = cpuid_count(0xd, 0).b;
}

int fpu_vcpu_create(struct vcpu *v)
{
    /* Page-aligned allocations beyond a page; XSAVE wants 64. */
    char *raw = hv_alloc_pages(xsave_size > PAGE_SIZE ? 1 : 0);

    if (!raw)
        return -ENOMEM;
    v->arch.xsave = raw;
    fpu_vcpu_reset(v);
    return 0;
}

void fpu_vcpu_destroy(struct vcpu *v)
{
    if (v->arch.xsave)
        hv_free_pages(v->arch.xsave, xsave_size > PAGE_SIZE ? 1 : 0);
    v->arch.xsave = NULL;
}

void fpu_vcpu_reset(struct vcpu *v)
{
    char *fx = v->arch.xsave;

    memset(fx, 0, xsave_size);
    *(uint16_t *)(fx + FX_FCW) = FCW_RESET;
    *(uint32_t *)(fx + FX_MXCSR) = MXCSR_RESET;
    v->arch.xcr0 = v->arch.xcr0_accum = xcr0_host & (XCR0_X87 | XCR0_SSE);
    v->arch.cr0_ts = false;
}

void fpu_save(struct vcpu *v)
{
    if (v->arch.cr0_ts)
        clts();
    if (xcr0_host) {
        set_live_xcr0(xcr0_host);
        __asm__ volatile("xsave64 (%0)" ::"r"(v->arch.xsave), "a"(-1), "d"(-1)
                         : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" ::"r"(v->arch.xsave) : "memory");
    }
    v->arch.fpu_loaded = false;
}

/* The image may be a toolstack's: what the processor refuses is replaced by
 * the reset state. */
static bool try_load(const void *area)
{
    int ok = 1;

    if (xcr0_host)
        __asm__ volatile("1: xrstor64 (%1)\n"
                         "   jmp 3f\n"
                         "2: xor %0, %0\n"
                         "3:\n" EX_TABLE("1b", "2b")
                         : "+r"(ok)
                         : "r"(area), "a"(-1), "d"(-1)
                         : "memory");
    else
        __asm__ volatile("1: fxrstor64 (%1)\n"
                         "   jmp 3f\n"
                         "2: xor %0, %0\n"
                         "3:\n" EX_TABLE("1b", "2b")
                         : "+r"(ok)
                         : "r"(area)
                         : "memory");
    return ok;
}

/* Make them point to an instruction of ours: the last one's was a guest's. */
static void forget_error_pointers(void)
{
    static const uint32_t something;

    __asm__ volatile("fnclex; ffree %%st(7); fildl %0" ::"m"(something));
}

void fpu_load(struct vcpu *v)
{
    bool ts = v->arch.cr0_ts;

    if (read_cr0() & CR0_TS)
        clts();
    if (xcr0_host)
        set_live_xcr0(xcr0_host);
    if (error_pointers_stay)
        forget_error_pointers();
    if (!try_load(v->arch.xsave)) {
        printk(LOG_GUEST_WARN "d%dv%u: invalid FPU state replaced\n",
               v->domain->id, v->id);
        fpu_vcpu_reset(v);
        v->arch.cr0_ts = ts;
        BUG_ON(!try_load(v->arch.xsave));
    }
    if (xcr0_host)
        set_live_xcr0(v->arch.xcr0);
    if (ts)
        stts();
    v->arch.fpu_loaded = true;
}

/*
 * Components that the domain's CPUID leaf 0xd names: what is hidden there must
 * not be used either, or the guest cannot go to a processor without it. The
 * legacy ones are in every image, that of a guest without XSAVE too.
 */
uint64_t fpu_xcr0_offered(const struct domain *d)
{
    const struct cpuid_leaf *l = &d->arch.cpuid->subd[0];

    return (l->a | (uint64_t)l->d << 32 | XCR0_X87 | XCR0_SSE) & xcr0_host;
}

/* Intel SDM vol. 2, XSETBV: x87 always, AVX wants SSE, AVX-512 all of it. */
int fpu_set_xcr0(struct vcpu *v, uint64_t xcr0)
{
    uint64_t avx512 = xcr0 & XCR0_AVX512;

    if (!(xcr0 & XCR0_X87) || (xcr0 & ~fpu_xcr0_offered(v->domain)))
        return -EINVAL;
    if ((xcr0 & XCR0_AVX) && !(xcr0 & XCR0_SSE))
        return -EINVAL;
    if (avx512 && (avx512 != XCR0_AVX512 || !(xcr0 & XCR0_AVX)))
        return -EINVAL;
    v->arch.xcr0 = xcr0;
    v->arch.xcr0_accum |= xcr0;
    if (v->arch.fpu_loaded)
        set_live_xcr0(xcr0);
    return 0;
}

/* What else the area holds stays: whoever changes one register of a vcpu by its
 * context (a toolstack, after a save that it goes on from) means nothing else.
 */
void fpu_set_legacy(struct vcpu *v, const void *fx)
{
    char *area = v->arch.xsave;
    uint64_t *bv = (uint64_t *)(area + FXSAVE_SIZE);

    memcpy(area, fx, FXSAVE_SIZE);
    *(uint32_t *)(area + FX_MXCSR) &= mxcsr_mask;
    if (xcr0_host)
        *bv |= XCR0_X87 | XCR0_SSE;
}

/* Parts that the image is too short for are as after a reset. */
void fpu_set_image(struct vcpu *v, const void *image, size_t len)
{
    char *area = v->arch.xsave;

    ASSERT(len <= xsave_size);
    memset(area, 0, xsave_size);
    memcpy(area, image, len);
    *(uint32_t *)(area + FX_MXCSR) &= mxcsr_mask;
}

void fpu_get_legacy(const struct vcpu *v, void *fx)
{
    memcpy(fx, v->arch.xsave, FXSAVE_SIZE);
}
