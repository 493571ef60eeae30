# SPDX-License-Identifier: MIT
store_op_SRCS := hypervisor/arch/x86/pv/store_op.c \
	hypervisor/arch/x86/pv/decode.c
