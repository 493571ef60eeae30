/* SPDX-License-Identifier: MIT */
/*
 * Virtual address space of the hypervisor: L4 slots 256..271, which no guest
 * may touch (ABI: arch-x86/xen-x86_64.h, HYPERVISOR_VIRT_START/END). They are
 * the same in every L4, guest and idle alike. Also read by assembly and the
 * linker script.
 *
 * slot 256  ffff800000000000  machine-to-physical table, read-only, user
 * slot 257  ffff808000000000  descriptor windows, one per vcpu (GDT, LDT)
 * slot 258  ffff810000000000  per-CPU areas: entry stub, stacks
 * slot 259  ffff818000000000  machine-to-physical table, writable
 * slot 260  ffff820000000000  frame table
 * slot 261  ffff82a000000000  image;  ffff82c000000000 vmap, ioremap, fixmap
 * slot 262+ ffff830000000000  direct map of all RAM (W, NX)
 * slot 271  nothing: a word of ours, asm/pv/isolation.h
 */
#ifndef ASM_CONFIG_H
#define ASM_CONFIG_H

#define HV_SLOT_FIRST 256
#define HV_SLOT_LAST  271
#define HV_VIRT_START 0xffff800000000000
#define HV_VIRT_END   0xffff880000000000
/* An address lies there if all but its low HV_VIRT_SHIFT bits are the tag. */
#define HV_VIRT_SHIFT 43
#define HV_VIRT_TAG   0x1ffff0
/* Guests have what lies above, and all below the non-canonical addresses. */
#define GUEST_LOW_END 0x0000800000000000

#define RO_M2P_START      0xffff800000000000
#define DESC_WINDOW_START 0xffff808000000000
#define DESC_WINDOW_SIZE  0x20000  /* 16 pages GDT, 16 pages LDT */
#define DESC_WINDOW_ALONE 0x200000 /* apart from each other, with isolation */
#define PERCPU_AREA_START 0xffff810000000000
#define RW_M2P_START      0xffff818000000000
#define FRAME_TABLE_START 0xffff820000000000
#define IMAGE_START       0xffff82a000000000
#define IMAGE_PHYS        0x200000 /* load address; IMAGE_START + 0 maps phys 0 */
#define VMAP_START        0xffff82c000000000
#define VMAP_END          0xffff830000000000
#define DIRECTMAP_START   0xffff830000000000
#define DIRECTMAP_END     0xffff878000000000

/*
 * A CPU's area: 16 pages, aligned to its size. All stacks of a CPU lie in it,
 * so struct cpu_info is found from any stack pointer by masking.
 *   0 entry stub (read-execute)    1 guard
 *   2 #DF  3 guard  4 NMI  5 guard  6 #MC  7 guard  8 #DB  9 guard
 *   10..14 main stack      15 entry page
 * The entry page is all of it that a guest's isolated page tables map besides
 * the stub (docs/entry.md, "Isolation"), so it holds nothing but the guest's
 * own registers and what the processor wants: struct cpu_info (the main stack
 * goes on right below it), the slots for the frames of #DF, NMI, #MC, #DB when
 * their stacks are not mapped, and the TSS.
 */
#define PERCPU_AREA_SHIFT    16
#define PERCPU_AREA_SIZE     0x10000
#define AREA_STUB_PAGE       0
#define AREA_DF_PAGE         2
#define AREA_NMI_PAGE        4
#define AREA_MC_PAGE         6
#define AREA_DB_PAGE         8
#define AREA_IST_PAGE(n)     (2 * (n)) /* n: IST_*, asm/traps.h */
#define AREA_STACK_PAGE      10
#define AREA_ENTRY_PAGE      15
#define AREA_CPU_INFO        0xf008 /* its frame ends at a multiple of 16 */
#define AREA_IST_SLOT_SIZE   0x100
#define AREA_IST_SLOT_TOP(n) (0xf400 + AREA_IST_SLOT_SIZE * (n))
#define AREA_TSS             0xf800

/* Selectors (ABI: FLAT_* and the reserved GDT entries, abi-notes A.7). */
#define SEL_HV_CS         0xe008
#define SEL_HV_DS         0xe010
#define SEL_RING3_CS32    0xe023
#define SEL_RING3_DS      0xe02b
#define SEL_RING3_CS64    0xe033
#define SEL_TSS           0xe040
#define SEL_LDT           0xe050
#define SEL_PERCPU        0xe060
#define GDT_RESERVED_PAGE 14 /* of the 16 pages; entries 7168.. */
#define GDT_RESERVED_BYTE 0xe000

#endif
