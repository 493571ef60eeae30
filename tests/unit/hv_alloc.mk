# SPDX-License-Identifier: MIT
hv_alloc_SRCS := hypervisor/core/hv_alloc.c hypervisor/core/page_alloc.c
