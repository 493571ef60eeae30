# SPDX-License-Identifier: MIT
memory_op_SRCS := $(addprefix hypervisor/hypercall/,memory.c memory_map.c \
	memory_reservation.c memory_exchange.c) hypervisor/core/domain_pages.c \
	hypervisor/core/claim.c hypervisor/arch/x86/pv/page_ref.c \
	hypervisor/hypercall/permission.c hypervisor/core/rangeset.c \
	hypervisor/hypercall/vnuma.c hypervisor/core/vnuma.c
