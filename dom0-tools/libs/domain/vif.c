/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces through Linux's netback. The driver makes vifN.M when it
 * starts; we name it, set it up and put it into its bridge, then tell the
 * driver that it may connect.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libs/domain/netif.h"
#include "libs/domain/private.h"

#define APPEAR_MS 5000

static int find_bridge(const struct vif_config *vif, char *bridge, size_t room,
                       struct errmsg *err)
{
    int rc;

    if (*vif->bridge) {
        snprintf(bridge, room, "%s", vif->bridge);
        if (netif_is_bridge(bridge))
            return 0;
        err_set(err, -ENODEV, "vif %u: there is no bridge '%s'", vif->devid,
                bridge);
        err_hint(err, "make it: ip link add %s type bridge; ip link set %s up",
                 bridge, bridge);
        return -ENODEV;
    }
    rc = netif_only_bridge(bridge, room);
    if (rc == -E2BIG)
        return err_set(err, rc,
                       "vif %u: several bridges exist; say which one "
                       "with bridge=",
                       vif->devid);
    if (!rc)
        return 0;
    err_set(err, -ENODEV, "vif %u: there is no bridge to connect it to",
            vif->devid);
    err_hint(err, "make one: ip link add xenbr0 type bridge; ip link set "
                  "xenbr0 up");
    return -ENODEV;
}

int vif_check_name(const struct vif_config *vif, struct errmsg *err)
{
    if (*vif->vifname && netif_exists(vif->vifname))
        return err_set(err, -EEXIST,
                       "vif %u: there is an interface '%s' "
                       "already",
                       vif->devid, vif->vifname);
    return 0;
}

int vif_check(const struct vif_config *vif, struct errmsg *err)
{
    char bridge[16];

    return find_bridge(vif, bridge, sizeof(bridge), err);
}

static int wait_interface(const char *name, uint32_t devid, struct errmsg *err)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t end = now_ms() + APPEAR_MS;

    while (!netif_exists(name)) {
        if (now_ms() > end)
            return err_set(err, -ETIMEDOUT,
                           "vif %u: netback did not make %s; see dmesg", devid,
                           name);
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int fail(const struct vif_config *vif, const char *what,
                const char *name, int rc, struct errmsg *err)
{
    return err_set(err, rc, "vif %u: cannot %s %s: %s", vif->devid, what, name,
                   strerror(-rc));
}

/* Name, MTU, bridge, up: what a hotplug script would do. */
static int plug(uint32_t domid, const struct vif_config *vif,
                const char *bridge, struct errmsg *err)
{
    uint32_t mtu = vif->mtu;
    char name[16];
    int rc;

    snprintf(name, sizeof(name), "vif%u.%u", domid, vif->devid);
    rc = wait_interface(name, vif->devid, err);
    if (rc)
        return rc;
    if (*vif->vifname) {
        rc = netif_rename(name, vif->vifname);
        if (rc)
            return fail(vif, "rename", name, rc, err);
        snprintf(name, sizeof(name), "%s", vif->vifname);
    }
    if (!mtu)
        netif_get_mtu(bridge, &mtu);
    rc = mtu ? netif_set_mtu(name, mtu) : 0;
    if (rc)
        return fail(vif, "set the MTU of", name, rc, err);
    rc = netif_bridge_add(bridge, name);
    if (rc)
        return fail(vif, "add to its bridge", name, rc, err);
    rc = netif_up(name);
    return rc ? fail(vif, "set up", name, rc, err) : 0;
}

static int publish(struct dom *dom, const struct device *d,
                   const struct vif_config *vif, const char *bridge,
                   struct errmsg *err)
{
    struct device_keys back = {.nr = 0}, front = {.nr = 0};
    const uint8_t *m = vif->mac;
    char mac[18];

    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
             m[2], m[3], m[4], m[5]);
    device_key_add(&back, "handle", "%u", vif->devid);
    device_key_add(&back, "type", "vif");
    device_key_add(&back, "mac", "%s", mac);
    device_key_add(&back, "script", "vif-bridge"); /* netback insists */
    device_key_add(&back, "bridge", "%s", bridge);
    if (*vif->vifname)
        device_key_add(&back, "vifname", "%s", vif->vifname);
    if (vif->ip)
        device_key_add(&back, "ip", "%s", vif->ip);
    if (vif->rate_bytes)
        device_key_add(&back, "rate", "%llu,%u",
                       (unsigned long long)vif->rate_bytes, vif->rate_usec);
    device_key_add(&back, "hotplug-status", "%s", "");
    device_key_add(&front, "handle", "%u", vif->devid);
    device_key_add(&front, "mac", "%s", mac);
    if (vif->mtu)
        device_key_add(&front, "mtu", "%u", vif->mtu);
    if (vif->untrusted)
        device_key_add(&front, "trusted", "0");
    return device_publish(dom, d, &back, &front, err);
}

static int tell_connected(struct dom *dom, const struct device *d,
                          struct errmsg *err)
{
    char path[STORE_PATH_MAX];
    int rc;

    device_backend_path(d, path);
    strcat(path, "/hotplug-status");
    rc = xs_write_str(dom->xs, XS_NO_TX, path, "connected");
    return rc ? err_set(err, rc, "cannot write %s to the store: %s", path,
                        strerror(-rc))
              : 0;
}

int vif_attach(struct dom *dom, uint32_t domid, const struct vif_config *vif,
               struct errmsg *err)
{
    const struct device d = {"vif", domid, vif->devid};
    char bridge[16];
    int rc = find_bridge(vif, bridge, sizeof(bridge), err);

    if (rc)
        return rc;
    rc = publish(dom, &d, vif, bridge, err);
    if (!rc)
        rc = device_wait_backend(dom, &d, err);
    if (!rc)
        rc = plug(domid, vif, bridge, err);
    if (!rc)
        rc = tell_connected(dom, &d, err);
    if (rc)
        device_remove(dom, &d);
    return rc;
}
