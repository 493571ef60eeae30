# SPDX-License-Identifier: MIT
decode_SRCS := hypervisor/arch/x86/pv/decode.c
