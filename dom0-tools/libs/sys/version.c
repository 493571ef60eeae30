/* SPDX-License-Identifier: MIT */
/* The hypervisor's identity: typed HYPERVISOR_xen_version. */
#include "libs/sys/version.h"

#include <errno.h>
#include <string.h>

#include "private.h"

static int version_op(struct sys *sys, unsigned int cmd, void *arg, size_t len)
{
    return (int)sys_hypercall_arg(sys, __HYPERVISOR_xen_version, cmd, arg, len);
}

/* A fixed-size string, with its end made sure of. */
static int version_str(struct sys *sys, unsigned int cmd, char *out,
                       size_t size)
{
    int rc;

    memset(out, 0, size);
    rc = version_op(sys, cmd, out, size);
    out[size - 1] = '\0';
    return rc < 0 ? rc : 0;
}

int sys_version(struct sys *sys)
{
    return (int)sys_hypercall(sys, __HYPERVISOR_xen_version, XENVER_version, 0,
                              0, 0, 0);
}

int sys_version_extra(struct sys *sys, xen_extraversion_t out)
{
    return version_str(sys, XENVER_extraversion, out,
                       sizeof(xen_extraversion_t));
}

int sys_version_compile(struct sys *sys, struct xen_compile_info *out)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = version_op(sys, XENVER_compile_info, out, sizeof(*out));
    out->compiler[sizeof(out->compiler) - 1] = '\0';
    out->compile_by[sizeof(out->compile_by) - 1] = '\0';
    out->compile_domain[sizeof(out->compile_domain) - 1] = '\0';
    out->compile_date[sizeof(out->compile_date) - 1] = '\0';
    return rc < 0 ? rc : 0;
}

int sys_version_capabilities(struct sys *sys, xen_capabilities_info_t out)
{
    return version_str(sys, XENVER_capabilities, out,
                       sizeof(xen_capabilities_info_t));
}

int sys_version_changeset(struct sys *sys, xen_changeset_info_t out)
{
    return version_str(sys, XENVER_changeset, out,
                       sizeof(xen_changeset_info_t));
}

int sys_version_commandline(struct sys *sys, xen_commandline_t out)
{
    return version_str(sys, XENVER_commandline, out, sizeof(xen_commandline_t));
}

int sys_version_virt_start(struct sys *sys, uint64_t *virt_start)
{
    struct xen_platform_parameters arg = {0};
    int rc = version_op(sys, XENVER_platform_parameters, &arg, sizeof(arg));

    if (rc < 0)
        return rc;
    *virt_start = arg.virt_start;
    return 0;
}

int sys_version_features(struct sys *sys, unsigned int idx, uint32_t *bits)
{
    struct xen_feature_info arg = {.submap_idx = idx};
    int rc = version_op(sys, XENVER_get_features, &arg, sizeof(arg));

    if (rc < 0)
        return rc;
    *bits = arg.submap;
    return 0;
}

int sys_version_pagesize(struct sys *sys)
{
    return (int)sys_hypercall(sys, __HYPERVISOR_xen_version, XENVER_pagesize, 0,
                              0, 0, 0);
}

int sys_version_build_id(struct sys *sys, uint8_t *buf, size_t room)
{
    size_t len = sizeof(struct xen_build_id) + room;
    struct xen_build_id *arg = sys_buf_alloc(sys, len);
    int rc;

    if (arg == NULL)
        return -ENOMEM;
    arg->len = (uint32_t)room;
    rc = (int)sys_hypercall(sys, __HYPERVISOR_xen_version, XENVER_build_id,
                            (uintptr_t)arg, 0, 0, 0);
    if (rc > 0) {
        if ((size_t)rc > room)
            rc = (int)room;
        memcpy(buf, arg->buf, (size_t)rc);
    }
    sys_buf_free(sys, arg, len);
    return rc;
}
