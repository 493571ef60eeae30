# SPDX-License-Identifier: MIT
xs_ring_SRCS := dom0-tools/xenstored/ring.c
