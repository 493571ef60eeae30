# SPDX-License-Identifier: MIT
# Nothing but the macros of include/public/io/ring.h.
ring_SRCS :=
