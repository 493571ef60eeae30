# SPDX-License-Identifier: MIT
permission_SRCS := hypervisor/hypercall/permission.c \
	hypervisor/core/rangeset.c
