# SPDX-License-Identifier: MIT
hostarch_SRCS :=
