# SPDX-License-Identifier: MIT
sched_pool_SRCS := $(wildcard hypervisor/core/sched*.c) \
	hypervisor/core/runstate.c hypervisor/core/timer.c \
	hypervisor/core/timer_heap.c hypervisor/core/softirq.c
