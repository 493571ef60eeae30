/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, in xAPIC or x2APIC mode, and the vectors that belong to it.
 * Intel SDM vol. 3, "Advanced Programmable Interrupt Controller".
 */
#ifndef ASM_APIC_H
#define ASM_APIC_H

#include <hv/cpumask.h>
#include <hv/types.h>

/* Vectors. Devices get those from FIRST_DEVICE_VECTOR to LAST_DEVICE_VECTOR;
 * 0x80 is INT 0x80 of guests. */
#define FIRST_DEVICE_VECTOR 0x30
#define LAST_DEVICE_VECTOR  0xef
#define VECTOR_SERIAL       0xf9
#define VECTOR_TLB_FLUSH    0xfa
#define VECTOR_CALL         0xfb
#define VECTOR_EVENT_CHECK  0xfc
#define VECTOR_TIMER        0xfd
#define VECTOR_APIC_ERROR   0xfe
#define VECTOR_SPURIOUS     0xff

/* Registers, by xAPIC offset; in x2APIC mode MSR 0x800 + offset / 16. */
#define APIC_ID            0x20
#define APIC_VERSION       0x30
#define APIC_TPR           0x80
#define APIC_EOI           0xb0
#define APIC_LDR           0xd0
#define APIC_DFR           0xe0
#define APIC_SVR           0xf0
#define SVR_ENABLE         (1U << 8)
#define APIC_ISR           0x100
#define APIC_IRR           0x200
#define APIC_ESR           0x280
#define APIC_ICR           0x300
#define APIC_ICR_HIGH      0x310
#define ICR_FIXED          (0U << 8)
#define ICR_NMI            (4U << 8)
#define ICR_INIT           (5U << 8)
#define ICR_STARTUP        (6U << 8)
#define ICR_BUSY           (1U << 12)
#define ICR_ASSERT         (1U << 14)
#define ICR_LEVEL          (1U << 15)
#define APIC_LVT_TIMER     0x320
#define LVT_TIMER_DEADLINE (2U << 17)
#define APIC_LVT_THERMAL   0x330
#define APIC_LVT_PERF      0x340
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_LVT_ERROR     0x370
#define LVT_MASKED         (1U << 16)
#define LVT_NMI            (4U << 8)
#define LVT_EXTINT         (7U << 8)
#define APIC_TIMER_INIT    0x380
#define APIC_TIMER_COUNT   0x390
#define APIC_TIMER_DIVIDE  0x3e0
#define TIMER_DIVIDE_BY_1  0xb

struct cpu_regs;

extern bool x2apic_mode;

void apic_init_boot(void); /* finds and maps it; x2APIC if there is one */
void apic_init_cpu(void);  /* this CPU */
/* This CPU's back to what firmware leaves: xAPIC mode, the 8259s through
 * LINT0, the timer off. */
void apic_shutdown_cpu(void);
uint32_t apic_read(unsigned int reg);
void apic_write(unsigned int reg, uint32_t value);
uint32_t apic_id(void); /* of this CPU */
static inline void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/* Command with a delivery mode and vector to an APIC id; waits until sent. */
void apic_send(uint32_t dest_apic_id, uint32_t command);
void apic_send_ipi(unsigned int cpu, uint8_t vector);
void apic_send_ipi_mask(const cpumask_t *mask, uint8_t vector);

/*
 * Handler of a vector above LAST_DEVICE_VECTOR. It runs with interrupts off,
 * after the EOI. do_irq_vector() (entry.S) looks here first; all other vectors
 * go to do_irq(), which sees to their EOI itself.
 */
void irq_vector_set_handler(uint8_t vector, void (*fn)(struct cpu_regs *));
void do_irq(struct cpu_regs *regs);

/* The two 8259s: remapped out of the way and masked for good. */
void pic_disable(void);

#endif
