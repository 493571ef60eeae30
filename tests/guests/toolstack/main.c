/* SPDX-License-Identifier: MIT */
/*
 * What a toolstack asks for: every operation on a guest's state and on the
 * machine with good and with bad arguments, each error exact. The errors were
 * seen on Debian's hypervisor, on which this kernel runs as well (it then
 * fails where docs/abi says that we differ).
 */
#include "toolstack.h"

#include <kit/console.h>

struct kit_domain guest;
struct xen_domctl dc;
struct xen_sysctl sc;
struct xen_platform_op po;
uint8_t buf[2 * PAGE_SIZE] PAGE_ALIGNED;

void fresh(void)
{
    memset(&dc, 0, sizeof(dc));
    memset(&sc, 0, sizeof(sc));
    memset(&po, 0, sizeof(po));
    memset(buf, 0, sizeof(buf));
}

long on_guest(uint32_t cmd)
{
    return domctl(&dc, cmd, guest.id);
}

long sysctl(uint32_t cmd)
{
    sc.cmd = cmd;
    sc.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hcall1(__HYPERVISOR_sysctl, addr(&sc));
}

long platform(uint32_t cmd)
{
    po.cmd = cmd;
    po.interface_version = XENPF_INTERFACE_VERSION;
    return hcall1(__HYPERVISOR_platform_op, addr(&po));
}

void kit_main(void)
{
    unsigned int passed = 0, failed = 0;

    /* A guest runs for as long as it is let. */
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        for (;;)
            hc_sched_op(SCHEDOP_yield, NULL);
    }
    if (domain_build(&guest, domain_image(), "", NULL))
        return;
    tests_run_part(life_tests, nr_life_tests, &passed, &failed);
    tests_run_part(state_tests, nr_state_tests, &passed, &failed);
    tests_run_part(machine_tests, nr_machine_tests, &passed, &failed);
    tests_run_with(residue_tests, nr_residue_tests, &passed, &failed);
}
