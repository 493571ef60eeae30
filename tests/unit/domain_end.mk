# SPDX-License-Identifier: MIT
domain_end_SRCS := $(filter-out %/main.c %/options.c %/link.c %/dom0ring.c %/domstate.c,\
	$(wildcard dom0-tools/xenstored/*.c)) $(wildcard dom0-tools/libs/xs/*.c) \
	dom0-tools/libs/daemon/log.c dom0-tools/libs/daemon/loop.c \
	dom0-tools/libs/domain/destroy.c dom0-tools/libs/domain/dom.c \
	dom0-tools/libs/domain/guest_config.c \
	dom0-tools/libs/domain/monitor.c dom0-tools/libs/domain/store_util.c \
	dom0-tools/libs/image/errmsg.c
domain_end_LIBS := -Wl,--wrap=fork -Wl,--wrap=execl -luuid
