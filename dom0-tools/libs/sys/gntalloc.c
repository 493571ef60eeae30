/* SPDX-License-Identifier: MIT */
/* Grant pages of ours to another domain, through /dev/xen/gntalloc. */
#include "libs/sys/gntalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioctls.h"
#include "libs/sys/sys.h"

/*
 * The device forgets at which offset a mapping was made, so each share is
 * remembered here for its end.
 */
struct share {
    struct share *next;
    void *addr;
    uint64_t index;
};

struct sys_gntalloc {
    int fd;
    struct share *shares;
};

int sys_gntalloc_open(struct sys_gntalloc **out)
{
    struct sys_gntalloc *ga = calloc(1, sizeof(*ga));
    int rc;

    if (ga == NULL)
        return -ENOMEM;
    ga->fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
    if (ga->fd < 0) {
        rc = -errno;
        free(ga);
        return rc;
    }
    *out = ga;
    return 0;
}

void sys_gntalloc_close(struct sys_gntalloc *ga)
{
    if (ga == NULL)
        return;
    while (ga->shares != NULL) {
        struct share *s = ga->shares;

        ga->shares = s->next;
        free(s);
    }
    close(ga->fd);
    free(ga);
}

static void gntalloc_forget(struct sys_gntalloc *ga, uint64_t index,
                            uint32_t count)
{
    struct gntalloc_ioc_dealloc arg = {.index = index, .count = count};

    /* Can only fail for an index that is not ours. */
    (void)ioctl(ga->fd, GNTALLOC_DEALLOC, &arg);
}

static int share_map(struct sys_gntalloc *ga, struct share *s, unsigned int nr)
{
    void *p = mmap(NULL, nr * SYS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                   ga->fd, (off_t)s->index);

    if (p == MAP_FAILED)
        return -errno;
    s->addr = p;
    return 0;
}

int sys_gntalloc_share(struct sys_gntalloc *ga, uint32_t domid, unsigned int nr,
                       int writable, uint32_t *refs, void **addr)
{
    struct gntalloc_ioc_alloc *arg;
    struct share *s = calloc(1, sizeof(*s));
    int rc;

    /* At least the size in the ioctl's number, for any count. */
    arg = calloc(1, sizeof(*arg) + (nr + 1) * sizeof(arg->refs[0]));
    if (s == NULL || arg == NULL) {
        rc = -ENOMEM;
        goto free_all;
    }
    arg->domid = (uint16_t)domid;
    arg->flags = writable ? GNTALLOC_WRITABLE : 0;
    arg->count = nr;
    if (ioctl(ga->fd, GNTALLOC_ALLOC, arg) != 0) {
        rc = -errno;
        goto free_all;
    }
    s->index = arg->index;
    rc = share_map(ga, s, nr);
    if (rc != 0) {
        gntalloc_forget(ga, arg->index, nr);
        goto free_all;
    }
    memcpy(refs, arg->refs, nr * sizeof(*refs));
    s->next = ga->shares;
    ga->shares = s;
    *addr = s->addr;
    free(arg);
    return 0;

free_all:
    free(arg);
    free(s);
    return rc;
}

int sys_gntalloc_unshare(struct sys_gntalloc *ga, void *addr, unsigned int nr)
{
    for (struct share **p = &ga->shares; *p != NULL; p = &(*p)->next) {
        struct share *s = *p;

        if (s->addr != addr)
            continue;
        *p = s->next;
        munmap(addr, nr * SYS_PAGE_SIZE);
        gntalloc_forget(ga, s->index, nr);
        free(s);
        return 0;
    }
    return -EINVAL;
}
