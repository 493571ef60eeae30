/* SPDX-License-Identifier: MIT */
/* A connection's output queue; used by conn.c. */
#ifndef XENSTORED_OUTPUT_H
#define XENSTORED_OUTPUT_H

#include "conn.h"

/* Send what the transport takes now. False: the transport failed. */
bool output_send(struct conn *c);
void output_drop_all(struct conn *c);
/* Events not begun to be sent; and those of one watch, which is going. */
void output_drop_events(struct conn *c);
void output_forget_watch(struct conn *c, const struct watch *w);

#endif
