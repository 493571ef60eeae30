/* SPDX-License-Identifier: MIT */
/*
 * kexec_op: ranges, every argument of a load that can be wrong, images that
 * come and go without a trace, and at the end a 32-bit image that is put where
 * the hypervisor was. Needs crashkernel=32M.
 */
#include <kit/console.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/kexec.h>
#include <public/sysctl.h>

#define NOWHERE   ((void *)0xffff820000000000UL)
#define EM_386    3
#define EM_X86_64 62
#define MIB       0x100000UL
#define HV_START  0x200000UL

extern const char stub_start[], stub_end[];

static char image[2 * 4096] __attribute__((aligned(4096)));
static struct xen_kexec_segment seg[17];
static struct xen_kexec_load load;
static uint64_t crash_start, crash_size;

static long kexec_op(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_kexec_op, cmd, addr(arg));
}

static long get_range(int range, int nr, struct xen_kexec_range *r)
{
    *r = (struct xen_kexec_range){
        .range = range, .nr = nr, .size = 0x5a, .start = 0x5a};
    return kexec_op(KEXEC_CMD_kexec_get_range, r);
}

static long status(uint8_t type)
{
    struct xen_kexec_status s = {.type = type};

    return kexec_op(KEXEC_CMD_kexec_status, &s);
}

static long unload(uint8_t type)
{
    struct xen_kexec_unload u = {.type = type};

    return kexec_op(KEXEC_CMD_kexec_unload, &u);
}

static void segment(unsigned int i, const void *buf, uint64_t buf_size,
                    uint64_t dest, uint64_t dest_size)
{
    seg[i].buf._pad = addr(buf);
    seg[i].buf_size = buf_size;
    seg[i].dest_maddr = dest;
    seg[i].dest_size = dest_size;
}

/* A good load of one segment, to be spoiled. */
static void fresh(uint8_t type)
{
    uint64_t dest = type == KEXEC_TYPE_CRASH ? crash_start : 64 * MIB;

    memset(&load, 0, sizeof(load));
    segment(0, image, sizeof(image), dest, sizeof(image));
    load.type = type;
    load.arch = EM_X86_64;
    load.nr_segments = 1;
    load.segments._pad = addr(seg);
    load.entry_maddr = dest + 16;
}

static long do_load(void)
{
    return kexec_op(KEXEC_CMD_kexec_load, &load);
}

static void ranges(void)
{
    struct xen_kexec_range r;

    EXPECT_EQ(get_range(KEXEC_RANGE_MA_CRASH, 0, &r), 0);
    crash_start = r.start;
    crash_size = r.size;
    EXPECT_EQ(crash_size, 32 * MIB);
    EXPECT(crash_start >= MIB && crash_start % MIB == 0);
    EXPECT_EQ(get_range(KEXEC_RANGE_MA_XEN, 0, &r), 0);
    EXPECT_EQ(r.start, HV_START);
    EXPECT(r.size > 0x40000 && r.size < 16 * MIB);
    EXPECT_EQ(get_range(KEXEC_RANGE_MA_VMCOREINFO, 0, &r), 0);
    EXPECT(r.start != 0 && r.size > 100 && r.size < 4096);
    EXPECT_EQ(get_range(KEXEC_RANGE_MA_XENHEAP, 0, &r), 0);
    EXPECT_EQ(r.size, 0);
    EXPECT_EQ(get_range(7, 0, &r), -XEN_EINVAL);
    EXPECT_EQ(get_range(-1, 0, &r), -XEN_EINVAL);
    EXPECT_EQ(kexec_op(KEXEC_CMD_kexec_get_range, NOWHERE), -XEN_EFAULT);
}

static void cpu_notes(void)
{
    struct xen_kexec_range r, other;

    EXPECT_EQ(get_range(KEXEC_RANGE_MA_CPU, 0, &r), 0);
    EXPECT(r.start != 0 && r.size >= 336);
    EXPECT_EQ(get_range(KEXEC_RANGE_MA_CPU, 1, &other), 0);
    EXPECT(other.start >= r.start + r.size || other.start + r.size <= r.start);
    EXPECT_EQ(get_range(KEXEC_RANGE_MA_CPU, 2, &r), -XEN_ERANGE);
    EXPECT_EQ(get_range(KEXEC_RANGE_MA_CPU, -1, &r), -XEN_ERANGE);
}

static void operations(void)
{
    struct xen_kexec_exec e = {.type = KEXEC_TYPE_DEFAULT};

    EXPECT_EQ(kexec_op(KEXEC_CMD_kexec, &e), -XEN_ENOENT);
    e.type = KEXEC_TYPE_CRASH;
    EXPECT_EQ(kexec_op(KEXEC_CMD_kexec, &e), -XEN_ENOENT);
    e.type = 2;
    EXPECT_EQ(kexec_op(KEXEC_CMD_kexec, &e), -XEN_EINVAL);
    EXPECT_EQ(status(KEXEC_TYPE_DEFAULT), 0);
    EXPECT_EQ(status(KEXEC_TYPE_CRASH), 0);
    EXPECT_EQ(status(2), -XEN_EINVAL);
    EXPECT_EQ(unload(KEXEC_TYPE_DEFAULT), 0);
    EXPECT_EQ(unload(2), -XEN_EINVAL);
    EXPECT_EQ(kexec_op(KEXEC_CMD_kexec_load_v1, &e), -XEN_ENOSYS);
    EXPECT_EQ(kexec_op(7, &e), -XEN_ENOSYS);
    /* No load of that token waits to be continued. */
    EXPECT_EQ(hcall2(__HYPERVISOR_kexec_op, 1UL << 32 | KEXEC_CMD_kexec_load,
                     addr(&load)),
              -XEN_EBUSY);
}

static void bad_loads(uint8_t type)
{
    fresh(type);
    load.type = 2;
    EXPECT_EQ(do_load(), -XEN_EINVAL);
    fresh(type);
    load.arch = 0;
    EXPECT_EQ(do_load(), -XEN_EINVAL);
    fresh(type);
    load.nr_segments = 17;
    EXPECT_EQ(do_load(), -XEN_EINVAL);
    fresh(type);
    load.segments._pad = addr(NOWHERE);
    EXPECT_EQ(do_load(), -XEN_EFAULT);
    fresh(type);
    load.entry_maddr = seg[0].dest_maddr + seg[0].dest_size;
    EXPECT_EQ(do_load(), -XEN_EADDRNOTAVAIL);
    fresh(type);
    seg[0].dest_maddr += 16;
    EXPECT_EQ(do_load(), -XEN_EADDRNOTAVAIL);
    fresh(type);
    seg[0].dest_size = ~0xfffUL;
    EXPECT_EQ(do_load(), -XEN_EADDRNOTAVAIL);
    fresh(type);
    seg[0].dest_maddr = 0xfee00000;
    EXPECT_EQ(do_load(), -XEN_EADDRNOTAVAIL);
    fresh(type);
    seg[0].buf_size = seg[0].dest_size + 1;
    EXPECT_EQ(do_load(), -XEN_EINVAL);
    fresh(type);
    segment(1, image, 16, seg[0].dest_maddr + 4096, 4096);
    load.nr_segments = 2;
    EXPECT_EQ(do_load(), -XEN_EINVAL);
    fresh(type);
    seg[0].buf._pad = addr(NOWHERE);
    EXPECT_EQ(do_load(), -XEN_EFAULT);
    EXPECT_EQ(status(type), 0);
}

static void bad_default_loads(void)
{
    bad_loads(KEXEC_TYPE_DEFAULT);
}

static void bad_crash_loads(void)
{
    bad_loads(KEXEC_TYPE_CRASH);
    fresh(KEXEC_TYPE_CRASH);
    seg[0].dest_maddr = crash_start - 4096;
    EXPECT_EQ(do_load(), -XEN_EADDRNOTAVAIL);
    fresh(KEXEC_TYPE_CRASH);
    seg[0].dest_maddr = crash_start + crash_size - 4096;
    EXPECT_EQ(do_load(), -XEN_EADDRNOTAVAIL);
}

static uint64_t free_bytes(void)
{
    static struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_availheap;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    EXPECT_EQ(hcall1(__HYPERVISOR_sysctl, addr(&op)), 0);
    return op.u.availheap.avail_bytes;
}

/* 2 MiB from one page of ours, many times: the call gives way in between. Up
 * to as many frames as an image has may be set aside for where they lie. */
static void come_and_go(uint8_t type, uint64_t cost)
{
    uint64_t before, loaded;

    EXPECT_EQ(unload(type), 0);
    before = free_bytes();
    fresh(type);
    seg[0].dest_size = 2 * MIB;
    segment(1, NULL, 0, 0, 0xa0000); /* firmware's, only to be reachable */
    load.nr_segments = 2;
    for (unsigned int i = 0; i < 20; i++)
        EXPECT_EQ(do_load(), 0);
    EXPECT_EQ(status(type), 1);
    loaded = free_bytes();
    /* Frames that lie where the image goes are set aside meanwhile. */
    EXPECT(before - loaded >= cost && before - loaded < 2 * cost + MIB);
    EXPECT_EQ(unload(type), 0);
    EXPECT_EQ(status(type), 0);
    EXPECT_EQ(free_bytes(), before);
}

static void crash_images(void)
{
    come_and_go(KEXEC_TYPE_CRASH, 0);
}

static void default_images(void)
{
    come_and_go(KEXEC_TYPE_DEFAULT, 2 * MIB);
}

/* A load that fails half-way leaves the former default image in place. */
static void failed_load(void)
{
    fresh(KEXEC_TYPE_DEFAULT);
    EXPECT_EQ(do_load(), 0);
    segment(1, NOWHERE, 4096, 65 * MIB, 4096);
    load.nr_segments = 2;
    EXPECT_EQ(do_load(), -XEN_EFAULT);
    EXPECT_EQ(status(KEXEC_TYPE_DEFAULT), 1);
    EXPECT_EQ(unload(KEXEC_TYPE_DEFAULT), 0);
}

static const struct test tests[] = {
    {"ranges", ranges},
    {"notes of the CPUs", cpu_notes},
    {"operations", operations},
    {"bad loads, default", bad_default_loads},
    {"bad loads, crash", bad_crash_loads},
    {"crash images come and go", crash_images},
    {"default images come and go", default_images},
    {"load that fails half-way", failed_load},
};

void kit_main(void)
{
    struct xen_kexec_exec e = {.type = KEXEC_TYPE_DEFAULT};

    tests_run(tests, ARRAY_SIZE(tests));
    fresh(KEXEC_TYPE_DEFAULT);
    segment(0, stub_start, (uint64_t)(stub_end - stub_start), HV_START, 4096);
    load.arch = EM_386;
    load.entry_maddr = HV_START;
    if (!do_load())
        kexec_op(KEXEC_CMD_kexec, &e);
}
