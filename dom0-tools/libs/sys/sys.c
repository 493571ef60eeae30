/* SPDX-License-Identifier: MIT */
/*
 * The handle, hypercall-safe buffers and the raw hypercall.
 *
 * The hypervisor reads arguments through the caller's page tables and cannot
 * wait for a page to be brought in, so what it touches has to be resident:
 * pages of /dev/xen/hypercall, or locked anonymous ones on old kernels.
 */
#include "libs/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ioctls.h"
#include "private.h"

static size_t page_round(size_t len)
{
    return (len + SYS_PAGE_SIZE - 1) & ~(SYS_PAGE_SIZE - 1);
}

int sys_open(struct sys **out)
{
    struct sys *sys = calloc(1, sizeof(*sys));
    int rc;

    if (sys == NULL)
        return -ENOMEM;
    sys->privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (sys->privcmd < 0) {
        rc = -errno;
        free(sys);
        return rc;
    }
    sys->hcall = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    *out = sys;
    return 0;
}

void sys_close(struct sys *sys)
{
    if (sys == NULL)
        return;
    while (sys->nr_cached > 0)
        munmap(sys->cache[--sys->nr_cached], SYS_PAGE_SIZE);
    if (sys->hcall >= 0)
        close(sys->hcall);
    close(sys->privcmd);
    free(sys);
}

static void *buf_map(struct sys *sys, size_t len)
{
    int prot = PROT_READ | PROT_WRITE;
    void *p;

    if (sys->hcall >= 0) {
        p = mmap(NULL, len, prot, MAP_SHARED, sys->hcall, 0);
        return p == MAP_FAILED ? NULL : p;
    }
    p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
             0);
    if (p == MAP_FAILED)
        return NULL;
    /* A fork would make the pages copy-on-write, hence movable. */
    if (madvise(p, len, MADV_DONTFORK) != 0 || mlock(p, len) != 0) {
        munmap(p, len);
        return NULL;
    }
    return p;
}

void *sys_buf_alloc(struct sys *sys, size_t len_bytes)
{
    size_t len = page_round(len_bytes);
    void *p;

    if (len < len_bytes || len == 0)
        return NULL;
    if (len > SYS_PAGE_SIZE || sys->nr_cached == 0)
        return buf_map(sys, len);
    p = sys->cache[--sys->nr_cached];
    memset(p, 0, SYS_PAGE_SIZE);
    return p;
}

void sys_buf_free(struct sys *sys, void *buf, size_t len_bytes)
{
    size_t len = page_round(len_bytes);

    if (buf == NULL)
        return;
    if (len == SYS_PAGE_SIZE && sys->nr_cached < SYS_CACHED_PAGES)
        sys->cache[sys->nr_cached++] = buf;
    else
        munmap(buf, len);
}

/* glibc's ioctl() returns an int; results of memory_op may need a long. */
long sys_hypercall(struct sys *sys, unsigned int op, uint64_t a0, uint64_t a1,
                   uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct privcmd_call call = {.op = op, .arg = {a0, a1, a2, a3, a4}};
    long rc = syscall(SYS_ioctl, sys->privcmd, PRIVCMD_CALL, &call);

    return rc == -1 ? -errno : rc;
}

long sys_hypercall_arg(struct sys *sys, unsigned int op, uint64_t cmd,
                       void *arg, size_t len_bytes)
{
    struct bounce b;
    long rc = bounce_in(&b, sys, arg, len_bytes);

    if (rc != 0)
        return rc;
    rc = sys_hypercall(sys, op, cmd, (uintptr_t)b.safe, 0, 0, 0);
    if (rc >= 0)
        bounce_out(&b, len_bytes);
    bounce_free(&b);
    return rc;
}

int bounce_in(struct bounce *b, struct sys *sys, const void *user,
              size_t len_bytes)
{
    *b = (struct bounce){.sys = sys};
    if (user == NULL || len_bytes == 0)
        return 0;
    b->safe = sys_buf_alloc(sys, len_bytes);
    if (b->safe == NULL)
        return -ENOMEM;
    b->user = (void *)(uintptr_t)user;
    b->len_bytes = len_bytes;
    memcpy(b->safe, user, len_bytes);
    return 0;
}

void bounce_out(const struct bounce *b, size_t len_bytes)
{
    if (b->safe != NULL)
        memcpy(b->user, b->safe,
               len_bytes < b->len_bytes ? len_bytes : b->len_bytes);
}

void bounce_free(struct bounce *b)
{
    sys_buf_free(b->sys, b->safe, b->len_bytes);
    b->safe = NULL;
}
