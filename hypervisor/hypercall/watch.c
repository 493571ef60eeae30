/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls that are traced or counted. Nobody pays for it otherwise: the
 * entry code takes its handlers from another table meanwhile.
 */
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/trace.h>

/* arch: calls watch_hypercall(), then the handler of hypercall_table. */
long watched_hypercall(unsigned long a1, unsigned long a2, unsigned long a3,
                       unsigned long a4, unsigned long a5, unsigned long a6);

static const hypercall_fn watched_table[NR_HYPERCALLS] = {
    [0 ... NR_HYPERCALLS - 1] = watched_hypercall};

const hypercall_fn *hypercall_dispatch = hypercall_table;

void hypercall_watch(enum hypercall_watcher who, bool on)
{
    static unsigned int watchers;
    unsigned int now = on ? __atomic_or_fetch(&watchers, who, __ATOMIC_SEQ_CST)
                          : __atomic_and_fetch(&watchers, ~(unsigned int)who,
                                               __ATOMIC_SEQ_CST);

    WRITE_ONCE(hypercall_dispatch, now ? watched_table : hypercall_table);
}

/* As many arguments as fit, each in as many words as it needs. */
static void trace_call(uint32_t event, unsigned int nr,
                       const unsigned long args[6])
{
    uint32_t word[TRACE_EXTRA_MAX] = {nr};
    unsigned int n = 1;

    for (unsigned int i = 0; i < 6; i++) {
        unsigned long a = args[5 - i];

        if (n + (a >> 32 ? 2 : 1) > TRACE_EXTRA_MAX)
            break;
        word[0] |= a >> 32 ? (uint32_t)TRC_PV_HYPERCALL_V2_ARG_64(i)
                           : (uint32_t)TRC_PV_HYPERCALL_V2_ARG_32(i);
        word[n++] = (uint32_t)a;
        if (a >> 32)
            word[n++] = (uint32_t)(a >> 32);
    }
    trace_record(event, n, word);
}

void watch_hypercall(unsigned int nr, const unsigned long args[6])
{
    perfc_inc_hypercall(nr % PERFC_NR_HYPERCALLS);
    current->perfc.hypercalls++;
    if (READ_ONCE(trace_active))
        trace_call(TRC_PV_HYPERCALL_V2, nr, args);
}

void watch_subcall(unsigned int nr, const unsigned long args[6])
{
    perfc_inc_hypercall(nr % PERFC_NR_HYPERCALLS);
    current->perfc.hypercalls++;
    if (READ_ONCE(trace_active))
        trace_call(TRC_PV_HYPERCALL_SUBCALL, nr, args);
}
