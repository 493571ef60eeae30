# SPDX-License-Identifier: MIT
image_layout_SRCS := dom0-tools/libs/image/pv_layout.c \
	dom0-tools/libs/image/pv_tables.c dom0-tools/libs/image/errmsg.c
