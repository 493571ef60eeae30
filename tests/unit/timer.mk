# SPDX-License-Identifier: MIT
timer_SRCS := hypervisor/core/timer.c hypervisor/core/timer_heap.c \
	hypervisor/core/softirq.c
