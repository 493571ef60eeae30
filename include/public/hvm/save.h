/* SPDX-License-Identifier: MIT */
/* Records of saved state that PV guests share with HVM ones. */
#ifndef PUBLIC_HVM_SAVE_H
#define PUBLIC_HVM_SAVE_H

#include <stdint.h>

/* A VCPU's virtual machine check registers. */
struct hvm_vmce_vcpu {
    uint64_t caps;
    uint64_t mci_ctl2_bank0;
    uint64_t mci_ctl2_bank1;
    uint64_t mcg_ext_ctl;
};

#endif
