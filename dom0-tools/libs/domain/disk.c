/* SPDX-License-Identifier: MIT */
/*
 * Disks through Linux's blkback: block devices as they are, files by way of a
 * loop device. blkback wants device numbers; it opens the device itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "libs/domain/loopdev.h"
#include "libs/domain/private.h"

#define OPEN_MS 5000

int disk_check(const struct disk_config *disk, struct errmsg *err)
{
    struct stat st;
    int rc = 0;

    if (stat(disk->target, &st))
        rc = -errno;
    else if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(err, -EINVAL,
                       "disk %s: %s is neither a file nor a "
                       "block device",
                       disk->vdev, disk->target);
    else if (S_ISREG(st.st_mode) && st.st_size < 512)
        return err_set(err, -EINVAL, "disk %s: %s is smaller than one sector",
                       disk->vdev, disk->target);
    else if (access(disk->target, disk->readonly ? R_OK : R_OK | W_OK))
        rc = -errno;
    return rc ? err_set(err, rc, "disk %s: cannot use %s: %s", disk->vdev,
                        disk->target, strerror(-rc))
              : 0;
}

/* Open block device for the disk; *fd stays open until blkback has it too. */
static int open_target(const struct disk_config *disk, int *fd, dev_t *rdev,
                       char *dev, size_t room, struct errmsg *err)
{
    struct stat st;
    int rc;

    if (stat(disk->target, &st))
        return err_set(err, -errno, "disk %s: cannot use %s: %s", disk->vdev,
                       disk->target, strerror(errno));
    if (S_ISBLK(st.st_mode)) {
        snprintf(dev, room, "%s", disk->target);
        *fd = open(dev, (disk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        rc = *fd < 0 ? -errno : 0;
    } else {
        *fd = loopdev_attach(disk->target, disk->readonly, dev, room);
        rc = *fd < 0 ? *fd : 0;
    }
    if (!rc && fstat(*fd, &st)) {
        rc = -errno;
        close(*fd);
    }
    if (rc == -ENOENT && access(disk->target, F_OK) == 0) {
        err_set(err, rc, "disk %s: no loop devices for %s", disk->vdev,
                disk->target);
        err_hint(err, "is the module loop loaded?");
        return rc;
    }
    *rdev = st.st_rdev;
    return rc ? err_set(err, rc, "disk %s: cannot open %s: %s", disk->vdev,
                        disk->target, strerror(-rc))
              : 0;
}

/* blkback shows this attribute once it has opened the device. */
static int wait_opened(const struct device *d, const struct disk_config *disk,
                       struct errmsg *err)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t end = now_ms() + OPEN_MS;
    char path[128];

    snprintf(path, sizeof(path),
             "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device", d->domid,
             d->devid);
    while (access(path, F_OK)) {
        if (now_ms() > end)
            return err_set(err, -ETIMEDOUT,
                           "disk %s: blkback did not open %s; see dmesg",
                           disk->vdev, disk->target);
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int publish(struct dom *dom, const struct device *d,
                   const struct disk_config *disk, const char *dev, dev_t rdev,
                   const char *claim, struct errmsg *err)
{
    struct device_keys back = {.nr = 0}, front = {.nr = 0};
    const char *type = disk->cdrom ? "cdrom" : "disk";

    device_key_add(&back, "bootable", "1");
    device_key_add(&back, "removable", "%d", disk->cdrom);
    device_key_add(&back, "type", "phy");
    device_key_add(&back, "dev", "%s", disk->vdev);
    device_key_add(&back, "mode", "%s", disk->readonly ? "r" : "w");
    device_key_add(&back, "device-type", "%s", type);
    device_key_add(&back, "discard-enable", "%d", disk->discard);
    device_key_add(&back, "params", "%s", disk->target);
    device_key_add(&back, "physical-device-path", "%s", dev);
    device_key_add(&back, "physical-device", "%x:%x", major(rdev), minor(rdev));
    device_key_add(&back, "claim", "%s", claim);
    device_key_add(&back, "hotplug-status", "connected");
    device_key_add(&front, "virtual-device", "%u", disk->number);
    device_key_add(&front, "device-type", "%s", type);
    return device_publish(dom, d, &back, &front, err);
}

int disk_attach(struct dom *dom, uint32_t domid, const struct disk_config *disk,
                struct errmsg *err)
{
    const struct device d = {"vbd", domid, disk->number};
    char dev[320], claim[STORE_PATH_MAX];
    struct stat st;
    dev_t rdev = 0;
    int fd = -1, rc = disk_check(disk, err);

    if (rc)
        return rc;
    if (stat(disk->target, &st))
        return err_set(err, -errno, "disk %s: %s: %s", disk->vdev, disk->target,
                       strerror(errno));
    rc = disk_claim(dom, &d, &st, disk, claim, err);
    if (rc)
        return rc;
    rc = open_target(disk, &fd, &rdev, dev, sizeof(dev), err);
    if (!rc)
        rc = publish(dom, &d, disk, dev, rdev, claim, err);
    if (rc) {
        disk_claim_drop(dom, claim);
    } else {
        rc = device_wait_backend(dom, &d, err);
        if (!rc)
            rc = wait_opened(&d, disk, err);
        if (rc)
            device_remove(dom, &d);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}
