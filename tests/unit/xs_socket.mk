# SPDX-License-Identifier: MIT
xs_socket_SRCS := $(filter-out %/main.c %/options.c %/link.c %/dom0ring.c %/domstate.c,\
	$(wildcard dom0-tools/xenstored/*.c)) $(wildcard dom0-tools/libs/xs/*.c) \
	dom0-tools/libs/daemon/log.c dom0-tools/libs/daemon/loop.c
