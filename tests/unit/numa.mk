# SPDX-License-Identifier: MIT
numa_SRCS := $(addprefix hypervisor/core/,numa.c page_alloc.c heap_cache.c) \
	hypervisor/drivers/acpi_srat.c
