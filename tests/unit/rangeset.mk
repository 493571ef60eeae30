# SPDX-License-Identifier: MIT
rangeset_SRCS := hypervisor/core/rangeset.c
