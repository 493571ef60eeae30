# SPDX-License-Identifier: MIT
xs_wire_SRCS := dom0-tools/libs/xs/wire.c
