/* SPDX-License-Identifier: MIT */
/* Programs of dom0, over a unix socket. All of them are privileged. */
#ifndef XENSTORED_SOCK_H
#define XENSTORED_SOCK_H

#include "store.h"

/*
 * Listen at path; a socket there that nobody serves is replaced. 0 or -errno;
 * -EADDRINUSE (logged): somebody answers there.
 */
int sock_listen(struct store *st, const char *path);
void sock_stop(void);

#endif
