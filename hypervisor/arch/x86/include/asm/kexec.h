/* SPDX-License-Identifier: MIT */
/*
 * The last code of the hypervisor (kexec_jump.S), copied to a page of its own.
 */
#ifndef ASM_KEXEC_H
#define ASM_KEXEC_H

#include <hv/types.h>

extern const char kexec_code_start[], kexec_code_end[];

/*
 * The code at its machine address: root of the page tables to leave with,
 * first page of copies (0: none), entry of the image, in which mode, and the
 * code's own page.
 */
typedef void (*kexec_code_fn)(paddr_t root, paddr_t copies, paddr_t entry,
                              unsigned long entry_32bit, paddr_t page) NORETURN;

#endif
