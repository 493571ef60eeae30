/* SPDX-License-Identifier: MIT */
/*
 * Console keys: a letter each, to look into the hypervisor while it runs. Also
 * reached through the debug_keys operation of the control domain.
 *
 * A key shows a bounded number of lines. '*' is all keys that only show, one
 * for each run of a tasklet, so that the machine goes on in between.
 */
#include <hv/arch.h>
#include <hv/console.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/softirq.h>
#include <hv/timer.h>

#include "console_input.h"

#define MAX_LINES     1000 /* five seconds of a serial line */
#define SHOW_LOG_SIZE 65536

static struct {
    void (*fn)(char key);
    const char *what;
    bool action;
} table[128];

void key_register(char key, void (*fn)(char key), const char *what)
{
    unsigned int k = (unsigned char)key;

    BUG_ON(k >= ARRAY_SIZE(table) || table[k].fn);
    table[k].what = what;
    table[k].fn = fn;
}

void key_register_action(char key, void (*fn)(char key), const char *what)
{
    key_register(key, fn, what);
    table[(unsigned char)key].action = true;
}

bool key_handle(char key)
{
    unsigned int k = (unsigned char)key;

    if (k >= ARRAY_SIZE(table) || !table[k].fn)
        return false;
    printk("Key '%c': %s\n", key, table[k].what);
    console_limit_begin(MAX_LINES);
    table[k].fn(key);
    console_limit_end();
    return true;
}

static void show_keys(char key)
{
    (void)key;
    for (unsigned int k = 0; k < ARRAY_SIZE(table); k++)
        if (table[k].fn)
            printk("  %c  %s\n", (char)k, table[k].what);
}

static void reboot(char key)
{
    (void)key;
    machine_restart(0);
}

static void show_timers(char key)
{
    (void)key;
    timer_dump();
}

static void show_log(char key)
{
    (void)key;
    console_show_log(SHOW_LOG_SIZE);
}

static struct tasklet all_tasklet;

static void next_of_all(void *unused)
{
    static unsigned int next;

    (void)unused;
    for (; next < ARRAY_SIZE(table); next++) {
        if (!table[next].fn || table[next].action)
            continue;
        key_handle((char)next++);
        tasklet_schedule(&all_tasklet);
        return;
    }
    next = 0;
    printk("Key '*': done\n");
}

static void show_all(char key)
{
    (void)key;
    tasklet_schedule(&all_tasklet);
}

void __init keys_init(void)
{
    tasklet_init(&all_tasklet, next_of_all, NULL);
    key_register_action('h', show_keys, "show this list");
    key_register_action('*', show_all, "all keys that only show");
    key_register_action('R', reboot, "reboot the machine");
    key_register_action('w', show_log, "show the end of the log again");
    key_register('a', show_timers, "show timers");
}
