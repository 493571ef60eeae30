/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor says about itself: HYPERVISOR_xen_version, typed.
 * Strings come back NUL-terminated whatever the hypervisor wrote.
 */
#ifndef LIBS_SYS_VERSION_H
#define LIBS_SYS_VERSION_H

#include <stdint.h>

#include <public/xen.h>

#include <public/version.h>

#include "libs/sys/sys.h"

/* major << 16 | minor. */
int sys_version(struct sys *sys);
int sys_version_extra(struct sys *sys, xen_extraversion_t out);
int sys_version_compile(struct sys *sys, struct xen_compile_info *out);
int sys_version_capabilities(struct sys *sys, xen_capabilities_info_t out);
int sys_version_changeset(struct sys *sys, xen_changeset_info_t out);
int sys_version_commandline(struct sys *sys, xen_commandline_t out);
/* First virtual address that belongs to the hypervisor. */
int sys_version_virt_start(struct sys *sys, uint64_t *virt_start);
/* Bits of XENFEAT_x, word idx. */
int sys_version_features(struct sys *sys, unsigned int idx, uint32_t *bits);
int sys_version_pagesize(struct sys *sys);
/* Length of the build id copied into buf; -ENODATA when there is none. */
int sys_version_build_id(struct sys *sys, uint8_t *buf, size_t room);

#endif
