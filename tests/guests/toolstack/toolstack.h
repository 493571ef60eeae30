/* SPDX-License-Identifier: MIT */
/*
 * What the files of this kernel share: a guest that things are done to, and
 * calls with a fresh argument.
 */
#ifndef TOOLSTACK_H
#define TOOLSTACK_H

#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/time.h>
#include <kit/test.h>
#include <public/platform.h>
#include <public/sysctl.h>

#define NO_DOMAIN 77 /* does not exist */

extern struct kit_domain guest;

/* Zeroed by fresh(); the calls fill in command and version. */
extern struct xen_domctl dc;
extern struct xen_sysctl sc;
extern struct xen_platform_op po;

void fresh(void);
long on_guest(uint32_t cmd); /* dc on the guest */
long sysctl(uint32_t cmd);
long platform(uint32_t cmd);

/* Pages of zeroes for arrays, filled again by the tests. */
extern uint8_t buf[2 * PAGE_SIZE];

extern const struct test life_tests[], state_tests[], machine_tests[],
    residue_tests[];
extern const unsigned int nr_life_tests, nr_state_tests, nr_machine_tests,
    nr_residue_tests;

#endif
