# SPDX-License-Identifier: MIT
image_kernel_SRCS := dom0-tools/libs/image/kernel.c \
	dom0-tools/libs/image/bzimage.c dom0-tools/libs/image/unpack.c \
	dom0-tools/libs/image/elf_image.c dom0-tools/libs/image/pv_notes.c \
	dom0-tools/libs/image/errmsg.c
image_kernel_LIBS := -llzma -lzstd -llz4 -lz
