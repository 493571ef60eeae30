/* SPDX-License-Identifier: MIT */
/*
 * The x86 part of the guest ABI: guest handles, trap tables, VCPU contexts,
 * the architecture's share of shared_info. Only 64-bit guests are described.
 */
#ifndef PUBLIC_ARCH_X86_XEN_H
#define PUBLIC_ARCH_X86_XEN_H

#ifndef __ASSEMBLY__
#include <stdint.h>
#endif
#include <public/arch-x86/xen-x86_64.h>

/* What PV guests of this architecture have. */
#define XEN_HAVE_PV_GUEST_ENTRY 1
#define XEN_HAVE_PV_UPCALL_MASK 1

/* From here on the GDT is the hypervisor's; below, the guest's. */
#define FIRST_RESERVED_GDT_PAGE  14
#define FIRST_RESERVED_GDT_BYTE  0xe000
#define FIRST_RESERVED_GDT_ENTRY 7168

/* VCPUs that have their vcpu_info in shared_info itself. */
#define XEN_LEGACY_MAX_VCPUS 32

/* vcpu_guest_context.flags. */
#define VGCF_I387_VALID               (1u << 0)
#define VGCF_IN_KERNEL                (1u << 2)
#define VGCF_i387_valid               (1u << 0)
#define VGCF_in_kernel                (1u << 2)
#define VGCF_failsafe_disables_events (1u << 3)
#define VGCF_syscall_disables_events  (1u << 4)
#define VGCF_online                   (1u << 5)

/* xen_arch_domainconfig.emulation_flags: 0 for a PV domain. */
#define XEN_X86_EMU_LAPIC    (1u << 0)
#define XEN_X86_EMU_HPET     (1u << 1)
#define XEN_X86_EMU_PM       (1u << 2)
#define XEN_X86_EMU_RTC      (1u << 3)
#define XEN_X86_EMU_IOAPIC   (1u << 4)
#define XEN_X86_EMU_PIC      (1u << 5)
#define XEN_X86_EMU_VGA      (1u << 6)
#define XEN_X86_EMU_IOMMU    (1u << 7)
#define XEN_X86_EMU_PIT      (1u << 8)
#define XEN_X86_EMU_USE_PIRQ (1u << 9)
#define XEN_X86_EMU_VPCI     (1u << 10)
#define XEN_X86_EMU_ALL      2047

/* xen_arch_domainconfig.misc_flags. */
#define XEN_X86_MSR_RELAXED    (1u << 0)
#define XEN_X86_MISC_FLAGS_MAX XEN_X86_MSR_RELAXED

/* xen_cpuid_leaf.subleaf of a leaf that has none. */
#define XEN_CPUID_NO_SUBLEAF 0xffffffffu

/* Before an instruction that does not trap: have it emulated. Only CPUID. */
#ifdef __ASSEMBLY__
#define XEN_EMULATE_PREFIX .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e;
#define XEN_CPUID          XEN_EMULATE_PREFIX cpuid
#else
#define XEN_EMULATE_PREFIX ".byte 0x0f,0x0b,0x78,0x65,0x6e ; "
#define XEN_CPUID          XEN_EMULATE_PREFIX "cpuid"
#endif

#ifndef __ASSEMBLY__

/*
 * A guest handle is a guest virtual address with a type: a struct, so that it
 * can be neither dereferenced nor mixed up by accident. A hypercall copies
 * through it; only the guest may look at .p as a pointer.
 */
#define DEFINE_XEN_GUEST_HANDLE_TYPE(name, type) \
    typedef struct {                             \
        type *p;                                 \
    } xen_handle_##name;                         \
    typedef struct {                             \
        const type *p;                           \
    } xen_handle_const_##name
#define DEFINE_XEN_GUEST_HANDLE(name)  DEFINE_XEN_GUEST_HANDLE_TYPE(name, name)
#define XEN_GUEST_HANDLE_(name)        xen_handle_##name
#define XEN_GUEST_HANDLE(name)         XEN_GUEST_HANDLE_(name)
#define XEN_GUEST_HANDLE_PARAM(name)   XEN_GUEST_HANDLE(name)
#define set_xen_guest_handle(hnd, val) ((void)((hnd).p = (val)))

typedef unsigned long xen_pfn_t;
typedef unsigned long xen_ulong_t;

DEFINE_XEN_GUEST_HANDLE(char);
DEFINE_XEN_GUEST_HANDLE(int);
DEFINE_XEN_GUEST_HANDLE(void);
DEFINE_XEN_GUEST_HANDLE_TYPE(uchar, unsigned char);
DEFINE_XEN_GUEST_HANDLE_TYPE(uint, unsigned int);
DEFINE_XEN_GUEST_HANDLE_TYPE(uint8, uint8_t);
DEFINE_XEN_GUEST_HANDLE_TYPE(uint16, uint16_t);
DEFINE_XEN_GUEST_HANDLE_TYPE(uint32, uint32_t);
DEFINE_XEN_GUEST_HANDLE_TYPE(uint64, uint64_t);
DEFINE_XEN_GUEST_HANDLE(uint64_t);
DEFINE_XEN_GUEST_HANDLE(xen_pfn_t);
DEFINE_XEN_GUEST_HANDLE(xen_ulong_t);

DEFINE_XEN_GUEST_HANDLE(cpu_user_regs_t);

/*
 * One entry of the virtual IDT. flags: bits 1:0 the lowest privilege that
 * may raise it by INT n, bit 2 mask events on entry. A table ends with
 * address 0.
 */
struct trap_info {
    uint8_t vector;
    uint8_t flags;
    uint16_t cs;
    unsigned long address;
};
typedef struct trap_info trap_info_t;
DEFINE_XEN_GUEST_HANDLE(trap_info_t);

/*
 * A VCPU's whole state, for bringing it up and for save and restore.
 * ctrlreg[1] holds the user page table; bases in the form of CR3.
 */
struct vcpu_guest_context {
    struct {
        char x[512];
    } fpu_ctxt;
    unsigned long flags;
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    unsigned long ldt_base;
    unsigned long ldt_ents;
    unsigned long gdt_frames[16];
    unsigned long gdt_ents;
    unsigned long kernel_ss;
    unsigned long kernel_sp;
    unsigned long ctrlreg[8];
    unsigned long debugreg[8];
    unsigned long event_callback_eip;
    unsigned long failsafe_callback_eip;
    unsigned long syscall_callback_eip;
    unsigned long vm_assist;
    uint64_t fs_base;
    uint64_t gs_base_kernel;
    uint64_t gs_base_user;
};
typedef struct vcpu_guest_context vcpu_guest_context_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_guest_context_t);

/*
 * Where the guest publishes its physical-to-machine table: as a linear list
 * (p2m_*) or, when p2m_cr3 is 0, as a tree of frames.
 */
struct arch_shared_info {
    unsigned long max_pfn;
    xen_pfn_t pfn_to_mfn_frame_list_list;
    unsigned long nmi_reason;
    unsigned long p2m_cr3;
    unsigned long p2m_vaddr;
    unsigned long p2m_generation;
};
typedef struct arch_shared_info arch_shared_info_t;

/* x86 part of domain creation. */
struct xen_arch_domainconfig {
    uint32_t emulation_flags;
    uint32_t misc_flags;
};

struct xen_cpuid_leaf {
    uint32_t leaf;
    uint32_t subleaf;
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
};
typedef struct xen_cpuid_leaf xen_cpuid_leaf_t;
DEFINE_XEN_GUEST_HANDLE(xen_cpuid_leaf_t);

struct xen_msr_entry {
    uint32_t idx;
    uint32_t flags;
    uint64_t val;
};
typedef struct xen_msr_entry xen_msr_entry_t;
DEFINE_XEN_GUEST_HANDLE(xen_msr_entry_t);

#define TI_GET_DPL(ti)      ((ti)->flags & 3)
#define TI_GET_IF(ti)       ((ti)->flags & 4)
#define TI_SET_DPL(ti, dpl) ((ti)->flags |= (uint8_t)(dpl))
#define TI_SET_IF(ti, f)    ((ti)->flags |= (uint8_t)(!!(f) << 2))

#endif /* __ASSEMBLY__ */

#endif
