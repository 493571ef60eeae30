# SPDX-License-Identifier: MIT
xs_log_SRCS := dom0-tools/xenstored/logkeep.c dom0-tools/xenstored/quota.c \
	dom0-tools/libs/xs/wire.c dom0-tools/libs/daemon/log.c
