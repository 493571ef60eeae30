# SPDX-License-Identifier: MIT
cons_guests_SRCS := dom0-tools/consoled/guests.c
