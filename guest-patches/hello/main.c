/* SPDX-License-Identifier: MIT */
/*
 * The smallest guest: it says who it is and leaves. As control domain it shows
 * that a hypervisor boots; as a guest, that one is created and destroyed.
 * `wait=SECONDS` on its command line makes it stay.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

static uint64_t number(const char *text)
{
    uint64_t n = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (uint64_t)(*text - '0');
    return n;
}

/* Sleep: nothing is bound, so only the deadline ends it. */
static void sleep_until(uint64_t deadline_ns)
{
    struct sched_poll op;

    memset(&op, 0, sizeof(op));
    op.timeout = deadline_ns;
    while (time_now() < deadline_ns)
        hc_sched_op(SCHEDOP_poll, &op);
}

void kit_main(void)
{
    long version = hc_xen_version(XENVER_version, NULL);
    char seconds[16];

    timer_stop_periodic();
    printk("Hello from a kit kernel: %lu MiB, ABI %ld.%ld, up %lu ms\n",
           start_info->nr_pages / 256, version >> 16, version & 0xffff,
           time_now() / NS_PER_MS);
    if (option("wait", seconds, sizeof(seconds)))
        sleep_until(time_now() + number(seconds) * NS_PER_S);
    printk("Bye.\n");
}
