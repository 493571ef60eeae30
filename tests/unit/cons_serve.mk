# SPDX-License-Identifier: MIT
cons_serve_SRCS := $(filter-out %/main.c %/guests.c %/hv.c %/attach.c %/pty.c,\
	$(wildcard dom0-tools/consoled/*.c)) dom0-tools/libs/daemon/files.c \
	dom0-tools/libs/daemon/loop.c
