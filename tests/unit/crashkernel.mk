# SPDX-License-Identifier: MIT
crashkernel_SRCS := hypervisor/core/crashkernel.c hypervisor/core/cmdline.c
