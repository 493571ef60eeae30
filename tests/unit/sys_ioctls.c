/* SPDX-License-Identifier: MIT */
/*
 * The ioctl numbers of libs/sys carry the size of their structures: a field of
 * the wrong width makes the kernel answer "no such call". Compared with the
 * numbers that Debian's headers give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/ioctl.h>

#include <xen/xen.h>

#include <xen/sys/evtchn.h>
#include <xen/sys/gntalloc.h>
#include <xen/sys/gntdev.h>
#include <xen/sys/privcmd.h>
#include <xen/sys/xenbus_dev.h>

#include "libs/sys/ioctls.h"

static void numbers(void **state)
{
    (void)state;
    assert_int_equal(PRIVCMD_CALL, IOCTL_PRIVCMD_HYPERCALL);
    assert_int_equal(PRIVCMD_MMAP_BATCH, IOCTL_PRIVCMD_MMAPBATCH_V2);
    assert_int_equal(PRIVCMD_RESOURCE, IOCTL_PRIVCMD_MMAP_RESOURCE);
    assert_int_equal(EVTCHN_BIND_VIRQ, IOCTL_EVTCHN_BIND_VIRQ);
    assert_int_equal(EVTCHN_BIND_INTER, IOCTL_EVTCHN_BIND_INTERDOMAIN);
    assert_int_equal(EVTCHN_BIND_UNBOUND, IOCTL_EVTCHN_BIND_UNBOUND_PORT);
    assert_int_equal(EVTCHN_UNBIND, IOCTL_EVTCHN_UNBIND);
    assert_int_equal(EVTCHN_NOTIFY, IOCTL_EVTCHN_NOTIFY);
    assert_int_equal(GNTDEV_MAP, IOCTL_GNTDEV_MAP_GRANT_REF);
    assert_int_equal(GNTDEV_UNMAP, IOCTL_GNTDEV_UNMAP_GRANT_REF);
    assert_int_equal(GNTDEV_OFFSET, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR);
    assert_int_equal(GNTDEV_NOTIFY, IOCTL_GNTDEV_SET_UNMAP_NOTIFY);
    assert_int_equal(GNTALLOC_ALLOC, IOCTL_GNTALLOC_ALLOC_GREF);
    assert_int_equal(GNTALLOC_DEALLOC, IOCTL_GNTALLOC_DEALLOC_GREF);
    assert_int_equal(XENBUS_BACKEND_EVTCHN, IOCTL_XENBUS_BACKEND_EVTCHN);
    assert_int_equal(XENBUS_BACKEND_SETUP, IOCTL_XENBUS_BACKEND_SETUP);
}

#define same_field(ours, theirs, field)            \
    assert_int_equal(offsetof(struct ours, field), \
                     offsetof(struct theirs, field))

static void layouts(void **state)
{
    (void)state;
    same_field(privcmd_mmap_batch, privcmd_mmapbatch_v2, dom);
    same_field(privcmd_mmap_batch, privcmd_mmapbatch_v2, addr);
    same_field(privcmd_mmap_batch, privcmd_mmapbatch_v2, arr);
    same_field(privcmd_mmap_batch, privcmd_mmapbatch_v2, err);
    same_field(privcmd_resource, privcmd_mmap_resource, type);
    same_field(privcmd_resource, privcmd_mmap_resource, idx);
    same_field(privcmd_resource, privcmd_mmap_resource, addr);
    same_field(gntdev_ioc_map, ioctl_gntdev_map_grant_ref, index);
    same_field(gntdev_ioc_map, ioctl_gntdev_map_grant_ref, refs);
    same_field(gntdev_ioc_unmap, ioctl_gntdev_unmap_grant_ref, count);
    same_field(gntdev_ioc_notify, ioctl_gntdev_unmap_notify, action);
    same_field(gntalloc_ioc_alloc, ioctl_gntalloc_alloc_gref, index);
    assert_int_equal(offsetof(struct gntalloc_ioc_alloc, refs),
                     offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(layouts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
