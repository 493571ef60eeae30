/* SPDX-License-Identifier: MIT */
/*
 * Requests to flush from CPU to CPU, without a lock.
 *
 * Each CPU has one request of its own, filled in before it asks anybody and
 * left alone until all whom it asked have done it. Each CPU also has a set of
 * those that ask it. Who asks adds itself to that set, and sends an interrupt
 * if the word of the set that it is in was empty: else one is on its way, sent
 * by who found it empty. Who is asked takes the word as a whole, and only then
 * reads the requests and does them: what comes later finds an empty word, and
 * sends an interrupt again.
 */
#include <hv/lib.h>
#include <hv/percpu.h>
#include <hv/smp.h>

#include <asm/apic.h>
#include <asm/tlb.h>
#include <asm/x86.h>

struct asker {
    struct tlb_request request;
    unsigned long left; /* how many have not done it */
};
static DEFINE_PER_CPU(struct asker, asker);
static DEFINE_PER_CPU(cpumask_t, asked_by);

/* What several want of one kind is done once. */
static void serve(unsigned int from, unsigned long askers)
{
    struct tlb_request most = {.what = TLB_ONE_PAGE};
    unsigned long left;

    for (left = askers; left; left &= left - 1) {
        const struct tlb_request *r =
            &per_cpu(asker, from + (unsigned int)__builtin_ctzl(left)).request;

        if (r->what == TLB_ONE_PAGE)
            tlb_carry_out(r);
        else
            most.what = max_t(enum tlb_what, most.what, r->what);
    }
    if (most.what != TLB_ONE_PAGE)
        tlb_carry_out(&most);
    for (left = askers; left; left &= left - 1)
        (void)__atomic_fetch_sub(
            &per_cpu(asker, from + (unsigned int)__builtin_ctzl(left)).left, 1,
            __ATOMIC_RELEASE);
}

void tlb_request_serve(void)
{
    unsigned long *word = this_cpu(asked_by).bits;

    for (unsigned int from = 0; from < nr_cpus; from += BITS_PER_LONG, word++) {
        unsigned long askers = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);

        if (askers)
            serve(from, askers);
    }
}

/* An IPI is needed. */
static bool ask(unsigned int cpu, unsigned int me)
{
    unsigned long *word = &per_cpu(asked_by, cpu).bits[me / BITS_PER_LONG];

    return !__atomic_fetch_or(word, BIT(me % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

void tlb_request_send(const cpumask_t *others, const struct tlb_request *r)
{
    unsigned int cpu, me = smp_processor_id();
    struct asker *mine = &this_cpu(asker);
    cpumask_t to_wake = {{0}};

    mine->request = *r;
    __atomic_store_n(&mine->left, bitmap_weight(others->bits, MAX_CPUS),
                     __ATOMIC_RELEASE);
    for_each_cpu (cpu, others)
        if (ask(cpu, me))
            bit_set(to_wake.bits, cpu);
    apic_send_ipi_mask(&to_wake, VECTOR_TLB_FLUSH);
    while (__atomic_load_n(&mine->left, __ATOMIC_ACQUIRE))
        cpu_relax();
}
