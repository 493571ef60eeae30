# SPDX-License-Identifier: MIT
cons_main_SRCS := dom0-tools/consoled/main.c dom0-tools/consoled/logfile.c \
	$(wildcard dom0-tools/libs/daemon/*.c) dom0-tools/libs/xs/wire.c
cons_main_SRC_CFLAGS := -Dmain=consoled_main
