# SPDX-License-Identifier: MIT
cpuid_policy_SRCS := hypervisor/arch/x86/pv/cpuid_policy.c
