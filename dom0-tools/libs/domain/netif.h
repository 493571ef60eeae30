/* SPDX-License-Identifier: MIT */
/* Network interfaces and bridges of this domain. All return 0 or -errno. */
#ifndef TOOLS_DOMAIN_NETIF_H
#define TOOLS_DOMAIN_NETIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool netif_exists(const char *name);
bool netif_is_bridge(const char *name);
/* The interface must be down. */
int netif_rename(const char *from, const char *to);
int netif_set_mtu(const char *name, uint32_t mtu);
int netif_get_mtu(const char *name, uint32_t *mtu);
int netif_up(const char *name);
int netif_bridge_add(const char *bridge, const char *name);
/* The only bridge there is: -ENOENT if none, -E2BIG if several. */
int netif_only_bridge(char *out, size_t room);

#endif
