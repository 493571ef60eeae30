# SPDX-License-Identifier: MIT
cli_store_SRCS := dom0-tools/cli/cmd_store.c
cli_store_LIBS := -Wl,--wrap=isatty -ljson-c
