/* SPDX-License-Identifier: MIT */
/*
 * libs/sys: the one door from dom0's user space to the hypervisor.
 *
 * This header: the handle, buffers the hypervisor may touch, and raw
 * hypercalls. The typed calls sit beside it: domctl.h, sysctl.h, memory.h,
 * mmu.h, version.h (hypercalls) and evtchn.h, gntdev.h, gntalloc.h, foreign.h
 * (kernel devices). All ioctls of the tools live in this folder.
 *
 * One error rule everywhere: 0 or a positive result, or -errno. libc's errno
 * is never left as the answer. A handle belongs to one thread at a time.
 */
#ifndef LIBS_SYS_SYS_H
#define LIBS_SYS_SYS_H

#include <stddef.h>
#include <stdint.h>

#define SYS_PAGE_SHIFT 12
#define SYS_PAGE_SIZE  4096UL

struct sys;

/*
 * Open the privileged-command device (and the buffer device if there is one).
 * Returns 0 and a handle for sys_close(); -ENOENT when this kernel does not
 * run under the hypervisor as control domain.
 */
int sys_open(struct sys **out);
void sys_close(struct sys *sys);

/*
 * Memory the hypervisor may read and write during a hypercall: zeroed, page
 * aligned, resident, not inherited by fork. NULL only when memory is short.
 * Free with the same length.
 */
void *sys_buf_alloc(struct sys *sys, size_t len_bytes);
void sys_buf_free(struct sys *sys, void *buf, size_t len_bytes);

/*
 * One hypercall as it stands; pointers in args must come from
 * sys_buf_alloc(). Returns the hypervisor's result, or -errno (its own or the
 * kernel's). Prefer the typed calls.
 */
long sys_hypercall(struct sys *sys, unsigned int op, uint64_t a0, uint64_t a1,
                   uint64_t a2, uint64_t a3, uint64_t a4);

/*
 * A hypercall of the form op(cmd, &arg): arg is copied to a safe buffer, and
 * back when the call succeeded.
 */
long sys_hypercall_arg(struct sys *sys, unsigned int op, uint64_t cmd,
                       void *arg, size_t len_bytes);

#endif
