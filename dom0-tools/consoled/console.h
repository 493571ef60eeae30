/* SPDX-License-Identifier: MIT */
/* One guest's console: its ring, log, pty, socket, and what was kept. */
#ifndef CONSOLED_CONSOLE_H
#define CONSOLED_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keep.h"

struct console;

/*
 * Open the console of domid: page by grant 0, or by frame number ring_mfn; the
 * domain's port; name for its log. NULL: said why in the log. What only
 * programs miss (socket, pty) may come later: see consoles_mend().
 */
struct console *console_open(uint32_t domid, uint32_t port, uint64_t ring_mfn,
                             const char *name);
/* Takes two rings full of what the guest still printed; ends all readers. */
void console_close(struct console *con);

uint32_t console_domid(const struct console *con);
uint32_t console_remote_port(const struct console *con);
/* The slave's path, for the store; empty while there is no pty. */
const char *console_tty(const struct console *con);
const struct keep *console_keep(const struct console *con);

/* Room for typed bytes, and typing them. */
size_t console_typing_room(const struct console *con);
void console_type(struct console *con, const char *buf, size_t len);

/* It gets a turn at the end of the round. */
void console_make_ready(struct console *con);
/*
 * A turn for all that are ready. Returns how long the loop may sleep: -1, or
 * the milliseconds until a guest that printed too much goes on, or
 * consoles_mend() has work.
 */
int consoles_run(void);
/*
 * After each round: what consoles lack (descriptors ran out) is tried again,
 * once a second. got_tty is called for each that has a pty now.
 */
void consoles_mend(void (*got_tty)(const struct console *con));
/* The event channel with this port of ours fired. */
void consoles_event(uint32_t port);

#endif
