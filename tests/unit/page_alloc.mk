# SPDX-License-Identifier: MIT
page_alloc_SRCS := $(addprefix hypervisor/core/,page_alloc.c heap_scrub.c \
	heap_cache.c heap_offline.c heap_low.c numa.c) hypervisor/arch/x86/pv/page_ref.c
