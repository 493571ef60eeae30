/* SPDX-License-Identifier: MIT */
/* The states of all domains, fetched in bulk. */
#ifndef XENSTORED_DOMSTATE_H
#define XENSTORED_DOMSTATE_H

#include <stdbool.h>
#include <stdint.h>

struct sys;

int domstate_refresh(struct sys *sys);
/* As of the last refresh: 0 and whether shut down; -ESRCH: gone or dying. */
int domstate_get(uint32_t domid, bool *shutdown);
void domstate_free(void);

#endif
