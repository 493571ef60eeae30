# SPDX-License-Identifier: MIT
# All of core, the hypercalls and the PV code; what only hardware runs is left
# out or stands in hv_machine.c. A function that is new there and not here is
# only a warning of the linker, and a crash if it is called.
hypercalls_SRCS := tests/fuzz/hv_machine.c tests/fuzz/hv_world.c \
	tests/fuzz/hv_ops.c hypervisor/arch/x86/hypercall.c hypervisor/lib/bitmap.c \
	$(wildcard hypervisor/hypercall/*.c) \
	$(filter-out $(addprefix hypervisor/core/,hv_alloc.c console.c \
		console_input.c panic.c cmdline.c keys.c \
		crashkernel.c),\
		$(wildcard hypervisor/core/*.c)) \
	$(filter-out $(addprefix hypervisor/arch/x86/pv/,dom0_build.c \
		dom0_layout.c dom0_kernel.c dom0_unpack.c context.c),\
		$(wildcard hypervisor/arch/x86/pv/*.c))
hypercalls_COV := -fsanitize-coverage=inline-8bit-counters,pc-table
hypercalls_CFLAGS := -Wno-missing-field-initializers
hypercalls_LDFLAGS := -Wl,--wrap=hypercall_preempt_check \
	-Wl,--wrap=do_set_segment_base -Wl,--wrap=domain_shutdown \
	-Wl,--warn-unresolved-symbols -no-pie
hypercalls_RUN := -max_len=2048 -len_control=20 -rss_limit_mb=1024
