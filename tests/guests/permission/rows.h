/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own rows of who may do what, as data for the test of them;
 * and a call of each with arguments that look valid.
 */
#ifndef PERMISSION_ROWS_H
#define PERMISSION_ROWS_H

#include <kit/types.h>

enum who {
    ANYONE,
    OWN,
    MODEL,
    DRIVER,
    STORE,
    CONTROL,
    NOBODY
};

struct row {
    const char *name;
    unsigned int hypercall, op;
    enum who who;
    long refusal;  /* as the call gives it: negative */
    int target_at; /* offset in the argument, -1: no domain is named */
};

extern const struct row rows[];
extern const unsigned int nr_rows;

/* Some operations end the caller, or never come back: they have tests of
 * their own. */
bool row_is_callable(const struct row *r);

/* Do it, with the argument's domain set; the result or the status of the one
 * element. */
long row_call(const struct row *r, unsigned int domid);

/* The same with the argument at an address that is not ours to give. */
bool row_takes_pointer(const struct row *r);
long row_call_at(const struct row *r, uint64_t at);

#endif
