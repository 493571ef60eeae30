# SPDX-License-Identifier: MIT
domain_state_SRCS := hypervisor/core/domain_state.c
