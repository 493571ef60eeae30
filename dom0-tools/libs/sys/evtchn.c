/* SPDX-License-Identifier: MIT */
/* Event channels of this domain, through /dev/xen/evtchn. */
#include "libs/sys/evtchn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ioctls.h"

struct sys_evtchn {
    int fd;
};

int sys_evtchn_open(struct sys_evtchn **out)
{
    struct sys_evtchn *ec = malloc(sizeof(*ec));
    int rc;

    if (ec == NULL)
        return -ENOMEM;
    ec->fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (ec->fd < 0) {
        rc = -errno;
        free(ec);
        return rc;
    }
    *out = ec;
    return 0;
}

void sys_evtchn_close(struct sys_evtchn *ec)
{
    if (ec == NULL)
        return;
    close(ec->fd);
    free(ec);
}

int sys_evtchn_fd(const struct sys_evtchn *ec)
{
    return ec->fd;
}

static int evtchn_ioctl(struct sys_evtchn *ec, unsigned long cmd, void *arg)
{
    int rc = ioctl(ec->fd, cmd, arg);

    return rc < 0 ? -errno : rc;
}

int sys_evtchn_bind_interdomain(struct sys_evtchn *ec, uint32_t domid,
                                uint32_t remote_port)
{
    struct evtchn_ioc_interdomain arg = {
        .remote_domain = domid,
        .remote_port = remote_port,
    };

    return evtchn_ioctl(ec, EVTCHN_BIND_INTER, &arg);
}

int sys_evtchn_bind_unbound(struct sys_evtchn *ec, uint32_t remote_domid)
{
    struct evtchn_ioc_unbound arg = {.remote_domain = remote_domid};

    return evtchn_ioctl(ec, EVTCHN_BIND_UNBOUND, &arg);
}

int sys_evtchn_bind_virq(struct sys_evtchn *ec, uint32_t virq)
{
    struct evtchn_ioc_virq arg = {.virq = virq};

    return evtchn_ioctl(ec, EVTCHN_BIND_VIRQ, &arg);
}

int sys_evtchn_unbind(struct sys_evtchn *ec, uint32_t port)
{
    struct evtchn_ioc_port arg = {.port = port};

    return evtchn_ioctl(ec, EVTCHN_UNBIND, &arg);
}

int sys_evtchn_notify(struct sys_evtchn *ec, uint32_t port)
{
    struct evtchn_ioc_port arg = {.port = port};

    return evtchn_ioctl(ec, EVTCHN_NOTIFY, &arg);
}

int sys_evtchn_pending(struct sys_evtchn *ec, uint32_t *ports, unsigned int max)
{
    ssize_t n = read(ec->fd, ports, max * sizeof(*ports));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return (int)((size_t)n / sizeof(*ports));
}

int sys_evtchn_unmask(struct sys_evtchn *ec, uint32_t port)
{
    ssize_t n = write(ec->fd, &port, sizeof(port));

    if (n < 0)
        return -errno;
    return (size_t)n == sizeof(port) ? 0 : -EIO;
}
