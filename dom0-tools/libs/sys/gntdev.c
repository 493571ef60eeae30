/* SPDX-License-Identifier: MIT */
/* Map pages another domain granted to us, through /dev/xen/gntdev. */
#include "libs/sys/gntdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioctls.h"
#include "libs/sys/sys.h"

struct sys_gntdev {
    int fd;
};

int sys_gntdev_open(struct sys_gntdev **out)
{
    struct sys_gntdev *gd = malloc(sizeof(*gd));
    int rc;

    if (gd == NULL)
        return -ENOMEM;
    gd->fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (gd->fd < 0) {
        rc = -errno;
        free(gd);
        return rc;
    }
    *out = gd;
    return 0;
}

void sys_gntdev_close(struct sys_gntdev *gd)
{
    if (gd == NULL)
        return;
    close(gd->fd);
    free(gd);
}

static int gntdev_forget(struct sys_gntdev *gd, uint64_t index, uint32_t count)
{
    struct gntdev_ioc_unmap arg = {.index = index, .count = count};

    return ioctl(gd->fd, GNTDEV_UNMAP, &arg) != 0 ? -errno : 0;
}

int sys_gntdev_map(struct sys_gntdev *gd, uint32_t domid, const uint32_t *refs,
                   unsigned int nr, int prot, void **addr)
{
    struct gntdev_ioc_map *arg;
    void *p;
    int rc;

    arg = calloc(1, sizeof(*arg) + nr * sizeof(arg->refs[0]));
    if (arg == NULL)
        return -ENOMEM;
    arg->count = nr;
    for (unsigned int i = 0; i < nr; i++) {
        arg->refs[i].domid = domid;
        arg->refs[i].ref = refs[i];
    }
    if (ioctl(gd->fd, GNTDEV_MAP, arg) != 0) {
        rc = -errno;
        free(arg);
        return rc;
    }
    p = mmap(NULL, nr * SYS_PAGE_SIZE, prot, MAP_SHARED, gd->fd,
             (off_t)arg->index);
    rc = p == MAP_FAILED ? -errno : 0;
    if (rc != 0)
        gntdev_forget(gd, arg->index, nr);
    else
        *addr = p;
    free(arg);
    return rc;
}

static int gntdev_index(struct sys_gntdev *gd, const void *addr,
                        uint64_t *index)
{
    struct gntdev_ioc_offset arg = {.vaddr = (uintptr_t)addr};

    if (ioctl(gd->fd, GNTDEV_OFFSET, &arg) != 0)
        return -errno;
    *index = arg.offset;
    return 0;
}

int sys_gntdev_unmap(struct sys_gntdev *gd, void *addr, unsigned int nr)
{
    uint64_t index = 0;
    int rc = gntdev_index(gd, addr, &index);

    if (rc != 0)
        return rc;
    if (munmap(addr, nr * SYS_PAGE_SIZE) != 0)
        return -errno;
    return gntdev_forget(gd, index, nr);
}

int sys_gntdev_set_notify(struct sys_gntdev *gd, void *addr, int offset,
                          int port)
{
    struct gntdev_ioc_notify arg = {0};
    int rc = gntdev_index(gd, addr, &arg.index);

    if (rc != 0)
        return rc;
    if (offset >= 0) {
        arg.action |= NOTIFY_CLEAR_BYTE;
        arg.index += (uint64_t)offset;
    }
    if (port >= 0) {
        arg.action |= NOTIFY_SEND_EVENT;
        arg.port = (uint32_t)port;
    }
    return ioctl(gd->fd, GNTDEV_NOTIFY, &arg) != 0 ? -errno : 0;
}
