/* SPDX-License-Identifier: MIT */
/* The kernel's own connection to the store: /dev/xen/xenbus_backend. */
#include "libs/sys/xenbus.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ioctls.h"

int sys_xenbus_backend_port(void)
{
    int fd = open("/dev/xen/xenbus_backend", O_RDWR | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return -errno;
    rc = ioctl(fd, XENBUS_BACKEND_EVTCHN, NULL);
    if (rc < 0)
        rc = -errno;
    close(fd);
    return rc;
}
