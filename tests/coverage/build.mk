# SPDX-License-Identifier: MIT
# Which lines the unit tests and the test kernels run; see docs/testing.md.

COVERAGE_ARGS ?=

.PHONY: coverage
coverage: build/cover/trellis.elf guests ## Line coverage by unit tests and test kernels (minutes)
	@$(MAKE) --no-print-directory UNIT_OUT=build/cover/unit \
		UNIT_SANITIZE="-fsanitize=address --coverage -O0" WERROR= unit
	@tests/coverage/coverage.py $(COVERAGE_ARGS)
