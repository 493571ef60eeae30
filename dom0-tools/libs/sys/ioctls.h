/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of the /dev/xen devices: ioctl numbers and structures of
 * Linux's user interface, all of direction "none". Private to libs/sys.
 */
#ifndef LIBS_SYS_IOCTLS_H
#define LIBS_SYS_IOCTLS_H

#include <stdint.h>
#include <sys/ioctl.h>

#define SYS_IOC(type, nr, size) _IOC(_IOC_NONE, (type), (nr), (size))

/* /dev/xen/privcmd */
struct privcmd_call {
    uint64_t op;
    uint64_t arg[5];
};
struct privcmd_mmap_batch {
    uint32_t num;
    uint16_t dom;
    uint64_t addr;
    const uint64_t *arr; /* frames */
    int32_t *err;        /* one result each */
};
struct privcmd_resource {
    uint16_t dom;
    uint32_t type;
    uint32_t id;
    uint32_t idx;
    uint64_t num;
    uint64_t addr;
};
#define PRIVCMD_CALL       SYS_IOC('P', 0, sizeof(struct privcmd_call))
#define PRIVCMD_MMAP_BATCH SYS_IOC('P', 4, sizeof(struct privcmd_mmap_batch))
#define PRIVCMD_RESOURCE   SYS_IOC('P', 7, sizeof(struct privcmd_resource))

/* /dev/xen/evtchn */
struct evtchn_ioc_virq {
    uint32_t virq;
};
struct evtchn_ioc_interdomain {
    uint32_t remote_domain;
    uint32_t remote_port;
};
struct evtchn_ioc_unbound {
    uint32_t remote_domain;
};
struct evtchn_ioc_port {
    uint32_t port;
};
#define EVTCHN_BIND_VIRQ    SYS_IOC('E', 0, sizeof(struct evtchn_ioc_virq))
#define EVTCHN_BIND_INTER   SYS_IOC('E', 1, sizeof(struct evtchn_ioc_interdomain))
#define EVTCHN_BIND_UNBOUND SYS_IOC('E', 2, sizeof(struct evtchn_ioc_unbound))
#define EVTCHN_UNBIND       SYS_IOC('E', 3, sizeof(struct evtchn_ioc_port))
#define EVTCHN_NOTIFY       SYS_IOC('E', 4, sizeof(struct evtchn_ioc_port))

/* /dev/xen/gntdev; the map call carries a variable number of refs. */
struct gntdev_ioc_ref {
    uint32_t domid;
    uint32_t ref;
};
struct gntdev_ioc_map {
    uint32_t count;
    uint32_t pad;
    uint64_t index; /* out: offset for mmap */
    struct gntdev_ioc_ref refs[];
};
struct gntdev_ioc_unmap {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};
struct gntdev_ioc_offset {
    uint64_t vaddr;
    uint64_t offset; /* out */
    uint32_t count;  /* out */
    uint32_t pad;
};
struct gntdev_ioc_notify {
    uint64_t index; /* offset for mmap, plus byte in page */
    uint32_t action;
    uint32_t port;
};
/* The number counts one ref as part of the structure. */
#define GNTDEV_MAP  \
    SYS_IOC('G', 0, \
            sizeof(struct gntdev_ioc_map) + sizeof(struct gntdev_ioc_ref))
#define GNTDEV_UNMAP      SYS_IOC('G', 1, sizeof(struct gntdev_ioc_unmap))
#define GNTDEV_OFFSET     SYS_IOC('G', 2, sizeof(struct gntdev_ioc_offset))
#define GNTDEV_NOTIFY     SYS_IOC('G', 7, sizeof(struct gntdev_ioc_notify))
#define NOTIFY_CLEAR_BYTE 0x1U
#define NOTIFY_SEND_EVENT 0x2U

/* /dev/xen/gntalloc; the alloc call carries room for count refs. */
struct gntalloc_ioc_alloc {
    uint16_t domid;
    uint16_t flags;
    uint32_t count;
    uint64_t index; /* out: offset for mmap */
    uint32_t refs[];
};
struct gntalloc_ioc_dealloc {
    uint64_t index;
    uint32_t count;
};
#define GNTALLOC_WRITABLE 1U
/* One ref and the padding after it count as part of the structure. */
#define GNTALLOC_ALLOC \
    SYS_IOC('G', 5, sizeof(struct gntalloc_ioc_alloc) + sizeof(uint64_t))
#define GNTALLOC_DEALLOC SYS_IOC('G', 6, sizeof(struct gntalloc_ioc_dealloc))

/* /dev/xen/xenbus_backend: port as result; setup takes over the store. */
#define XENBUS_BACKEND_EVTCHN SYS_IOC('B', 0, 0)
#define XENBUS_BACKEND_SETUP  SYS_IOC('B', 1, 0)

#endif
