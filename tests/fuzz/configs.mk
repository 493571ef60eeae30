# SPDX-License-Identifier: MIT
configs_SRCS := dom0-tools/libs/domain/cfg.c \
	dom0-tools/libs/domain/guest_keys.c \
	dom0-tools/libs/domain/guest_config.c \
	dom0-tools/libs/domain/guest_json.c \
	dom0-tools/libs/domain/disk_spec.c dom0-tools/libs/domain/vif_spec.c \
	dom0-tools/libs/domain/suggest.c dom0-tools/libs/image/errmsg.c
configs_LIBS := -ljson-c -luuid
configs_RUN := -max_len=1024
