# SPDX-License-Identifier: MIT
# The options lie where the real linker script has them: see params.lds.
cmdline_SRCS := hypervisor/core/cmdline.c
cmdline_LIBS := -Wl,-T,tests/unit/params.lds
