# SPDX-License-Identifier: MIT
rings_SRCS := dom0-tools/xenstored/ring.c dom0-tools/consoled/consring.c
rings_RUN := -max_len=4096
