/* SPDX-License-Identifier: MIT */
/*
 * sysctl, platform_op, mca, hypfs_op, xen_version: what the control domain
 * asks of the machine and of the hypervisor.
 */
#include "toolstack.h"

#include <public/arch-x86/xen-mca.h>
#include <public/hypfs.h>
#include <public/physdev.h>

/* ---- sysctl ---- */

static void sysctl_versions(void)
{
    fresh();
    sc.cmd = XEN_SYSCTL_physinfo;
    for (uint32_t v = 0; v < 0x20; v++) {
        sc.interface_version = v;
        EXPECT_EQ(hcall1(__HYPERVISOR_sysctl, addr(&sc)),
                  v == XEN_SYSCTL_INTERFACE_VERSION ? 0 : -XEN_EACCES);
    }
    EXPECT_EQ(sysctl(0), -XEN_ENOSYS);
    EXPECT_EQ(sysctl(13), -XEN_ENOSYS);
    EXPECT_EQ(sysctl(99), -XEN_ENOSYS);
    EXPECT_EQ(sysctl(~0U), -XEN_ENOSYS);
}

static void sysctl_not_there(void)
{
    fresh();
    EXPECT_EQ(sysctl(XEN_SYSCTL_coverage_op), -XEN_EOPNOTSUPP);
    EXPECT_EQ(sysctl(XEN_SYSCTL_psr_cmt_op), -XEN_ENODEV);
    EXPECT_EQ(sysctl(XEN_SYSCTL_psr_alloc), -XEN_ENODEV);
    EXPECT_EQ(sysctl(XEN_SYSCTL_livepatch_op), -XEN_ENOSYS);
}

/* --- power management --- */

static long pm(uint32_t cmd, uint32_t cpu, uint32_t value, uint32_t *now)
{
    uint32_t word[3] = {cmd, cpu, value};
    long rc;

    fresh();
    memcpy(sc.u.pad, word, sizeof(word));
    rc = sysctl(XEN_SYSCTL_pm_op);
    memcpy(word, sc.u.pad, sizeof(word));
    *now = word[2];
    return rc;
}

static void pm_parameters(void)
{
    const uint32_t get = XEN_SYSCTL_pm_op_get_max_cstate;
    const uint32_t set = XEN_SYSCTL_pm_op_set_max_cstate;
    uint32_t now;

    EXPECT_EQ(pm(0, 0, 0, &now), -XEN_ENOSYS);
    EXPECT_EQ(pm(0x2f, 0, 0, &now), -XEN_ENOSYS);
    EXPECT_EQ(pm(CPUFREQ_PARA, 0, 0, &now), -XEN_EINVAL);
    EXPECT_EQ(pm(XEN_SYSCTL_pm_op_enable_turbo, 0, 0, &now), -XEN_EACCES);
    EXPECT_EQ(pm(XEN_SYSCTL_pm_op_disable_turbo, 0, 0, &now), -XEN_EACCES);
    EXPECT_EQ(pm(XEN_SYSCTL_pm_op_set_sched_opt_smt, 0, 1, &now), 0);
    EXPECT_EQ(now, 0);
    EXPECT_EQ(pm(XEN_SYSCTL_pm_op_set_sched_opt_smt, 0, 0, &now), 0);
    EXPECT_EQ(now, 1);
    EXPECT_EQ(pm(get, 0, 0, &now), 0);
    EXPECT_EQ(now, 1);
    EXPECT_EQ(pm(get, 2, 0, &now), -XEN_EINVAL);
    EXPECT_EQ(pm(set, 2, 0, &now), -XEN_EINVAL);
    EXPECT_EQ(pm(set, 1, 0, &now), 0);
    EXPECT_EQ(pm(set, 0, 0, &now), 0);
    EXPECT_EQ(pm(get, 0, 7, &now), 0);
    EXPECT_EQ(now, 0);
    EXPECT_EQ(pm(set, 0, XEN_SYSCTL_CX_UNLIMITED, &now), 0);
    EXPECT_EQ(pm(get, 0, 0, &now), 0);
    EXPECT_EQ(now, XEN_SYSCTL_CX_UNLIMITED);
    EXPECT_EQ(pm(set, 0, 1, &now), 0);
}

static struct pm_cx_stat *cx;

static long pmstat(uint32_t type, uint32_t cpu)
{
    cx = &sc.u.get_pmstat.u.getcx;
    sc.u.get_pmstat.type = type;
    sc.u.get_pmstat.cpuid = cpu;
    return sysctl(XEN_SYSCTL_get_pmstat);
}

static long cx_of_cpu_0(uint64_t *triggers, uint64_t *residencies, uint32_t nr)
{
    fresh();
    HANDLE_SET(sc.u.get_pmstat.u.getcx.triggers, triggers);
    HANDLE_SET(sc.u.get_pmstat.u.getcx.residencies, residencies);
    sc.u.get_pmstat.u.getcx.nr = nr;
    return pmstat(PMSTAT_get_cxstat, 0);
}

/* The only vcpu of the machine sleeps, so its CPU halts. */
static void pm_statistics(void)
{
    static uint64_t triggers[3], residencies[3];
    struct sched_poll nap = {0};
    uint64_t before;

    fresh();
    EXPECT_EQ(pmstat(PMSTAT_get_max_cx, 999), -XEN_EINVAL);
    EXPECT_EQ(pmstat(PMSTAT_get_max_px, 0), -XEN_ENODEV);
    EXPECT_EQ(pmstat(0, 0), -XEN_ENODEV);
    EXPECT_EQ(pmstat(PMSTAT_get_max_cx, 0), 0);
    EXPECT_EQ(cx->nr, 2);
    triggers[2] = residencies[2] = 7;
    EXPECT_EQ(cx_of_cpu_0(triggers, residencies, 3), 0);
    EXPECT_EQ(cx->nr, 2);
    EXPECT_EQ(triggers[2] + residencies[2], 14);
    before = triggers[1];
    nap.timeout = time_now() + 50 * NS_PER_MS;
    hc_sched_op(SCHEDOP_poll, &nap);
    EXPECT_EQ(cx_of_cpu_0(triggers, residencies, 2), 0);
    EXPECT(triggers[1] > before);
    EXPECT(residencies[1] >= 3 * NS_PER_MS);
    EXPECT(residencies[0] > 0);
    EXPECT_EQ(cx->idle_time, residencies[1]);
    EXPECT_EQ(pmstat(PMSTAT_reset_cxstat, 0), 0);
    EXPECT_EQ(cx_of_cpu_0(triggers, residencies, 2), 0);
    EXPECT(residencies[1] < cx->idle_time);
    EXPECT_EQ(cx_of_cpu_0((void *)8, residencies, 2), -XEN_EFAULT);
}

static void pci_nodes(void)
{
    static physdev_pci_device_t dev[2];
    static uint32_t node[3];

    fresh();
    EXPECT_EQ(sysctl(XEN_SYSCTL_pcitopoinfo), -XEN_EINVAL);
    node[2] = 7;
    HANDLE_SET(sc.u.pcitopoinfo.devs, dev);
    HANDLE_SET(sc.u.pcitopoinfo.nodes, node);
    sc.u.pcitopoinfo.num_devs = 2;
    EXPECT_EQ(sysctl(XEN_SYSCTL_pcitopoinfo), 0);
    EXPECT_EQ(sc.u.pcitopoinfo.num_devs, 2);
    EXPECT_EQ(node[0], XEN_INVALID_DEV);
    EXPECT_EQ(node[1], XEN_INVALID_DEV);
    EXPECT_EQ(node[2], 7);
    HANDLE_SET(sc.u.pcitopoinfo.nodes, (void *)8);
    EXPECT_EQ(sysctl(XEN_SYSCTL_pcitopoinfo), -XEN_EFAULT);
}

/* Counts beyond what there is are cut, and nothing is written behind. */
static void counts_of_all_sizes(void)
{
    fresh();
    memset(buf, 0x5a, sizeof(buf));
    sc.u.getdomaininfolist.max_domains = ~0U;
    HANDLE_SET(sc.u.getdomaininfolist.buffer, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    EXPECT_EQ(sc.u.getdomaininfolist.num_domains, 2);
    EXPECT_EQ(buf[2 * sizeof(struct xen_domctl_getdomaininfo)], 0x5a);

    fresh();
    memset(buf, 0x5a, sizeof(buf));
    sc.u.getcpuinfo.max_cpus = ~0U;
    HANDLE_SET(sc.u.getcpuinfo.info, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_getcpuinfo), 0);
    EXPECT_EQ(sc.u.getcpuinfo.nr_cpus, 1);
    EXPECT_EQ(buf[sizeof(struct xen_sysctl_cpuinfo)], 0x5a);

    fresh();
    memset(buf, 0x5a, sizeof(buf));
    sc.u.cputopoinfo.num_cpus = ~0U;
    HANDLE_SET(sc.u.cputopoinfo.cputopo, buf);
    EXPECT_EQ(sysctl(XEN_SYSCTL_cputopoinfo), 0);
    EXPECT_EQ(sc.u.cputopoinfo.num_cpus, 1);
    EXPECT_EQ(buf[sizeof(struct xen_sysctl_cputopo)], 0x5a);

    fresh();
    dc.u.getpageframeinfo3.num = ~0UL;
    HANDLE_SET(dc.u.getpageframeinfo3.array, buf);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getpageframeinfo3), -XEN_E2BIG);
}

/* ---- platform_op ---- */

static long firmware(uint32_t type, uint32_t index)
{
    fresh();
    po.u.firmware_info.type = type;
    po.u.firmware_info.index = index;
    return platform(XENPF_firmware_info);
}

static void firmware_info(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        EXPECT_EQ(firmware(0, i), -XEN_EINVAL);
        EXPECT_EQ(firmware(XEN_FW_DISK_INFO, i), -XEN_ESRCH);
        EXPECT_EQ(firmware(XEN_FW_DISK_MBR_SIGNATURE, i), -XEN_ESRCH);
        EXPECT_EQ(firmware(XEN_FW_EFI_INFO, i), -XEN_ENOSYS);
        EXPECT_EQ(firmware(XEN_FW_KBD_SHIFT_FLAGS, i), i ? -XEN_ESRCH : 0);
        EXPECT_EQ(firmware(6, i), -XEN_EINVAL);
        EXPECT_EQ(firmware(~0U, i), -XEN_EINVAL);
    }
    EXPECT_EQ(firmware(XEN_FW_VBEDDC_INFO, 1), -XEN_ESRCH);
}

static void efi_calls(void)
{
    for (uint32_t i = 0; i < 12; i++) {
        fresh();
        po.u.efi_runtime_call.function = i;
        EXPECT_EQ(platform(XENPF_efi_runtime_call), -XEN_ENOSYS);
    }
}

static long memtype(uint32_t reg)
{
    fresh();
    po.u.read_memtype.reg = reg;
    return platform(XENPF_read_memtype);
}

/* QEMU's BIOS makes one range, from the end of low memory, uncached. */
static void memory_types(void)
{
    EXPECT_EQ(memtype(0), 0);
    EXPECT_EQ(po.u.read_memtype.type, 0);
    EXPECT_EQ(po.u.read_memtype.mfn, 0x80000);
    EXPECT_EQ(po.u.read_memtype.nr_mfns, 0x80000);
    EXPECT_EQ(memtype(8), -XEN_EINVAL);
    EXPECT_EQ(memtype(~0U), -XEN_EINVAL);
    fresh();
    EXPECT_EQ(platform(XENPF_add_memtype), -XEN_ENXIO);
    EXPECT_EQ(platform(XENPF_del_memtype), -XEN_ENXIO);
}

static void quirks_and_parking(void)
{
    for (uint32_t id = 0; id < 5; id++) {
        fresh();
        po.u.platform_quirk.quirk_id = id;
        EXPECT_EQ(platform(XENPF_platform_quirk),
                  id >= 1 && id <= 3 ? 0 : -XEN_EINVAL);
    }
    fresh();
    EXPECT_EQ(platform(XENPF_microcode_update), -XEN_EINVAL);
    EXPECT_EQ(platform(XENPF_core_parking), -XEN_EINVAL);
    po.u.core_parking.type = XEN_CORE_PARKING_GET;
    po.u.core_parking.idle_nums = 5;
    EXPECT_EQ(platform(XENPF_core_parking), 0);
    EXPECT_EQ(po.u.core_parking.idle_nums, 0);
    po.u.core_parking.type = XEN_CORE_PARKING_SET;
    EXPECT_EQ(platform(XENPF_core_parking), 0);
    EXPECT_EQ(platform(99), -XEN_ENOSYS);
    po.cmd = XENPF_get_cpuinfo;
    po.interface_version = XENPF_INTERFACE_VERSION + 1;
    EXPECT_EQ(hcall1(__HYPERVISOR_platform_op, addr(&po)), -XEN_EACCES);
}

static xenpf_resource_entry_t regs[4];

static long resource(uint32_t nr, uint32_t cpu)
{
    memset(&po, 0, sizeof(po));
    po.u.resource_op.nr_entries = nr;
    po.u.resource_op.cpu = cpu;
    HANDLE_SET(po.u.resource_op.entries, regs);
    return platform(XENPF_resource_op);
}

static void resources(void)
{
    memset(regs, 0, sizeof(regs));
    EXPECT_EQ(resource(0, 0), 0);
    EXPECT_EQ(resource(4, 0), -XEN_EINVAL);
    EXPECT_EQ(resource(~0U, 0), -XEN_EINVAL);
    regs[0].idx = regs[1].idx = 0x10;
    EXPECT_EQ(resource(1, 99), -XEN_ENODEV);
    EXPECT_EQ(resource(1, ~0U), -XEN_ENODEV);
    EXPECT_EQ(resource(2, 0), 2);
    EXPECT_EQ(regs[0].u.ret, 0);
    EXPECT(regs[0].val != 0 && regs[1].val >= regs[0].val);
    /* Another register, and a write: stopped there. */
    regs[1].idx = 0x1b;
    EXPECT_EQ(resource(2, 0), 1);
    EXPECT_EQ(regs[1].u.ret, -XEN_EPERM);
    regs[0].u.cmd = XEN_RESOURCE_OP_MSR_WRITE;
    EXPECT_EQ(resource(1, 0), 0);
    EXPECT_EQ(regs[0].u.ret, -XEN_EPERM);
}

static long symbol(uint32_t nr, uint32_t room)
{
    memset(&po, 0, sizeof(po));
    po.u.symdata.symnum = nr;
    po.u.symdata.namelen = room;
    HANDLE_SET(po.u.symdata.name, buf);
    return platform(XENPF_get_symbol);
}

/* All of them, in the order of addresses. */
static void symbols(void)
{
    uint64_t before = 0;
    uint32_t n;
    bool seen = false;

    fresh();
    for (n = 0; n < 100000; n++) {
        EXPECT_EQ(symbol(n, 128), 0);
        if (po.u.symdata.symnum == n || test_failed())
            break;
        EXPECT(po.u.symdata.address >= before);
        before = po.u.symdata.address;
        seen |= !strncmp((char *)buf, "do_platform_op", 15);
    }
    EXPECT(n > 500 && seen);
    EXPECT_EQ(po.u.symdata.namelen, 1); /* an empty name */
    EXPECT_EQ(buf[0], 0);
    EXPECT_EQ(symbol(n + 1, 128), -XEN_ERANGE);
    EXPECT_EQ(symbol(~0U, 128), -XEN_ERANGE);
    /* A name that there is no room for is cut. */
    memset(buf, 0x5a, 64);
    EXPECT_EQ(symbol(0, 3), 0);
    EXPECT(po.u.symdata.namelen > 3);
    EXPECT(buf[2] != 0x5a && buf[3] == 0x5a);
}

/* ---- mca ---- */

static struct xen_mc mc;

static long mca(uint32_t cmd)
{
    mc.cmd = cmd;
    mc.interface_version = XEN_MCA_INTERFACE_VERSION;
    return hcall1(__HYPERVISOR_mca, addr(&mc));
}

static void machine_checks(void)
{
    struct mcinfo_logical_cpu *cpu = (void *)buf;

    memset(&mc, 0, sizeof(mc));
    EXPECT_EQ(mca(XEN_MC_physcpuinfo), 0);
    EXPECT_EQ(mc.u.mc_physcpuinfo.ncpus, 1);
    memset(buf, 0x5a, sizeof(buf));
    HANDLE_SET(mc.u.mc_physcpuinfo.info, buf);
    mc.u.mc_physcpuinfo.ncpus = 5;
    EXPECT_EQ(mca(XEN_MC_physcpuinfo), 0);
    EXPECT_EQ(mc.u.mc_physcpuinfo.ncpus, 1);
    EXPECT_EQ(cpu->mc_cpunr, 0);
    EXPECT(cpu->mc_family > 0 && strlen(cpu->mc_vendorid) == 12);
    EXPECT_EQ(buf[sizeof(*cpu)], 0x5a);
    memset(&mc, 0, sizeof(mc));
    EXPECT_EQ(mca(XEN_MC_fetch), -XEN_EINVAL);
    mc.u.mc_fetch.flags = XEN_MC_NONURGENT;
    EXPECT_EQ(mca(XEN_MC_fetch), 0);
    EXPECT_EQ(mc.u.mc_fetch.flags, XEN_MC_NODATA);
    mc.u.mc_fetch.flags = XEN_MC_URGENT | XEN_MC_ACK;
    EXPECT_EQ(mca(XEN_MC_fetch), 0);
    EXPECT_EQ(mc.u.mc_fetch.flags, XEN_MC_OK);
    EXPECT_EQ(mca(XEN_MC_notifydomain), -XEN_EINVAL);
    EXPECT_EQ(mca(99), -XEN_EINVAL);
    mc.interface_version++;
    mc.cmd = XEN_MC_physcpuinfo;
    EXPECT_EQ(hcall1(__HYPERVISOR_mca, addr(&mc)), -XEN_EACCES);
}

/* ---- hypfs ---- */

static long hypfs(unsigned int cmd, const char *path, size_t room)
{
    return hcall5(__HYPERVISOR_hypfs_op, cmd, addr(path), strlen(path) + 1,
                  addr(buf), room);
}

static const struct xen_hypfs_direntry *const e = (void *)buf;

static void hypfs_tree(void)
{
    const struct xen_hypfs_dirlistentry *entry;
    unsigned int at = sizeof(*e), n = 0, params = 0;

    fresh();
    EXPECT_EQ(
        hcall5(__HYPERVISOR_hypfs_op, XEN_HYPFS_OP_get_version, 0, 0, 0, 0), 1);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/", sizeof(buf)), 0);
    EXPECT_EQ(e->type, XEN_HYPFS_TYPE_DIR);
    do {
        entry = (const void *)(buf + at);
        at += entry->off_next;
        n++;
        params += !strncmp(entry->name, "params", 7);
    } while (entry->off_next && n < 10);
    EXPECT_EQ(n, 3);
    EXPECT_EQ(params, 1);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/cpupool/0/sched-gran", 64), 0);
    EXPECT_EQ(strncmp((char *)buf + sizeof(*e), "cpu", 4), 0);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/buildinfo/compileinfo/compiler", 99),
              0);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/buildinfo/version/minor", 64), 0);
    EXPECT_EQ(e->type, XEN_HYPFS_TYPE_UINT);
    EXPECT_EQ(e->content_len, 4);
    EXPECT_EQ(*(uint32_t *)(buf + sizeof(*e)), 17);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/params/console", sizeof(buf)), 0);
    EXPECT_EQ(e->type, XEN_HYPFS_TYPE_STRING);
    EXPECT_EQ(strncmp((char *)buf + sizeof(*e), "com1", 5), 0);
}

static void hypfs_refused(void)
{
    static const char *const absent[] = {"/nothing",
                                         "/params/nothing",
                                         "/buildinfo/version/minor/x",
                                         "/buildinfo//version",
                                         "/cpupool/1",
                                         "/buildinf",
                                         "/buildinfo2"};
    static const char unterminated[4] = {'/', 'a', 'b', 'c'};
    static const char inside[6] = {'/', 0, 'a', 'b', 'c', 0};

    fresh();
    for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++)
        EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, absent[i], 64), -XEN_ENOENT);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "params", 64), -XEN_EINVAL);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "", 64), -XEN_EINVAL);
    EXPECT_EQ(hcall5(__HYPERVISOR_hypfs_op, XEN_HYPFS_OP_read,
                     addr(unterminated), 4, addr(buf), 64),
              -XEN_EINVAL);
    EXPECT_EQ(hcall5(__HYPERVISOR_hypfs_op, XEN_HYPFS_OP_read, addr(inside), 6,
                     addr(buf), 64),
              -XEN_EINVAL);
    EXPECT_EQ(hcall5(__HYPERVISOR_hypfs_op, XEN_HYPFS_OP_read, addr(inside),
                     ~0UL, addr(buf), 64),
              -XEN_EINVAL);
    EXPECT_EQ(
        hcall5(__HYPERVISOR_hypfs_op, XEN_HYPFS_OP_read, 8, 2, addr(buf), 64),
        -XEN_EFAULT);
    /* No room: the length is told, and nothing else is written. */
    memset(buf, 0x5a, sizeof(buf));
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/params", sizeof(*e)), -XEN_ENOBUFS);
    EXPECT(e->content_len > 0 && e->content_len < sizeof(buf));
    EXPECT_EQ(buf[sizeof(*e)], 0x5a);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_read, "/params", 4), -XEN_EINVAL);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_write_contents, "/params/console", 4),
              -XEN_EACCES);
    EXPECT_EQ(hypfs(XEN_HYPFS_OP_write_contents, "/none", 4), -XEN_ENOENT);
    EXPECT_EQ(hypfs(9, "/", 64), -XEN_ENOSYS);
}

/* ---- which build ---- */

static void which_build(void)
{
    struct xen_build_id *id = (void *)buf;
    long len;

    fresh();
    len = hc_xen_version(XENVER_build_id, NULL);
    EXPECT(len >= 8 && len <= 64);
    EXPECT_EQ(hc_xen_version(XENVER_build_id, buf), -XEN_EINVAL);
    id->len = (uint32_t)len - 1;
    EXPECT_EQ(hc_xen_version(XENVER_build_id, buf), -XEN_ENOBUFS);
    memset(buf, 0x5a, sizeof(buf));
    id->len = 4000;
    EXPECT_EQ(hc_xen_version(XENVER_build_id, buf), len);
    EXPECT_EQ(id->len, 4000);
    EXPECT_EQ(id->buf[len], 0x5a);
}

const struct test machine_tests[] = {
    {"sysctl: versions", sysctl_versions},
    {"sysctl: not there", sysctl_not_there},
    {"sysctl: pm parameters", pm_parameters},
    {"sysctl: pm statistics", pm_statistics},
    {"sysctl: nodes of PCI devices", pci_nodes},
    {"sysctl: counts of all sizes", counts_of_all_sizes},
    {"platform: firmware", firmware_info},
    {"platform: EFI calls", efi_calls},
    {"platform: memory types", memory_types},
    {"platform: quirks, parking, microcode", quirks_and_parking},
    {"platform: registers", resources},
    {"platform: symbols", symbols},
    {"machine checks", machine_checks},
    {"hypfs: tree", hypfs_tree},
    {"hypfs: refused", hypfs_refused},
    {"build id", which_build},
};
const unsigned int nr_machine_tests = ARRAY_SIZE(machine_tests);
