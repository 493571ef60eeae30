/* SPDX-License-Identifier: MIT */
/*
 * kexec_op in two files: kexec.c has the table.
 */
#ifndef HYPERCALL_KEXEC_H
#define HYPERCALL_KEXEC_H

#include <hv/guest_access.h>
#include <hv/kexec.h>

/* A load is continued with its token in the upper half of the command; 0: it
 * begins. Callers take turns. */
long kexec_load(guest_va_t arg, uint32_t token);
/* What is half loaded of that type is forgotten; its caller, when it goes on,
 * gets -EBUSY. In turn with other operations. */
void kexec_load_cancel(unsigned int type);

#endif
