# SPDX-License-Identifier: MIT
grant_SRCS := hypervisor/core/grant.c hypervisor/core/grant_entry.c \
	hypervisor/core/grant_maptrack.c hypervisor/core/grant_release.c \
	hypervisor/core/grant_version.c hypervisor/hypercall/grant_map.c \
	hypervisor/hypercall/grant_unmap.c hypervisor/hypercall/grant_copy.c \
	hypervisor/hypercall/grant_table.c hypervisor/hypercall/grant_transfer.c \
	hypervisor/hypercall/grant_versions.c \
	hypervisor/hypercall/permission.c
