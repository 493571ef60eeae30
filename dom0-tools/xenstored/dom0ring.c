/* SPDX-License-Identifier: MIT */
/*
 * Where dom0's kernel keeps its ring to the store: two files of xenfs, or,
 * where that is not mounted, the backend device.
 */
#include "dom0ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libs/sys/sys.h"
#include "libs/sys/xenbus.h"

static int map_file(int fd, void **page)
{
    void *p =
        mmap(NULL, SYS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED)
        return -errno;
    *page = p;
    return 0;
}

static int map_path(const char *path, void **page)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return -errno;
    rc = map_file(fd, page);
    close(fd);
    return rc;
}

static int read_number(const char *path, uint32_t *v)
{
    FILE *f = fopen(path, "re");
    int rc;

    if (f == NULL)
        return -errno;
    rc = fscanf(f, "%u", v) == 1 ? 0 : -EINVAL;
    fclose(f);
    return rc;
}

static int from_xenfs(void **page, uint32_t *port)
{
    int rc = read_number("/proc/xen/xsd_port", port);

    return rc != 0 ? rc : map_path("/proc/xen/xsd_kva", page);
}

static int from_backend(void **page, uint32_t *port)
{
    int rc = sys_xenbus_backend_port();

    if (rc < 0)
        return rc;
    *port = (uint32_t)rc;
    return map_path("/dev/xen/xenbus_backend", page);
}

int dom0ring_find(void **page, uint32_t *port)
{
    if (from_xenfs(page, port) == 0)
        return 0;
    return from_backend(page, port);
}
