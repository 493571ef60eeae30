# SPDX-License-Identifier: MIT
stores_SRCS := hypervisor/arch/x86/pv/decode.c \
	hypervisor/arch/x86/pv/store_op.c
stores_LDFLAGS := -no-pie
stores_RUN := -max_len=160
