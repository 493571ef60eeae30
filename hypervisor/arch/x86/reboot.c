/* SPDX-License-Identifier: MIT */
/*
 * Stopping, restarting and switching off the machine.
 */
#include <hv/acpi.h>
#include <hv/arch.h>
#include <hv/cmdline.h>
#include <hv/lib.h>
#include <hv/panic.h>
#include <hv/smp.h>

#include <asm/apic.h>
#include <asm/boot.h>
#include <asm/desc.h>
#include <asm/page.h>
#include <asm/x86.h>

#define RESET_CONTROL   0xcf9 /* PC chip sets */
#define RESET_CPU       0x02
#define RESET_START     0x04
#define RESET_FULL      0x08
#define KBD_COMMAND     0x64
#define KBD_STATUS_FULL 0x02
#define KBD_PULSE_RESET 0xfe

#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP_MASK  (7U << PM1_SLP_TYP_SHIFT)
#define PM1_SLP_EN        (1U << 13)

/* ACPI may ask for a reset by memory: mapped while mapping is possible. */
static volatile uint8_t *reset_memory;

static void delay_ms(unsigned int ms)
{
    s_time_t end = now_ns() + MILLISECS(ms);

    while (now_ns() < end)
        cpu_relax();
}

void machine_halt(void)
{
    irq_disable();
    panic_stop_other_cpus();
    for (;;)
        __asm__ volatile("hlt");
}

static void reset_by_acpi(void)
{
    if (!acpi_info.reset.present)
        return;
    if (acpi_info.reset.space == 1)
        outb(acpi_info.reset.value, (uint16_t)acpi_info.reset.addr);
    else if (reset_memory)
        *reset_memory = acpi_info.reset.value;
}

static void reset_by_chipset(void)
{
    uint8_t v = inb(RESET_CONTROL) & (uint8_t) ~(RESET_CPU | RESET_START);

    outb(v | RESET_FULL | RESET_CPU, RESET_CONTROL);
    delay_ms(1);
    outb(v | RESET_FULL | RESET_CPU | RESET_START, RESET_CONTROL);
}

static void reset_by_keyboard(void)
{
    for (unsigned int i = 0; i < 100000; i++)
        if (!(inb(KBD_COMMAND) & KBD_STATUS_FULL))
            break;
    outb(KBD_PULSE_RESET, KBD_COMMAND);
}

/* With no way to handle even the double fault, the CPU resets itself. */
static void NORETURN reset_by_triple_fault(void)
{
    load_idt(NULL, 0);
    for (;;)
        __asm__ volatile("int3");
}

void machine_restart(unsigned int delay)
{
    irq_disable();
    panic_stop_other_cpus();
    delay_ms(delay);
    reset_by_acpi();
    delay_ms(20);
    reset_by_chipset();
    delay_ms(20);
    reset_by_keyboard();
    delay_ms(20);
    reset_by_triple_fault();
}

static void write_sleep(uint16_t port, uint8_t type)
{
    uint32_t v;

    if (!port)
        return;
    v = inw(port) & ~(PM1_SLP_TYP_MASK | PM1_SLP_EN);
    v |= (uint32_t)type << PM1_SLP_TYP_SHIFT;
    outw((uint16_t)v, port);
    outw((uint16_t)(v | PM1_SLP_EN), port);
}

void acpi_enter_sleep(uint8_t type_a, uint8_t type_b)
{
    write_sleep(acpi_info.pm1a_control, type_a);
    write_sleep(acpi_info.pm1b_control, type_b);
}

void machine_poweroff(void)
{
    irq_disable();
    panic_stop_other_cpus();
    if (acpi_info.s5_known)
        acpi_enter_sleep(acpi_info.s5_type_a, acpi_info.s5_type_b);
    delay_ms(100);
    printk("The machine does not switch itself off. Do it now.\n");
    machine_halt();
}

void __init reboot_init(void)
{
    if (acpi_info.reset.present && acpi_info.reset.space == 0)
        reset_memory = ioremap(acpi_info.reset.addr, 1);
}

void arch_idle(void)
{
    /* STI takes effect after the next instruction: no interrupt is lost. */
    __asm__ volatile("sti; hlt" ::: "memory");
}
