/* SPDX-License-Identifier: MIT */
/*
 * Defaults and lifetime of a guest's configuration.
 */
#include "libs/domain/guest_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const guest_action_names[NR_ACTIONS] = {
    [ACTION_DESTROY] = "destroy",
    [ACTION_RESTART] = "restart",
    [ACTION_PRESERVE] = "preserve",
    [ACTION_RENAME_RESTART] = "rename-restart",
};

const char *const guest_end_keys[NR_ENDS] = {
    [END_POWEROFF] = "on_poweroff",
    [END_REBOOT] = "on_reboot",
    [END_CRASH] = "on_crash",
    [END_WATCHDOG] = "on_watchdog",
};

void guest_config_init(struct guest_config *g)
{
    memset(g, 0, sizeof(*g));
    g->memory_mib = 256;
    g->vcpus = 1;
    g->cpu_weight = 256;
    g->max_event_channels = 1023;
    g->max_grant_frames = 64;
    g->max_maptrack_frames = 1024;
    g->max_grant_version = 1;
    g->on[END_POWEROFF] = ACTION_DESTROY;
    g->on[END_REBOOT] = ACTION_RESTART;
    g->on[END_CRASH] = ACTION_DESTROY;
    g->on[END_WATCHDOG] = ACTION_DESTROY;
}

void guest_config_free(struct guest_config *g)
{
    for (uint32_t i = 0; i < g->nr_disks; i++)
        free(g->disks[i].target);
    for (uint32_t i = 0; i < g->nr_vifs; i++)
        free(g->vifs[i].ip);
    free(g->disks);
    free(g->vifs);
    free(g->kernel);
    free(g->ramdisk);
    free(g->cmdline);
    free(g->cpus);
    memset(g, 0, sizeof(*g));
}

struct disk_config *guest_add_disk(struct guest_config *g)
{
    struct disk_config *all =
        realloc(g->disks, (g->nr_disks + 1) * sizeof(*all));

    if (!all)
        return NULL;
    g->disks = all;
    memset(&all[g->nr_disks], 0, sizeof(*all));
    return &all[g->nr_disks++];
}

struct vif_config *guest_add_vif(struct guest_config *g)
{
    struct vif_config *all = realloc(g->vifs, (g->nr_vifs + 1) * sizeof(*all));

    if (!all)
        return NULL;
    g->vifs = all;
    memset(&all[g->nr_vifs], 0, sizeof(*all));
    return &all[g->nr_vifs++];
}

int guest_name_check(const char *name, struct errmsg *err)
{
    size_t len = strlen(name), digits = strspn(name, "0123456789");

    if (!len)
        return err_set(err, -EINVAL, "a guest's name may not be empty");
    if (len > GUEST_NAME_MAX)
        return err_set(err, -EINVAL, "name '%s' is longer than %u characters",
                       name, GUEST_NAME_MAX);
    if (digits == len)
        return err_set(err, -EINVAL,
                       "name '%s' is a number and would be taken for an id",
                       name);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_.+:@-", name[i]))
            return err_set(err, -EINVAL,
                           "name '%s' holds the character '%c'; "
                           "letters, digits and _.+:@- are allowed",
                           name, name[i]);
    return 0;
}
