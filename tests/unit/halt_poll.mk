# SPDX-License-Identifier: MIT
halt_poll_SRCS := hypervisor/core/halt_poll.c
