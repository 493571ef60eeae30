/* SPDX-License-Identifier: MIT */
/* Programs of dom0, over a unix socket. All of them are privileged. */
#ifndef XENSTORED_SOCK_H
#define XENSTORED_SOCK_H

#include "store.h"

/* Listen at path (an old socket there is replaced). 0 or -errno. */
int sock_listen(struct store *st, const char *path);
void sock_stop(void);

#endif
