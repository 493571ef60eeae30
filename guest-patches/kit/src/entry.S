/* SPDX-License-Identifier: MIT */
/*
 * What the domain builder reads (the ELF notes) and where it starts vcpu 0.
 * There is no hypercall page: the kit issues SYSCALL itself.
 */
#include <public/elfnote.h>

.macro note type:req, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4                     /* length of "Xen\0" */
    .long 2f - 1f
    .long \type
    .asciz "Xen"
1:  \value
2:  .balign 4
    .popsection
.endm

    note XEN_ELFNOTE_ENTRY, .quad kit_entry
    note XEN_ELFNOTE_VIRT_BASE, .quad KIT_VIRT_BASE
    note XEN_ELFNOTE_PADDR_OFFSET, .quad 0
    note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note XEN_ELFNOTE_GUEST_OS, .asciz "trellis-kit"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz "1"
    note XEN_ELFNOTE_LOADER, .asciz "generic"
    note XEN_ELFNOTE_PAE_MODE, .asciz "yes"
    /* Page tables stay typed: no auto-translated physical map is expected. */
    note XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"
    /* Bit 0 as above, bit 11: may be the control domain. */
    note XEN_ELFNOTE_SUPPORTED_FEATURES, .long 0x801

    .section .text.entry, "ax"
    .globl kit_entry
kit_entry:
    cld
    lea kit_boot_stack_top(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call kit_start
    ud2

/* First instruction of a further vcpu; rsp and rdi come from its context. */
    .globl kit_ap_entry
kit_ap_entry:
    cld
    xor %ebp, %ebp
    call kit_ap_start
    ud2
