# SPDX-License-Identifier: MIT
grant_SRCS := hypervisor/core/grant.c hypervisor/core/grant_maptrack.c \
	hypervisor/hypercall/grant_map.c hypervisor/hypercall/grant_copy.c \
	hypervisor/hypercall/grant_table.c \
	hypervisor/hypercall/permission.c
