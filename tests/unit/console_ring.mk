# SPDX-License-Identifier: MIT
console_ring_SRCS := hypervisor/core/console_ring.c
