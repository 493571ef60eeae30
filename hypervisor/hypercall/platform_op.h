/* SPDX-License-Identifier: MIT */
/*
 * platform_op in several files. A handler gets a copy of the operation, which
 * the caller's is replaced with if the result is not negative.
 */
#ifndef HYPERCALL_PLATFORM_OP_H
#define HYPERCALL_PLATFORM_OP_H

#include <hv/guest_access.h>

#include <public/platform.h>

/* platform_firmware.c */
long platform_firmware_info(struct xen_platform_op *op);
long platform_quirk(struct xen_platform_op *op);
long platform_read_memtype(struct xen_platform_op *op);
long platform_change_memtype(struct xen_platform_op *op);
/* platform_cpu.c */
long platform_microcode(struct xen_platform_op *op);
long platform_core_parking(struct xen_platform_op *op);
long platform_resource_op(struct xen_platform_op *op);
long platform_get_symbol(struct xen_platform_op *op);

#endif
