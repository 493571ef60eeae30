/* SPDX-License-Identifier: MIT */
/* The socket on which programs attach to one domain's console. */
#ifndef CONSOLED_ATTACH_H
#define CONSOLED_ATTACH_H

#include <stdint.h>

/* Listening socket for domid (non-blocking), or -errno. */
int attach_listen(uint32_t domid);
void attach_unlink(uint32_t domid);

#endif
