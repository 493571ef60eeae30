/* SPDX-License-Identifier: MIT */
/* The kernel's own connection to the store, seen by whoever serves it. */
#ifndef LIBS_SYS_XENBUS_H
#define LIBS_SYS_XENBUS_H

/* The kernel's event channel to the store, to be bound; -errno. */
int sys_xenbus_backend_port(void);

#endif
