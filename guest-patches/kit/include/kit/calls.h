/* SPDX-License-Identifier: MIT */
/*
 * Which operations of the ABI a kernel called, and whether one succeeded and
 * one was refused for its arguments. Only in kernels built for `make coverage`
 * (KIT_CALLS); in all others nothing is left of it.
 */
#ifndef KIT_CALLS_H
#define KIT_CALLS_H

#include <kit/types.h>

#ifdef KIT_CALLS

/* Note hypercall `nr` with its first three arguments, and return its result. */
long call_seen(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3, long rc);

/*
 * Lines of `CALLS nr:op=letters`: g a success, b an error, s an error that
 * says that the domain is none, f one that says that the address is none.
 */
void calls_print(void);

#else

static inline long call_seen(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
                             long rc)
{
    (void)nr;
    (void)a1;
    (void)a2;
    (void)a3;
    return rc;
}

static inline void calls_print(void)
{
}

#endif

#endif
