# SPDX-License-Identifier: MIT
guest_kernel_SRCS := dom0-tools/libs/image/kernel.c \
	dom0-tools/libs/image/bzimage.c dom0-tools/libs/image/unpack.c \
	dom0-tools/libs/image/elf_image.c dom0-tools/libs/image/pv_notes.c \
	dom0-tools/libs/image/pv_layout.c dom0-tools/libs/image/pv_tables.c \
	dom0-tools/libs/image/errmsg.c
guest_kernel_LIBS := -llzma -lzstd -llz4 -lz
guest_kernel_RUN := -max_len=8192 -rss_limit_mb=1500 -malloc_limit_mb=1200
