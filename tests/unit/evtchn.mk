# SPDX-License-Identifier: MIT
evtchn_SRCS := hypervisor/core/evtchn.c hypervisor/core/evtchn_send.c \
	hypervisor/core/evtchn_fifo.c hypervisor/hypercall/event_channel.c \
	hypervisor/hypercall/permission.c hypervisor/core/rangeset.c
