# SPDX-License-Identifier: MIT
madt_SRCS := hypervisor/drivers/acpi_read.c
