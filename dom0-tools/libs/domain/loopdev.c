/* SPDX-License-Identifier: MIT */
/*
 * Loop devices by ioctl: LOOP_CONFIGURE where the kernel has it (5.8), else
 * LOOP_SET_FD and LOOP_SET_STATUS64.
 */
#include "libs/domain/loopdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOOP_MAJOR 7u
#define TRIES      32

/* Without udev the node may not be there: make it. */
static int open_loop(int nr, int flags, char *dev, size_t room)
{
    int fd;

    snprintf(dev, room, "/dev/loop%d", nr);
    fd = open(dev, flags | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT)
        return fd < 0 ? -errno : fd;
    if (mknod(dev, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned int)nr)) &&
        errno != EEXIST)
        return -errno;
    fd = open(dev, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int configure_old(int loop, int file, const struct loop_info64 *info)
{
    int rc;

    if (ioctl(loop, LOOP_SET_FD, file))
        return -errno;
    if (ioctl(loop, LOOP_SET_STATUS64, info) == 0)
        return 0;
    rc = -errno;
    ioctl(loop, LOOP_CLR_FD, 0);
    return rc;
}

static int configure(int loop, int file, const char *name, bool readonly)
{
    struct loop_config config = {.fd = (uint32_t)file};

    config.info.lo_flags =
        LO_FLAGS_AUTOCLEAR | (readonly ? (uint32_t)LO_FLAGS_READ_ONLY : 0);
    snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", name);
    if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOTTY)
        return -errno;
    return configure_old(loop, file, &config.info);
}

/* A device that was free when asked may be taken when opened: try again. */
static int attach(int control, int file, const char *name, bool readonly,
                  char *dev, size_t room)
{
    int flags = readonly ? O_RDONLY : O_RDWR;
    int rc = -EBUSY;

    for (int i = 0; i < TRIES && rc == -EBUSY; i++) {
        int loop, nr = ioctl(control, LOOP_CTL_GET_FREE);

        if (nr < 0)
            return -errno;
        loop = open_loop(nr, flags, dev, room);
        if (loop < 0)
            return loop;
        rc = configure(loop, file, name, readonly);
        if (!rc)
            return loop;
        close(loop);
    }
    return rc;
}

int loopdev_attach(const char *file, bool readonly, char *dev, size_t room)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int fd, rc;

    if (control < 0)
        return -errno;
    fd = open(file, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0) {
        rc = -errno;
        close(control);
        return rc;
    }
    rc = attach(control, fd, file, readonly, dev, room);
    close(fd);
    close(control);
    return rc;
}
