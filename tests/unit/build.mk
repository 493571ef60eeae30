# SPDX-License-Identifier: MIT
#
# Unit tests: each tests/unit/NAME.mk describes one program made of
# tests/unit/NAME.c and
#   NAME_SRCS    sources under test, from the top of the tree
#   NAME_CFLAGS  further flags (optional)
#   NAME_SRC_CFLAGS  further flags for the sources only (optional)
#   NAME_LIBS    further libraries (optional)
# linked with cmocka and hostarch, under the address and undefined behaviour
# sanitizers. `make test-unit UNIT=NAME` runs one.

UNIT_OUT := build/unit
UNIT_DIR := tests/unit
UNIT_FLAGS := Config.mk $(UNIT_DIR)/build.mk

UNIT_HV_CFLAGS := $(filter-out -Wdate-time,$(UNIT_CFLAGS)) \
	-fno-sanitize=object-size -DTRELLIS_DEBUG=1 -I$(UNIT_DIR)/hostarch/include \
	-Ihypervisor/include -Ihypervisor/arch/x86/include -Iinclude \
	-Ihypervisor
UNIT_TOOL_CFLAGS := $(UNIT_CFLAGS) -D__XEN_TOOLS__ -Idom0-tools -Iinclude

UNIT_NAMES := $(sort $(basename $(notdir $(filter-out %/build.mk,\
	$(wildcard $(UNIT_DIR)/*.mk)))))
-include $(UNIT_NAMES:%=$(UNIT_DIR)/%.mk)
UNIT ?= $(UNIT_NAMES)

HOSTARCH_OBJS := $(patsubst $(UNIT_DIR)/hostarch/%.c,$(UNIT_OUT)/hostarch.d/host/%.o,\
	$(wildcard $(UNIT_DIR)/hostarch/*.c))
HOSTARCH_LIB := $(UNIT_OUT)/libhostarch.a

$(UNIT_OUT)/hostarch.d/host/%.o: $(UNIT_DIR)/hostarch/%.c $(UNIT_FLAGS)
	@mkdir -p $(@D)
	$(CC) $(UNIT_HV_CFLAGS) -MMD -MP -c -o $@ $<

$(HOSTARCH_LIB): $(HOSTARCH_OBJS)
	@rm -f $@
	$(AR) rcsD $@ $^

# A test of the tools sees libc; a test of the hypervisor sees hv and hostarch.
unit_is_tool = $(filter dom0-tools/%,$($(1)_SRCS))
unit_cflags = $(if $(unit_is_tool),$(UNIT_TOOL_CFLAGS),$(UNIT_HV_CFLAGS)) \
	$($(1)_CFLAGS)
unit_objs = $(patsubst %,$(UNIT_OUT)/$(1).d/%.o,\
	$(basename $(UNIT_DIR)/$(1).c $($(1)_SRCS)))

UNIT_OBJS := $(HOSTARCH_OBJS)

define unit_rule
UNIT_OBJS += $(call unit_objs,$(1))

$(UNIT_OUT)/$(1).d/$(UNIT_DIR)/$(1).o: $(UNIT_DIR)/$(1).c $(UNIT_DIR)/$(1).mk $(UNIT_FLAGS)
	@mkdir -p $$(@D)
	$$(CC) $(call unit_cflags,$(1)) -MMD -MP -c -o $$@ $$<

$(UNIT_OUT)/$(1).d/%.o: %.c $(UNIT_DIR)/$(1).mk $(UNIT_FLAGS)
	@mkdir -p $$(@D)
	$$(CC) $(call unit_cflags,$(1)) $($(1)_SRC_CFLAGS) -MMD -MP -c -o $$@ $$<

$(UNIT_OUT)/$(1): $(call unit_objs,$(1)) $(HOSTARCH_LIB)
	$$(CC) $(UNIT_SANITIZE) \
		-Wl,-T,$(UNIT_DIR)/hostarch/percpu.lds -o $$@ $$^ \
		$($(1)_LIBS) -lcmocka
endef
$(foreach n,$(UNIT_NAMES),$(eval $(call unit_rule,$(n))))

-include $(UNIT_OBJS:.o=.d)

.PHONY: unit
unit: $(UNIT:%=$(UNIT_OUT)/%) ## Build the unit tests

# A test that does not build is a failed test, and does not hide the others.
test-unit: ## Build and run the unit tests; UNIT=NAME for one
	@$(MAKE) --no-print-directory -k unit || \
		for n in $(UNIT); do \
			$(MAKE) -q --no-print-directory $(UNIT_OUT)/$$n || rm -f $(UNIT_OUT)/$$n; \
		done > /dev/null 2>&1
	@$(UNIT_DIR)/run.sh $(UNIT_OUT) $(UNIT)
