/* SPDX-License-Identifier: MIT */
/* Non-maskable interrupts handed to a guest kernel: nmi_op. */
#ifndef PUBLIC_NMI_H
#define PUBLIC_NMI_H

#include <public/xen.h>

/* Bits of arch_shared_info.nmi_reason. */
#define XEN_NMIREASON_io_error   (1u << 0)
#define XEN_NMIREASON_pci_serr   (1u << 1)
#define XEN_NMIREASON_unknown    (1u << 2)
#define XENNMI_register_callback 0

struct xennmi_callback {
    unsigned long handler_address;
    unsigned long pad;
};
typedef struct xennmi_callback xennmi_callback_t;
DEFINE_XEN_GUEST_HANDLE(xennmi_callback_t);

#define XENNMI_unregister_callback 1

#endif
