# SPDX-License-Identifier: MIT
disk_claim_SRCS := $(filter-out %/main.c %/options.c %/link.c %/dom0ring.c %/domstate.c,\
	$(wildcard dom0-tools/xenstored/*.c)) $(wildcard dom0-tools/libs/xs/*.c) \
	dom0-tools/libs/daemon/log.c dom0-tools/libs/daemon/loop.c \
	dom0-tools/libs/domain/device.c dom0-tools/libs/domain/disk.c \
	dom0-tools/libs/domain/disk_claim.c \
	dom0-tools/libs/domain/store_util.c dom0-tools/libs/image/errmsg.c
disk_claim_LIBS := -Wl,--wrap=access -Wl,--wrap=device_wait_backend -luuid
