/* SPDX-License-Identifier: MIT */
/* A pseudo-terminal for programs made for Xen's consoles. */
#ifndef CONSOLED_PTY_H
#define CONSOLED_PTY_H

#include <stddef.h>

/*
 * Open a pair in raw mode. Returns the master (non-blocking); *slave stays
 * open, so that the master works while nobody else has the slave; its path.
 */
int pty_open(int *slave, char *path, size_t room);

#endif
