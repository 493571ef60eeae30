/* SPDX-License-Identifier: MIT */
/*
 * console_io: the control domain's console is the hypervisor's. Other domains
 * are refused; they have their rings.
 */
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/hypercall.h>
#include <hv/lib.h>
#include <hv/permission.h>

#define CHUNK 128

static long console_write(unsigned long count, guest_va_t buf)
{
    char chunk[CHUNK];

    while (count) {
        size_t n = min_t(size_t, count, sizeof(chunk));

        if (copy_from_guest_va(chunk, buf, n))
            return -EFAULT;
        console_guest_write(chunk, n);
        buf += n;
        count -= n;
        if (count && hypercall_preempt_check())
            return hypercall_continue(__HYPERVISOR_console_io, 3,
                                      (unsigned long)CONSOLEIO_write, count,
                                      buf);
    }
    return 0;
}

static long console_read(unsigned long count, guest_va_t buf)
{
    char chunk[CHUNK];
    long done = 0;

    while (count) {
        size_t n = min_t(size_t, count, sizeof(chunk));

        n = console_guest_read(chunk, n);
        if (!n)
            break;
        if (copy_to_guest_va(buf, chunk, n))
            return -EFAULT;
        buf += n;
        count -= n;
        done += (long)n;
    }
    return done;
}

long do_console_io(unsigned long cmd, unsigned long count, unsigned long buf)
{
    int rc = permit(__HYPERVISOR_console_io, (uint32_t)cmd);

    if (rc)
        return rc;
    count = (uint32_t)count;
    if (count > INT32_MAX)
        return -EINVAL;
    switch ((uint32_t)cmd) {
    case CONSOLEIO_write:
        return console_write(count, buf);
    case CONSOLEIO_read:
        return console_read(count, buf);
    default:
        return -ENOSYS;
    }
}
