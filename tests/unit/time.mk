# SPDX-License-Identifier: MIT
# Ports, time stamp counter and clocks are a model's: see x86_model.h.
time_SRCS := hypervisor/arch/x86/time.c hypervisor/arch/x86/refclock.c \
	hypervisor/core/cmdline.c
time_CFLAGS := -include tests/unit/hostarch/include/x86_model.h
time_LIBS := -lpthread -Wl,-T,tests/unit/params.lds
