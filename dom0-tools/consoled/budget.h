/* SPDX-License-Identifier: MIT */
/*
 * How much of our time a guest's console gets: 128 KiB of output in 200 ms,
 * each look at its ring counting as 128 bytes at least, whether there was
 * something or not. That is 640 KiB/s, or 5120 looks a second for a guest that
 * signals its port without printing; at ten to twenty microseconds a look, 5 to
 * 10 % of one cpu.
 *
 * An honest guest does not notice. Linux signals after each 16 bytes that its
 * kernel prints, but goes on while we wake up; even if each were a look of its
 * own, 200 lines of 80 characters fit into one period. An echoed character is
 * two looks. What comes faster gathers in the ring, which is taken at once when
 * the next period begins, at most 200 ms later.
 */
#ifndef CONSOLED_BUDGET_H
#define CONSOLED_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERIOD_MS    200
#define PERIOD_BYTES (128U * 1024)
#define LOOK_BYTES   128U

struct budget {
    uint64_t period; /* number of the present one */
    size_t spent;    /* bytes */
};

/* Periods are the same for all. */
bool budget_left(struct budget *b);
/* One look at the ring, which gave so many bytes. */
void budget_charge(struct budget *b, size_t bytes);
/* Milliseconds to the next period. */
int budget_wait_ms(void);

#endif
