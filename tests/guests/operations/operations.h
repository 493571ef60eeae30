/* SPDX-License-Identifier: MIT */
/*
 * What the parts of this kernel share.
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/platform.h>

#define NO_DOMAIN 77 /* does not exist */

extern const struct test self_tests[], machine_tests[], guest_tests[];
extern const unsigned int nr_self_tests, nr_machine_tests, nr_guest_tests;

/* A page of which the last bytes are mapped and what follows is not: the
 * address where `len` bytes end with it. */
void *at_the_end(size_t len);

/* A guest does what its command line says: main.c. */
void guest_role(void);

#endif
