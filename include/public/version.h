/* SPDX-License-Identifier: MIT */
/* xen_version: what the hypervisor is and can do. */
#ifndef PUBLIC_VERSION_H
#define PUBLIC_VERSION_H

#include <public/xen.h>

/* Result: major in 31:16, minor in 15:0. */
#define XENVER_version      0
#define XENVER_extraversion 1

#define XEN_EXTRAVERSION_LEN 16
typedef char xen_extraversion_t[XEN_EXTRAVERSION_LEN];
#define XENVER_compile_info 2

struct xen_compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};
typedef struct xen_compile_info xen_compile_info_t;

/* "xen-3.0-x86_64" and the like, separated by blanks. */
#define XENVER_capabilities 3

#define XEN_CAPABILITIES_INFO_LEN 1024
typedef char xen_capabilities_info_t[XEN_CAPABILITIES_INFO_LEN];
#define XENVER_changeset 4

#define XEN_CHANGESET_INFO_LEN 64
typedef char xen_changeset_info_t[XEN_CHANGESET_INFO_LEN];

/* Where the hypervisor's addresses begin. */
#define XENVER_platform_parameters 5

struct xen_platform_parameters {
    xen_ulong_t virt_start;
};
typedef struct xen_platform_parameters xen_platform_parameters_t;

/* A word of XENFEAT bits. */
#define XENVER_get_features 6

struct xen_feature_info {
    uint32_t submap_idx;
    uint32_t submap;
};
typedef struct xen_feature_info xen_feature_info_t;

/* Result: bytes. */
#define XENVER_pagesize 7

/* The calling domain's UUID. */
#define XENVER_guest_handle 8
#define XENVER_commandline  9

typedef char xen_commandline_t[1024];

/* Result: its length; a null argument only asks for that. */
#define XENVER_build_id 10

struct xen_build_id {
    uint32_t len;
    unsigned char buf[];
};
typedef struct xen_build_id xen_build_id_t;

#endif
