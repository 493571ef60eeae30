/* SPDX-License-Identifier: MIT */
/*
 * Parts of a domain's and a vcpu's life that other files of arch contribute.
 */
#ifndef ASM_PV_DOMAIN_H
#define ASM_PV_DOMAIN_H

#include <hv/types.h>

struct domain;
struct vcpu;

/* Empty v's LDT window and drop its pages (MMUEXT_SET_LDT, end of a vcpu). */
void pv_ldt_unmap(struct vcpu *v);
/* Write the entries of the hypercall page (ELF note, domctl hypercall_init). */
void hypercall_page_fill(void *page);

#endif
