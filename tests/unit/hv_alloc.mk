# SPDX-License-Identifier: MIT
hv_alloc_SRCS := $(addprefix hypervisor/core/,hv_alloc.c page_alloc.c heap_cache.c numa.c)
