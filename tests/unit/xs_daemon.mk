# SPDX-License-Identifier: MIT
xs_daemon_SRCS := $(filter-out %/link.c %/dom0ring.c %/domstate.c,\
	$(wildcard dom0-tools/xenstored/*.c)) $(wildcard dom0-tools/libs/xs/*.c) \
	$(wildcard dom0-tools/libs/daemon/*.c)
# The daemon's main() is called by the test, in a process of its own.
xs_daemon_SRC_CFLAGS := -Dmain=xenstored_main
