# SPDX-License-Identifier: MIT
grant_model_SRCS := hypervisor/core/grant_entry.c \
	hypervisor/core/grant_version.c
grant_model_CFLAGS := -DGRANT_SHARED_MODEL
