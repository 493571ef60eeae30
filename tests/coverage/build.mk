# SPDX-License-Identifier: MIT
# Which lines the unit tests and the test kernels run; see docs/testing.md.

COVERAGE_ARGS ?=

.PHONY: coverage
coverage: build/cover/trellis.elf ## Line coverage by unit tests and test kernels (minutes)
	@$(MAKE) --no-print-directory UNIT_OUT=build/cover/unit \
		UNIT_SANITIZE="-fsanitize=address --coverage -O0" WERROR= unit
	@$(MAKE) --no-print-directory KIT_OUT=build/cover/guests \
		KIT_EXTRA_CFLAGS=-DKIT_CALLS guests
	@tests/coverage/coverage.py $(COVERAGE_ARGS)
