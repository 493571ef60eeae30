# SPDX-License-Identifier: MIT
cfg_parse_SRCS := dom0-tools/libs/domain/cfg.c dom0-tools/libs/image/errmsg.c
