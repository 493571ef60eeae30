# SPDX-License-Identifier: MIT
xs_cost_SRCS := $(filter-out %/main.c %/options.c %/link.c %/dom0ring.c %/domstate.c \
	%/sock.c,$(wildcard dom0-tools/xenstored/*.c)) \
	dom0-tools/libs/xs/wire.c dom0-tools/libs/daemon/log.c
