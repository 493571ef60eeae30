# SPDX-License-Identifier: MIT
# Every verb of the project. Non-recursive: each folder's build.mk is included
# here and names its files relative to this directory. All output goes to build/.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

include Config.mk

.PHONY: all hypervisor tools guests images run iso test test-lint test-abi \
	test-unit test-guests test-system bench deps clean help format \
	compile_commands.json

# The packages are looked at before anything else is made: the stamp is an
# included makefile, so make brings it up to date first and starts over.
NO_DEPS_GOALS := help clean deps format compile_commands.json
ifneq ($(filter-out $(NO_DEPS_GOALS),$(or $(MAKECMDGOALS),all)),)
include build/.deps
endif

build/.deps: tests/deps.sh
	@tests/deps.sh
	@mkdir -p $(@D)
	@echo "# packages of tests/deps.sh are installed" > $@

-include hypervisor/build.mk
-include dom0-tools/build.mk
-include guest-patches/build.mk
-include tests/build.mk
-include tests/abi/build.mk
-include tests/lint/build.mk
-include tests/unit/build.mk
-include tests/fuzz/build.mk
-include tests/model/build.mk
-include tests/coverage/build.mk
-include tests/bench/system/build.mk

all: hypervisor tools ## Build the hypervisor and the dom0 tools (default)

deps: ## Install the Debian packages that build and tests need
	@tests/deps.sh
	@mkdir -p build
	@echo "# packages of tests/deps.sh are installed" > build/.deps

C_FILES = $(shell git ls-files -co --exclude-standard -- '*.c' '*.h')

format: ## Rewrite every C file in the tree's format
	@clang-format -i $(C_FILES)

compile_commands.json: ## Compiler database for editors and clang-tidy
	@python3 tests/lint/compile_commands.py "$(MAKE)" > $@.tmp
	@mv $@.tmp $@

clean: ## Remove everything that was built
	rm -rf build compile_commands.json

help: ## Show this list
	@echo "Usage: make [DEBUG=1] [target ...]     knobs: see Config.mk"
	@awk -F ':.*## ' '/^[a-zA-Z_.-]+:.*## / \
		{ printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort -u
