# SPDX-License-Identifier: MIT
create_check_SRCS := dom0-tools/libs/domain/create.c \
	dom0-tools/libs/domain/guest_config.c dom0-tools/libs/domain/steps.c \
	dom0-tools/libs/image/errmsg.c
