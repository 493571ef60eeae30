# SPDX-License-Identifier: MIT
#
# Models: tests/model/NAME.c runs the hypervisor's own sources (NAME_SRCS) under
# all interleavings of a few threads. tests/model/NAME.broken lists changes of
# these sources, each of which takes a protection away: a model that still
# holds then is no model, and a failed test.

MODEL_OUT := build/model
MODEL_DIR := tests/model
MODEL_NAMES := ptype fifo sleep flush

MODEL_CFLAGS := -std=gnu11 -O1 -g -fno-strict-aliasing -D_GNU_SOURCE \
	-DTRELLIS_DEBUG=1 -I$(MODEL_DIR) -I$(UNIT_DIR)/hostarch/include \
	-Ihypervisor/include -Ihypervisor/arch/x86/include -Iinclude -Ihypervisor \
	-Ihypervisor/core $(filter-out -Wmissing-prototypes -Wconversion,$(WARNINGS)) \
	-Wno-shadow

ptype_MODEL := $(addprefix hypervisor/arch/x86/pv/,ptype.c page_ref.c \
	pt_tables.c l1e.c l1tf.c pt_entry.c drops.c)
fifo_MODEL := hypervisor/core/evtchn_fifo.c
flush_MODEL := hypervisor/arch/x86/tlb_request.c
sleep_MODEL := hypervisor/core/vcpu_sleep.c hypervisor/core/evtchn_send.c \
	hypervisor/hypercall/sched_op.c

.PHONY: test-model
test-model: ## Model checking: page types, event queues, sleep, flushes; all interleavings
	@$(MODEL_DIR)/run.sh $(MODEL_OUT) "$(CC)" "$(MODEL_CFLAGS)" \
		$(foreach m,$(MODEL_NAMES),$(m):$(subst $(eval ) ,$(comma),$($(m)_MODEL)))
