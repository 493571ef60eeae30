# SPDX-License-Identifier: MIT
page_alloc_SRCS := hypervisor/core/page_alloc.c
