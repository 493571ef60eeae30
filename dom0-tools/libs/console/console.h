/* SPDX-License-Identifier: MIT */
/*
 * How a program attaches to a guest's console.
 *
 * consoled listens on one stream socket per domain. Whoever connects first
 * gets the output kept so far (up to CONSOLE_KEEP bytes), then what the guest
 * prints; what it writes is typed into the guest. Raw bytes, no framing. Any
 * number may be attached; a reader that falls further behind than what is kept
 * misses the rest rather than holding the guest up. End of file: the domain is
 * gone.
 *
 * Programs made for Xen find a pty in the store under console/tty instead; it
 * carries the same bytes.
 */
#ifndef LIBS_CONSOLE_CONSOLE_H
#define LIBS_CONSOLE_CONSOLE_H

#include <stdint.h>

#define CONSOLE_DIR  "/run/trellis/console"
#define CONSOLE_KEEP 65536U
/* Ctrl-], as everywhere. */
#define CONSOLE_ESCAPE 0x1d

/*
 * Connected socket for domid's console; waits up to timeout_ms for consoled to
 * have seen a new domain. -ENOENT: no such console; -ECONNREFUSED: consoled
 * does not run.
 */
int console_connect(uint32_t domid, int timeout_ms);

/*
 * Carry bytes between sock and the terminal (in, out) until Ctrl-] is typed
 * (returns 0), the domain is gone (returns 1), or -errno. If in is a tty it is
 * in raw mode meanwhile. End of file on in only stops typing.
 */
int console_relay(int sock, int in, int out);

#endif
