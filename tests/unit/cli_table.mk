# SPDX-License-Identifier: MIT
cli_table_SRCS := dom0-tools/cli/commands.c dom0-tools/libs/domain/suggest.c
