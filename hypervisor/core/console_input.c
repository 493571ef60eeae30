/* SPDX-License-Identifier: MIT */
/*
 * Console input: bytes go to the control domain or, after Ctrl-A three times,
 * to the hypervisor's keys, and back.
 */
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/lib.h>
#include <hv/softirq.h>
#include <hv/spinlock.h>
#include <hv/timer.h>

#include <asm/irqflags.h>

#include "console_input.h"

#define SWITCH_CHAR  0x01 /* Ctrl-A */
#define SWITCH_COUNT 3
#define POLL_NS      MILLISECS(10)
#define BUFFER_SIZE  1024 /* power of two */

/* Guards all below. Interrupts off: receive interrupts take it. */
static spinlock_t input_lock = SPINLOCK_INIT(LOCK_RANK_CONSOLE - 1);
static char buffer[BUFFER_SIZE]; /* for dom0 */
static unsigned int read_pos, write_pos;
static bool to_dom0;
static unsigned int switch_chars;
static char keys[16]; /* for the hypervisor, until its tasklet runs */
static unsigned int nr_keys;

static struct tasklet tasklet;
static struct timer poll_timer;
static struct console_sink *const *polled;
static unsigned int nr_polled;

/* The part of input that must not run in an interrupt. */
static void handle_input(void *unused)
{
    char todo[sizeof(keys)];
    unsigned long flags = spin_lock_irqsave(&input_lock);
    unsigned int n = nr_keys;
    bool virq = read_pos != write_pos, dom0_input = to_dom0;
    static bool told_to_dom0;

    (void)unused;
    memcpy(todo, keys, n);
    nr_keys = 0;
    spin_unlock_irqrestore(&input_lock, flags);

    if (dom0_input != told_to_dom0 && dom0)
        printk("Serial input to %s (Ctrl-A three times to switch)\n",
               dom0_input ? "the control domain" : "the hypervisor");
    told_to_dom0 = dom0_input;
    if (virq && dom0)
        evtchn_send_global_virq(VIRQ_CONSOLE);
    for (unsigned int i = 0; i < n; i++)
        key_handle(todo[i]);
}

static void accept(char c)
{
    if (!to_dom0) {
        if (nr_keys < sizeof(keys))
            keys[nr_keys++] = c;
    } else if (write_pos - read_pos < BUFFER_SIZE) {
        buffer[write_pos++ % BUFFER_SIZE] = c;
    }
}

void console_rx(char c)
{
    unsigned long flags = spin_lock_irqsave(&input_lock);

    if (c == SWITCH_CHAR && ++switch_chars == SWITCH_COUNT) {
        switch_chars = 0;
        to_dom0 = !to_dom0 && dom0;
    } else if (c != SWITCH_CHAR) {
        /* Not a switch after all: dom0 gets what was held back. */
        for (; switch_chars; switch_chars--)
            if (to_dom0)
                accept(SWITCH_CHAR);
        accept(c);
    }
    spin_unlock_irqrestore(&input_lock, flags);
    tasklet_schedule(&tasklet);
}

size_t console_guest_read(char *buf, size_t len)
{
    unsigned long flags = spin_lock_irqsave(&input_lock);
    size_t n = 0;

    while (n < len && read_pos != write_pos)
        buf[n++] = buffer[read_pos++ % BUFFER_SIZE];
    spin_unlock_irqrestore(&input_lock, flags);
    return n;
}

void console_give_to_dom0(void)
{
    unsigned long flags;

    console_release_screen();
    flags = spin_lock_irqsave(&input_lock);
    to_dom0 = true;
    spin_unlock_irqrestore(&input_lock, flags);
    tasklet_schedule(&tasklet);
}

static void poll(void *unused)
{
    bool again = false;

    (void)unused;
    for (unsigned int i = 0; i < nr_polled; i++)
        if (polled[i]->poll) {
            polled[i]->poll();
            again = true;
        }
    /* A driver that gets its interrupt clears its poll function. */
    if (again)
        timer_set(&poll_timer, now_ns() + POLL_NS);
}

void __init console_input_init(struct console_sink *const *sinks,
                               unsigned int nr)
{
    polled = sinks;
    nr_polled = nr;
    tasklet_init(&tasklet, handle_input, NULL);
    keys_init();
    timer_init(&poll_timer, poll, NULL, 0);
    timer_set(&poll_timer, now_ns() + POLL_NS);
}
