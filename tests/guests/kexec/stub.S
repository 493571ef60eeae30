/* SPDX-License-Identifier: MIT */
/*
 * The smallest kernel that kexec can start: 32-bit, paging off, anywhere. Says
 * on the first serial port that it runs, and stays.
 */
    .section .rodata
    .globl stub_start, stub_end
    .code32
stub_start:
    mov %cr0, %ecx
    call 1f
1:  pop %esi
    add $(text - 1b), %esi
    test %ecx, %ecx             /* PG: bit 31 */
    js 4f
2:  mov $0x3fd, %edx
3:  in (%dx), %al
    test $0x20, %al             /* ready to send */
    jz 3b
    lodsb
    test %al, %al
    jz 4f
    mov $0x3f8, %edx
    out %al, (%dx)
    jmp 2b
4:  hlt
    jmp 4b
text:
    .asciz "\r\nNEXT KERNEL RUNS\r\n"
stub_end:

    .section .note.GNU-stack, "", @progbits
