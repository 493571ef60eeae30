/* SPDX-License-Identifier: MIT */
/*
 * Console keys: a letter each, to look into the hypervisor while it runs. Also
 * reached through the debug_keys operation of the control domain.
 */
#include <hv/arch.h>
#include <hv/console.h>
#include <hv/lib.h>
#include <hv/page.h>
#include <hv/timer.h>

#include "console_input.h"

static struct {
    void (*fn)(char key);
    const char *what;
} table[128];

void key_register(char key, void (*fn)(char key), const char *what)
{
    unsigned int k = (unsigned char)key;

    BUG_ON(k >= ARRAY_SIZE(table) || table[k].fn);
    table[k].what = what;
    table[k].fn = fn;
}

bool key_handle(char key)
{
    unsigned int k = (unsigned char)key;

    if (k >= ARRAY_SIZE(table) || !table[k].fn)
        return false;
    printk("Key '%c': %s\n", key, table[k].what);
    table[k].fn(key);
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

void __init keys_init(void)
{
    key_register('h', show_keys, "show this list");
    key_register('R', reboot, "reboot the machine");
    key_register('a', show_timers, "show timers");
}
