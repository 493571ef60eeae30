# SPDX-License-Identifier: MIT
cli_create_SRCS := dom0-tools/cli/cmd_create.c dom0-tools/cli/cmd_console.c \
	dom0-tools/libs/image/errmsg.c
