# SPDX-License-Identifier: MIT
ptype_SRCS := $(addprefix hypervisor/arch/x86/pv/,ptype.c page_ref.c \
	pt_tables.c l1e.c l1tf.c pt_entry.c drops.c mm_relinquish.c)
