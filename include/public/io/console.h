/* SPDX-License-Identifier: MIT */
/*
 * The console ring: one page shared by guest and console daemon. Indices run
 * freely; the reader advances cons, the writer prod.
 */
#ifndef PUBLIC_IO_CONSOLE_H
#define PUBLIC_IO_CONSOLE_H

#include <stdint.h>

typedef uint32_t XENCONS_RING_IDX;

struct xencons_interface {
    char in[1024];
    char out[2048];
    XENCONS_RING_IDX in_cons;
    XENCONS_RING_IDX in_prod;
    XENCONS_RING_IDX out_cons;
    XENCONS_RING_IDX out_prod;
};
#define MASK_XENCONS_IDX(idx, ring) ((idx) & (sizeof(ring) - 1))

#endif
