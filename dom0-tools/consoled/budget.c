/* SPDX-License-Identifier: MIT */
/* How much of our time a guest's console gets: see budget.h. */
#include "budget.h"

#include "libs/daemon/log.h"

bool budget_left(struct budget *b)
{
    uint64_t now = log_now_ms() / PERIOD_MS;

    if (now != b->period) {
        b->period = now;
        b->spent = 0;
    }
    return b->spent < PERIOD_BYTES;
}

void budget_charge(struct budget *b, size_t bytes)
{
    b->spent += bytes > LOOK_BYTES ? bytes : LOOK_BYTES;
}

int budget_wait_ms(void)
{
    return PERIOD_MS - (int)(log_now_ms() % PERIOD_MS);
}
