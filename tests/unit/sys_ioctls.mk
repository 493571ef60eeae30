# SPDX-License-Identifier: MIT
# Only numbers are looked at; the source makes this a test of the tools.
sys_ioctls_SRCS := dom0-tools/libs/sys/xenbus.c
