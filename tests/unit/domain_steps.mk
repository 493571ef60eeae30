# SPDX-License-Identifier: MIT
domain_steps_SRCS := dom0-tools/libs/domain/steps.c \
	dom0-tools/libs/image/errmsg.c
