/* SPDX-License-Identifier: MIT */
/*
 * consoled's handles to the hypervisor, the event channels' way into the loop,
 * and the hypervisor's own log.
 */
#include "hv.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

#include <public/xen.h>

#include "console.h"
#include "libs/daemon/loop.h"
#include "libs/sys/sysctl.h"
#include "logfile.h"

#define EVENT_BATCH 64U
#define LOG_CHUNK   4096U

struct hv hv;

static struct loop_source events_source;
static struct logfile *hv_logfile;
static uint32_t hv_log_port;
static uint32_t hv_log_index;

/* All that came since the last time. */
static void copy_log(void)
{
    char buf[LOG_CHUNK];
    int n;

    do {
        n = sys_read_console(hv.sys, buf, sizeof(buf), 0, 1, &hv_log_index);
        if (n > 0)
            logfile_write(hv_logfile, buf, (size_t)n);
    } while (n == (int)sizeof(buf));
}

static void evtchn_event(struct loop_source *src, uint32_t events)
{
    uint32_t ports[EVENT_BATCH];
    int n = sys_evtchn_pending(hv.evtchn, ports, EVENT_BATCH);

    (void)src;
    (void)events;
    for (int i = 0; i < n; i++) {
        /* First unmask, then look: what comes after fires again. */
        if (hv_logfile != NULL && ports[i] == hv_log_port) {
            sys_evtchn_unmask(hv.evtchn, ports[i]);
            copy_log();
        } else {
            consoles_event(ports[i]);
        }
    }
}

static int start_log(void)
{
    int rc = sys_evtchn_bind_virq(hv.evtchn, VIRQ_CON_RING);

    if (rc < 0)
        return rc;
    hv_log_port = (uint32_t)rc;
    hv_logfile = logfile_open("", "hypervisor");
    if (hv_logfile != NULL)
        copy_log();
    return 0;
}

int hv_start(int hv_log)
{
    int rc = sys_open(&hv.sys);

    if (rc == 0)
        rc = sys_evtchn_open(&hv.evtchn);
    if (rc == 0)
        rc = sys_gntdev_open(&hv.gntdev);
    if (rc == 0 && hv_log)
        rc = start_log();
    if (rc != 0)
        return rc;
    events_source.fd = sys_evtchn_fd(hv.evtchn);
    events_source.fn = evtchn_event;
    return loop_add(&events_source, EPOLLIN);
}

void hv_stop(void)
{
    logfile_close(hv_logfile);
    sys_gntdev_close(hv.gntdev);
    sys_evtchn_close(hv.evtchn);
    sys_close(hv.sys);
}
