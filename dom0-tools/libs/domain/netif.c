/* SPDX-License-Identifier: MIT */
/*
 * The interface ioctls (netdevice(7)) on one short-lived socket each.
 */
#include "libs/domain/netif.h"

#include <dirent.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int netif_ioctl(unsigned long request, struct ifreq *ifr)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return -errno;
    rc = ioctl(fd, request, ifr) ? -errno : 0;
    close(fd);
    return rc;
}

static void netif_name(struct ifreq *ifr, const char *name)
{
    memset(ifr, 0, sizeof(*ifr));
    snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
}

bool netif_exists(const char *name)
{
    return if_nametoindex(name) != 0;
}

bool netif_is_bridge(const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/class/net/%.15s/bridge", name);
    return access(path, F_OK) == 0;
}

int netif_rename(const char *from, const char *to)
{
    struct ifreq ifr;

    netif_name(&ifr, from);
    snprintf(ifr.ifr_newname, sizeof(ifr.ifr_newname), "%s", to);
    return netif_ioctl(SIOCSIFNAME, &ifr);
}

int netif_set_mtu(const char *name, uint32_t mtu)
{
    struct ifreq ifr;

    netif_name(&ifr, name);
    ifr.ifr_mtu = (int)mtu;
    return netif_ioctl(SIOCSIFMTU, &ifr);
}

int netif_get_mtu(const char *name, uint32_t *mtu)
{
    struct ifreq ifr;
    int rc;

    netif_name(&ifr, name);
    rc = netif_ioctl(SIOCGIFMTU, &ifr);
    if (!rc)
        *mtu = (uint32_t)ifr.ifr_mtu;
    return rc;
}

int netif_up(const char *name)
{
    struct ifreq ifr;
    int rc;

    netif_name(&ifr, name);
    rc = netif_ioctl(SIOCGIFFLAGS, &ifr);
    ifr.ifr_flags |= IFF_UP;
    return rc ? rc : netif_ioctl(SIOCSIFFLAGS, &ifr);
}

int netif_bridge_add(const char *bridge, const char *name)
{
    struct ifreq ifr;

    netif_name(&ifr, bridge);
    ifr.ifr_ifindex = (int)if_nametoindex(name);
    if (!ifr.ifr_ifindex)
        return -ENODEV;
    return netif_ioctl(SIOCBRADDIF, &ifr);
}

int netif_only_bridge(char *out, size_t room)
{
    DIR *dir = opendir("/sys/class/net");
    struct dirent *entry;
    int rc = -ENOENT;

    if (!dir)
        return -errno;
    while ((entry = readdir(dir)) != NULL && rc != -E2BIG) {
        if (!netif_is_bridge(entry->d_name))
            continue;
        rc = rc ? 0 : -E2BIG;
        snprintf(out, room, "%s", entry->d_name);
    }
    closedir(dir);
    return rc;
}
