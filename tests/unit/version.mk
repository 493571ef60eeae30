# SPDX-License-Identifier: MIT
version_SRCS := hypervisor/hypercall/version.c \
	hypervisor/hypercall/permission.c
