/* SPDX-License-Identifier: MIT */
/* consoled's handles to the hypervisor, opened once. */
#ifndef CONSOLED_HV_H
#define CONSOLED_HV_H

#include "libs/sys/evtchn.h"
#include "libs/sys/gntdev.h"
#include "libs/sys/sys.h"

struct hv {
    struct sys *sys;
    struct sys_evtchn *evtchn;
    struct sys_gntdev *gntdev;
};
extern struct hv hv;

/* 0 or -errno. hv_log: the hypervisor's own log goes to a file too. */
int hv_start(int hv_log);
void hv_stop(void);

#endif
