# SPDX-License-Identifier: MIT
daemon_files_SRCS := dom0-tools/libs/daemon/files.c
