# SPDX-License-Identifier: MIT
# Rules of the tree that a machine can check; see lint.py.

CHECK ?=
LINT_PUBLIC_CFLAGS := -std=gnu11 -ffreestanding -Wall -Wextra -Wundef -Werror \
	-Iinclude

# CHECK=layering (or headers, format, spdx, words, shell, python, branches):
# that only.
test-lint: $(HV_OUT)/trellis.elf ## Layering, headers alone, formatting, licenses; CHECK=one
	@PYTHONDONTWRITEBYTECODE=1 python3 tests/lint/lint.py \
		$(CHECK:%=--only=%) "public=$(LINT_PUBLIC_CFLAGS)" \
		"image=$<" \
		'hv=$(HV_BASE_CFLAGS) -I$(HV_OUT)/gen' \
		"tool=$(TOOLS_CPPFLAGS) $(TOOL_CFLAGS)" \
		"kit=$(filter-out -MMD -MP,$(KIT_CFLAGS))" \
		"unit=$(UNIT_HV_CFLAGS)"
