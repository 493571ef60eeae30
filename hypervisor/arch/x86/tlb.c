/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes, here and on other CPUs, and the clock that tells when one was
 * the last.
 *
 * The hypervisor's own entries are global, guests' never are (pv/l1e.c): a load
 * of CR3 drops what a guest may have used and keeps the hypervisor's. Those go
 * only when the hypervisor changes its own tables.
 *
 * The clock counts flushes of guests' entries, of all CPUs; a CPU's own time is
 * the count that its last one began with. A frame stamped S is in no TLB that
 * has a time later than S. Times are compared by signed difference, so no CPU
 * may fall behind by 2^31: every 2^30 counts all are made to flush.
 */
#include <hv/arch.h>
#include <hv/lib.h>
#include <hv/perfc.h>
#include <hv/smp.h>
#include <hv/softirq.h>

#include <asm/apic.h>
#include <asm/tlb.h>
#include <asm/x86.h>

#define CATCH_UP_EVERY (1U << 30)

static uint32_t clock = 1;
static DEFINE_PER_CPU(uint32_t, tlb_time);

static struct tasklet catch_up;

static void flush_all_cpus(void *unused)
{
    (void)unused;
    tlb_flush_mask(&cpu_online_map);
}

uint32_t tlb_clock(void)
{
    /* The page-table write before this must not pass the read. */
    smp_mb();
    return READ_ONCE(clock);
}

/* Begins a flush: the clock's value is the CPU's own once it is done. */
static uint32_t clock_tick(void)
{
    return __atomic_add_fetch(&clock, 1, __ATOMIC_SEQ_CST);
}

static void flush_ends(uint32_t now, unsigned long flags)
{
    WRITE_ONCE(this_cpu(tlb_time), now);
    irq_restore(flags);
    if (unlikely(!(now % CATCH_UP_EVERY)))
        tasklet_schedule(&catch_up);
}

void tlb_load_cr3(uint64_t cr3)
{
    unsigned long flags = irq_save();
    uint32_t now = clock_tick();

    write_cr3(cr3);
    flush_ends(now, flags);
}

void tlb_flush_local(void)
{
    tlb_load_cr3(read_cr3());
}

void tlb_flush_one_local(unsigned long va)
{
    invlpg(va);
}

/* Global entries go when CR4.PGE changes, and all others with them. With
 * isolation there are none (spec_ctrl.c). */
void tlb_flush_all_local(void)
{
    unsigned long flags = irq_save();
    uint32_t now = clock_tick();
    uint64_t cr4 = read_cr4();

    if (cr4 & CR4_PGE) {
        write_cr4(cr4 & ~CR4_PGE);
        write_cr4(cr4);
    } else {
        write_cr3(read_cr3());
    }
    flush_ends(now, flags);
}

static bool flushed_since(unsigned int cpu, uint32_t stamp)
{
    return (int32_t)(READ_ONCE(per_cpu(tlb_time, cpu)) - stamp) > 0;
}

/* Word by word: this is on the way of every new page table. */
void tlb_filter_mask(cpumask_t *mask, uint32_t stamp)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(mask->bits); i++) {
        unsigned long left = mask->bits[i];

        for (; left; left &= left - 1) {
            unsigned int bit = (unsigned int)__builtin_ctzl(left);

            if (flushed_since(i * BITS_PER_LONG + bit, stamp))
                mask->bits[i] &= ~BIT(bit);
        }
    }
}

void tlb_carry_out(const struct tlb_request *r)
{
    if (r->what == TLB_ONE_PAGE)
        tlb_flush_one_local(r->va);
    else if (r->what == TLB_GUEST_ENTRIES)
        tlb_flush_local();
    else
        tlb_flush_all_local();
}

static void flush_interrupt(struct cpu_regs *regs)
{
    (void)regs;
    tlb_request_serve();
}

/* Interrupts are on: who waits for others serves what they ask meanwhile, and
 * a CPU that waits here for a lock which the holder keeps with interrupts off
 * would never answer the holder's own flush. */
static void flush_mask(const cpumask_t *mask, struct tlb_request r)
{
    unsigned int cpu = smp_processor_id();
    cpumask_t others;

    cpumask_and(&others, mask, &cpu_online_map);
    if (cpumask_test(mask, cpu)) {
        tlb_carry_out(&r);
        bit_clear(others.bits, cpu);
    }
    if (cpumask_empty(&others))
        return;
    ASSERT(irq_is_enabled());
    perfc_inc(PERFC_TLB_REQUESTS);
    tlb_request_send(&others, &r);
}

void tlb_flush_mask(const cpumask_t *mask)
{
    flush_mask(mask, (struct tlb_request){.what = TLB_GUEST_ENTRIES});
}

void tlb_flush_one_mask(const cpumask_t *mask, unsigned long va)
{
    flush_mask(mask, (struct tlb_request){.what = TLB_ONE_PAGE, .va = va});
}

void tlb_flush_hypervisor(void)
{
    flush_mask(&cpu_online_map, (struct tlb_request){.what = TLB_ALL_ENTRIES});
}

void __init tlb_init(void)
{
    tasklet_init(&catch_up, flush_all_cpus, NULL);
    irq_vector_set_handler(VECTOR_TLB_FLUSH, flush_interrupt);
    tlb_flush_all_local();
}
