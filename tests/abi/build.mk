# SPDX-License-Identifier: MIT
# include/public against Debian's copy of the ABI; see check.py.

test-abi: ## Compare include/public with libxen-dev, item by item
	@PYTHONDONTWRITEBYTECODE=1 python3 tests/abi/check.py build/abi
