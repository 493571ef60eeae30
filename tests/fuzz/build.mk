# SPDX-License-Identifier: MIT
#
# Fuzzers: each tests/fuzz/NAME.mk describes one libFuzzer program made of
# tests/fuzz/NAME.c and
#   NAME_SRCS    sources under test and helpers, from the top of the tree
#   NAME_CFLAGS  further flags (optional)
#   NAME_SRC_CFLAGS  further flags for the sources under test (optional)
#   NAME_COV     how coverage is traced (optional)
#   NAME_LDFLAGS, NAME_LIBS, NAME_RUN  link flags, libraries, libFuzzer's
#                options (optional)
# under clang's address and undefined behaviour sanitizers. Inputs that reach
# something of their own are kept in tests/fuzz/corpus/NAME.

FUZZ_OUT := build/fuzz
FUZZ_DIR := tests/fuzz
FUZZ_FLAGS := Config.mk $(FUZZ_DIR)/build.mk
FUZZ_CC ?= clang

FUZZ_SAN := address,undefined
FUZZ_CFLAGS := -std=gnu11 -O2 -g -fno-omit-frame-pointer -fno-strict-aliasing \
	-D_GNU_SOURCE -fsanitize=$(FUZZ_SAN) \
	-fno-sanitize=object-size,alignment,function \
	-fno-sanitize-recover=undefined -Wall -Wextra -Wno-unknown-warning-option \
	-Wno-address-of-packed-member -Wno-unused-function $(WERROR)
FUZZ_HV_CFLAGS := $(FUZZ_CFLAGS) -DTRELLIS_DEBUG=1 -DTRELLIS_VERSION='"fuzz"' \
	-I$(UNIT_DIR)/hostarch/include -Ihypervisor/include \
	-Ihypervisor/arch/x86/include -Iinclude -Ihypervisor
FUZZ_TOOL_CFLAGS := $(FUZZ_CFLAGS) -D__XEN_TOOLS__ -Idom0-tools -Iinclude

FUZZ_NAMES := $(sort $(basename $(notdir $(filter-out %/build.mk,\
	$(wildcard $(FUZZ_DIR)/*.mk)))))
-include $(FUZZ_NAMES:%=$(FUZZ_DIR)/%.mk)
FUZZ ?= $(FUZZ_NAMES)

# hostarch once more, for clang. Every fuzzer of hypervisor code links it.
FUZZ_HOST_OBJS := $(patsubst $(UNIT_DIR)/hostarch/%.c,$(FUZZ_OUT)/host.d/%.o,\
	$(wildcard $(UNIT_DIR)/hostarch/*.c))
FUZZ_HOST_LIB := $(FUZZ_OUT)/libhostarch.a

$(FUZZ_OUT)/host.d/%.o: $(UNIT_DIR)/hostarch/%.c $(FUZZ_FLAGS)
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(FUZZ_HV_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_HOST_LIB): $(FUZZ_HOST_OBJS)
	@rm -f $@
	$(AR) rcsD $@ $^

fuzz_is_tool = $(filter dom0-tools/%,$($(1)_SRCS))
# Coverage: of comparisons too, except where inputs choose from lists anyway.
fuzz_cov = $(or $($(1)_COV),-fsanitize=fuzzer-no-link)
fuzz_cflags = $(if $(fuzz_is_tool),$(FUZZ_TOOL_CFLAGS),$(FUZZ_HV_CFLAGS)) \
	$(fuzz_cov) $($(1)_CFLAGS)
fuzz_objs = $(patsubst %,$(FUZZ_OUT)/$(1).d/%.o,\
	$(basename $(FUZZ_DIR)/$(1).c $($(1)_SRCS)))

FUZZ_OBJS := $(FUZZ_HOST_OBJS)

define fuzz_rule
FUZZ_OBJS += $(call fuzz_objs,$(1))

$(FUZZ_OUT)/$(1).d/$(FUZZ_DIR)/%.o: $(FUZZ_DIR)/%.c $(FUZZ_DIR)/$(1).mk $(FUZZ_FLAGS)
	@mkdir -p $$(@D)
	@$(FUZZ_CC) $(call fuzz_cflags,$(1)) -MMD -MP -c -o $$@ $$<

$(FUZZ_OUT)/$(1).d/%.o: %.c $(FUZZ_DIR)/$(1).mk $(FUZZ_FLAGS)
	@mkdir -p $$(@D)
	@$(FUZZ_CC) $(call fuzz_cflags,$(1)) $($(1)_SRC_CFLAGS) -MMD -MP -c -o $$@ $$<

$(FUZZ_OUT)/$(1): $(call fuzz_objs,$(1)) $(if $(fuzz_is_tool),,$(FUZZ_HOST_LIB))
	@$(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SAN) $($(1)_LDFLAGS) \
		$(if $(fuzz_is_tool),,-Wl$(comma)-T$(comma)$(UNIT_DIR)/hostarch/percpu.lds) \
		-o $$@ $$^ $($(1)_LIBS)
endef
comma := ,
$(foreach n,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(n))))

-include $(FUZZ_OBJS:.o=.d)

.PHONY: fuzzers fuzz fuzz-merge test-fuzz
fuzzers: $(FUZZ_NAMES:%=$(FUZZ_OUT)/%) ## Build the fuzzers

# Each in turn, FUZZ_TIME seconds long, from the kept corpus; what it finds new
# is in build/fuzz/NAME.new, inputs that fail in build/fuzz/NAME-*.
FUZZ_TIME ?= 60
fuzz: $(FUZZ:%=$(FUZZ_OUT)/%) ## Fuzz each target for FUZZ_TIME seconds; FUZZ=NAME for one
	@$(FUZZ_DIR)/run.sh fuzz $(FUZZ_OUT) $(FUZZ_TIME) $(FUZZ)

fuzz-merge: $(FUZZ:%=$(FUZZ_OUT)/%) ## Keep what build/fuzz/NAME.new adds, smallest inputs first
	@$(FUZZ_DIR)/run.sh merge $(FUZZ_OUT) 0 $(FUZZ)

# A fuzzer that does not build is a failed test, and does not hide the others.
test-fuzz: ## Run every kept input of the fuzzers once
	@$(MAKE) --no-print-directory -k fuzzers || true
	@$(FUZZ_DIR)/run.sh replay $(FUZZ_OUT) 0 $(FUZZ)
