# SPDX-License-Identifier: MIT
cfg_guest_SRCS := dom0-tools/libs/domain/cfg.c \
	dom0-tools/libs/domain/guest_keys.c \
	dom0-tools/libs/domain/guest_config.c \
	dom0-tools/libs/domain/guest_json.c \
	dom0-tools/libs/domain/disk_spec.c dom0-tools/libs/domain/vif_spec.c \
	dom0-tools/libs/domain/suggest.c dom0-tools/libs/image/errmsg.c
cfg_guest_LIBS := -ljson-c -luuid
