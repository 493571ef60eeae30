/* SPDX-License-Identifier: MIT */
/*
 * Layout of the page below 1 MiB in which an application processor starts;
 * shared by boot/trampoline.S and smpboot.c.
 */
#ifndef ASM_TRAMPOLINE_H
#define ASM_TRAMPOLINE_H

#define TRAMPOLINE_CR3     8
#define TRAMPOLINE_ENTRY   16
#define TRAMPOLINE_STACK   24
#define TRAMPOLINE_GDT     32
#define TRAMPOLINE_GDT_PTR 64
#define TRAMPOLINE_FAR32   72
#define TRAMPOLINE_FAR64   80

#endif
