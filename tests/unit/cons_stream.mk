# SPDX-License-Identifier: MIT
cons_stream_SRCS := dom0-tools/consoled/consring.c dom0-tools/consoled/keep.c \
	dom0-tools/consoled/logfile.c dom0-tools/libs/daemon/log.c
