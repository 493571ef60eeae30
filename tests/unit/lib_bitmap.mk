# SPDX-License-Identifier: MIT
lib_bitmap_SRCS := hypervisor/lib/bitmap.c
