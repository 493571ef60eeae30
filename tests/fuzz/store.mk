# SPDX-License-Identifier: MIT
store_SRCS := $(filter-out %/main.c %/options.c %/link.c %/dom0ring.c \
	%/domstate.c %/sock.c,$(wildcard dom0-tools/xenstored/*.c)) \
	dom0-tools/libs/xs/wire.c dom0-tools/libs/daemon/log.c
store_CFLAGS := -Itests/unit
store_LIBS := -lcmocka
store_RUN := -max_len=2048
