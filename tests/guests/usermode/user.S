/* SPDX-License-Identifier: MIT */
/*
 * User code, position independent. Each piece ends by something that enters
 * the kernel.
 */
.macro code name:req
    .balign 16
    .globl \name
\name:
.endm

.macro endcode name:req
    .globl \name\()_end
\name\()_end:
.endm

    .section .rodata
    .code64

code code_syscall
    syscall
    ud2
endcode code_syscall

code code_syscall_std
    std
    syscall
    ud2
endcode code_syscall_std

code code_int80
    int $0x80
    ud2
endcode code_int80

code code_int3
    int3
    ud2
endcode code_int3

code code_int4
    int $4
    ud2
endcode code_int4

code code_int20
    int $0x20
    ud2
endcode code_int20

code code_ud2
    ud2
endcode code_ud2

code code_read
    mov (%rdi), %eax
    syscall
endcode code_read

code code_write
    mov %eax, (%rdi)
    syscall
endcode code_write

code code_jump
    jmp *%rdi
endcode code_jump

code code_hlt
    hlt
    ud2
endcode code_hlt

code code_cli
    cli
    ud2
endcode code_cli

code code_in
    mov $0x80, %edx
    in %dx, %al
    ud2
endcode code_in

code code_rdmsr
    mov $0x1b, %ecx
    rdmsr
    ud2
endcode code_rdmsr

code code_step
    nop
    nop
    syscall
endcode code_step

code code_read_fs
    mov %fs:0, %rax
    syscall
endcode code_read_fs

code code_read_gs
    mov %gs:0, %rax
    syscall
endcode code_read_gs

/* New GS base from rdi, by the instruction; then read it back by memory. */
code code_gs_base
    wrgsbase %rdi
    mov %gs:0, %rax
    syscall
endcode code_gs_base

code code_selectors
    mov %ds, %eax
    mov %es, %ebx
    mov %fs, %edx
    mov %gs, %esi
    mov %cs, %r8d
    mov %ss, %r9d
    syscall
endcode code_selectors

code code_div
    xor %ecx, %ecx
    div %ecx
endcode code_div

code code_sysenter
    sysenter
    ud2
endcode code_sysenter

code code_fninit
    fninit
    syscall
endcode code_fninit

/* Wait until the word at rdi is no longer 0. */
code code_spin
1:  pause
    cmpl $0, (%rdi)
    je 1b
    syscall
endcode code_spin

    .code32
code code32_int80
    mov $0x12345678, %ebx
    int $0x80
    ud2
endcode code32_int80

code code32_syscall
    mov $0x12345678, %ebx
    syscall
    ud2
endcode code32_syscall

code code32_sysenter
    sysenter
    ud2
endcode code32_sysenter

code code32_ud2
    ud2
endcode code32_ud2

    .code64
    .text
    .globl probe_syscall
probe_syscall:
    pushf
    pop probed_flags(%rip)
    jmp kit_trap_stubs + 0x101 * 32

    .globl probe_exception
probe_exception:
    pushf
    pop probed_flags(%rip)
    jmp kit_trap_stubs + 6 * 32

    .bss
    .balign 8
    .globl probed_flags
probed_flags:
    .quad 0
