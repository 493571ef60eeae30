/* SPDX-License-Identifier: MIT */
/*
 * The CPUID leaves in which a guest finds the hypervisor.
 *
 * base + 0  EAX last leaf, EBX ECX EDX signature
 * base + 1  EAX version, major in 31:16, minor in 15:0
 * base + 2  EAX hypercall pages, EBX MSR to fill one, ECX EDX features
 * base + 3  time: subleaf 0 flags, TSC mode, kHz, incarnation; 1 scaling; 2
 * host base + 4  HVM guests: EAX features, EBX VCPU id, ECX domain id base + 5
 * PV guests: EBX bits 7:0 width of a machine address
 *
 * The base is 0x40000000, or a multiple of 0x100 above it.
 */
#ifndef PUBLIC_ARCH_X86_CPUID_H
#define PUBLIC_ARCH_X86_CPUID_H

#define XEN_CPUID_FIRST_LEAF 0x40000000

/* "XenV" "MMXe" "nVMM". */
#define XEN_CPUID_SIGNATURE_EBX 0x566e6558
#define XEN_CPUID_SIGNATURE_ECX 0x65584d4d
#define XEN_CPUID_SIGNATURE_EDX 0x4d4d566e

/* base + 2, ECX. */
#define XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD (1u << 0)

/* base + 4, EAX. */
#define XEN_HVM_CPUID_APIC_ACCESS_VIRT (1u << 0)
#define XEN_HVM_CPUID_X2APIC_VIRT      (1u << 1)
#define XEN_HVM_CPUID_IOMMU_MAPPINGS   (1u << 2)
#define XEN_HVM_CPUID_VCPU_ID_PRESENT  (1u << 3)
#define XEN_HVM_CPUID_DOMID_PRESENT    (1u << 4)
#define XEN_HVM_CPUID_EXT_DEST_ID      (1u << 5)
#define XEN_HVM_CPUID_UPCALL_VECTOR    (1u << 6)

/* base + 5, EBX. */
#define XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK 0xff
#define XEN_CPUID_MAX_NUM_LEAVES             5
#define XEN_CPUID_LEAF(i)                    (XEN_CPUID_FIRST_LEAF + (i))

#endif
