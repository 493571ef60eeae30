# SPDX-License-Identifier: MIT
#
# dom0-tools: libraries and programs of the control domain.
#
# Every folder libs/X becomes build/tools/lib/libX.a; every program folder
# becomes one static binary under build/tools/bin, which needs nothing from the
# initramfs it is put into. Sources are found by wildcard: a new file needs no
# change here. Include as "libs/sys/sys.h", <public/xen.h>.

TOOLS_LIBS := domain image console daemon xs sys
TOOLS_PROGS := xenstored consoled tl

TOOLS_SRCDIR_xenstored := dom0-tools/xenstored
TOOLS_SRCDIR_consoled := dom0-tools/consoled
TOOLS_SRCDIR_tl := dom0-tools/cli

# Our own libraries a program may link (see the arrows in docs/map.md), and
# the system's. tl names libs/domain only; the rest follows from it.
TOOLS_USES_xenstored := daemon xs sys
TOOLS_USES_consoled := console daemon xs sys
TOOLS_USES_tl := domain image console xs sys
TOOLS_LDLIBS_tl := -ljson-c -luuid -llzma -lzstd -llz4 -lz

TOOLS_OUT := build/tools
TOOLS_CPPFLAGS := -D__XEN_TOOLS__ -Idom0-tools
TOOLS_LDFLAGS := -static $(TOOL_LDFLAGS) -Wl,--build-id=none

tools_objs = $(patsubst %.c,$(TOOLS_OUT)/obj/%.o,$(sort $(wildcard $(1)/*.c)))
tools_lib = $(patsubst %,$(TOOLS_OUT)/lib/lib%.a,$(1))

# A library or program whose folder is still empty is left out.
TOOLS_HAVE_LIBS := $(foreach l,$(TOOLS_LIBS),\
	$(if $(wildcard dom0-tools/libs/$(l)/*.c),$(l)))
TOOLS_HAVE_PROGS := $(foreach p,$(TOOLS_PROGS),\
	$(if $(wildcard $(TOOLS_SRCDIR_$(p))/*.c),$(p)))

TOOLS_OBJS :=

define tools_lib_rule
TOOLS_OBJS += $(call tools_objs,dom0-tools/libs/$(1))
$(call tools_lib,$(1)): $(call tools_objs,dom0-tools/libs/$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(AR) rcsD $$@ $$^
endef

define tools_prog_rule
TOOLS_OBJS += $(call tools_objs,$(TOOLS_SRCDIR_$(1)))
$(TOOLS_OUT)/bin/$(1): $(call tools_objs,$(TOOLS_SRCDIR_$(1))) \
	$(call tools_lib,$(filter $(TOOLS_HAVE_LIBS),$(TOOLS_USES_$(1))))
	@mkdir -p $$(@D)
	$$(CC) $$(TOOLS_LDFLAGS) -o $$@ -Wl,--start-group $$^ \
	    -Wl,--end-group $(TOOLS_LDLIBS_$(1))
endef

$(foreach l,$(TOOLS_HAVE_LIBS),$(eval $(call tools_lib_rule,$(l))))
$(foreach p,$(TOOLS_HAVE_PROGS),$(eval $(call tools_prog_rule,$(p))))

$(TOOLS_OUT)/obj/%.o: %.c dom0-tools/build.mk
	@mkdir -p $(@D)
	$(CC) $(TOOLS_CPPFLAGS) $(TOOL_CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: tools
tools: $(patsubst %,$(TOOLS_OUT)/bin/%,$(TOOLS_HAVE_PROGS)) \
	$(call tools_lib,$(TOOLS_HAVE_LIBS))

-include $(TOOLS_OBJS:.o=.d)
