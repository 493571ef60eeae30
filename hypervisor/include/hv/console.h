/* SPDX-License-Identifier: MIT */
/*
 * The console: a log ring, the serial line and VGA text as sinks, input keys.
 * Ctrl-A three times moves the serial input between the control domain and
 * the hypervisor's key handler ('h' lists the keys).
 */
#ifndef HV_CONSOLE_H
#define HV_CONSOLE_H

#include <hv/types.h>

void console_init_early(void); /* after the command line is known */
void console_init_late(void);  /* interrupts, ring of full size */
/* Boot: how much memory the log wants, and where it is. What an earlier run
 * has left there is shown as the first lines of the log. */
uint64_t console_memory_size(void);
void console_use_memory(void *memory);
/* Emergency: take over whatever the locks say (panic, NMI). */
void console_force_unlock(void);

/* Raw bytes of a guest to the serial line and the ring (console_io write). */
void console_guest_write(const char *buf, size_t len);
/* Input for the control domain; returns how many bytes were taken. */
size_t console_guest_read(char *buf, size_t len);
/* A sink's receive interrupt or poll delivers here. */
void console_rx(char c);
/* Switch input to the control domain once it runs. */
void console_give_to_dom0(void);

/* sysctl readconsole: copies from ring position *index on. */
size_t console_ring_read(uint32_t *index, char *buf, size_t len,
                         bool incremental);
/* Its clear: what is before that position. Nothing unread is lost. */
void console_ring_forget(uint32_t upto);

/* This CPU's messages are limited to so many lines, until the end; then one
 * line says how many more there were. */
void console_limit_begin(unsigned int lines);
void console_limit_end(void);
/* Once more to the serial line and the screen: the last bytes of the log. */
void console_show_log(uint32_t bytes);

/* Messages that a guest causes: how many more are shown, and how many were
 * not since the last one. The console lock. */
struct log_rate {
    int64_t credit_ns, last_ns;
    unsigned int dropped;
};

/* Console keys; fn runs in softirq context, interrupts on. What it shows is
 * cut after some thousand lines. */
void key_register(char key, void (*fn)(char key), const char *what);
/* The same, but it changes something or takes long: '*' leaves it out. */
void key_register_action(char key, void (*fn)(char key), const char *what);
bool key_handle(char key); /* also sysctl debug_keys */

#endif
