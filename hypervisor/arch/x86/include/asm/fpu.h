/* SPDX-License-Identifier: MIT */
/*
 * Floating-point and vector state of vcpus, switched eagerly: what a vcpu left
 * in the registers is never visible to another, not even speculatively. The
 * hypervisor itself uses none of these registers.
 */
#ifndef ASM_FPU_H
#define ASM_FPU_H

#include <hv/types.h>

struct domain;
struct vcpu;

/* This CPU: CR4 bits, XCR0. The boot CPU's features hold for all. */
void fpu_cpu_init(void);

/* Components that the hypervisor switches and guests may enable. */
extern uint64_t xcr0_host;
/* Bytes of an XSAVE area with all of them (or of FXSAVE). */
extern uint32_t xsave_size;

int fpu_vcpu_create(struct vcpu *v) MUST_CHECK;
void fpu_vcpu_destroy(struct vcpu *v);
/* The state after reset: FCW 0x37f, MXCSR 0x1f80. XCR0 has x87 and SSE, as a
 * PV guest finds it on Xen; a processor's own reset leaves SSE out. */
void fpu_vcpu_reset(struct vcpu *v);
/* Registers <-> v->arch.xsave, with interrupts off. */
void fpu_save(struct vcpu *v);
void fpu_load(struct vcpu *v);

/* Components that vcpus of d may enable; a subset of xcr0_host. */
uint64_t fpu_xcr0_offered(const struct domain *d);
/* XSETBV by the guest: -EINVAL if the value is no valid one, or has components
 * that its domain is not offered. */
int fpu_set_xcr0(struct vcpu *v, uint64_t xcr0) MUST_CHECK;
/* Legacy 512-byte image, as in vcpu_guest_context: x87 and SSE alone. */
void fpu_set_legacy(struct vcpu *v, const void *fx);
/* A whole XSAVE image in standard form, its header checked; v does not run. */
void fpu_set_image(struct vcpu *v, const void *image, size_t len);
void fpu_get_legacy(const struct vcpu *v, void *fx);

#endif
