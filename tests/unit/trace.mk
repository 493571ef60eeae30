# SPDX-License-Identifier: MIT
trace_SRCS := hypervisor/core/trace.c
