/* SPDX-License-Identifier: MIT */
/*
 * What a guest shall be: the meaning of a configuration file, checked, with
 * every default filled in. Kept as JSON while the guest lives.
 */
#ifndef TOOLS_DOMAIN_GUEST_CONFIG_H
#define TOOLS_DOMAIN_GUEST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libs/image/errmsg.h"

#define GUEST_NAME_MAX    64u
#define GUEST_VCPUS_MAX   128u
#define GUEST_DEVICES_MAX 64u
#define GUEST_CMDLINE_MAX 1023u /* what start_info has room for */

/* What to do when the guest ends in a certain way. */
enum guest_action {
    ACTION_DESTROY,
    ACTION_RESTART,
    ACTION_PRESERVE,
    ACTION_RENAME_RESTART,
    NR_ACTIONS,
};

enum guest_end {
    END_POWEROFF,
    END_REBOOT,
    END_CRASH,
    END_WATCHDOG,
    NR_ENDS,
};

struct disk_config {
    char *target;  /* path of a raw image or a block device */
    char vdev[16]; /* as the guest names it */
    uint32_t number;
    bool readonly;
    bool shared; /* '!': the user takes care of concurrent writers */
    bool cdrom;
    bool discard;
};

struct vif_config {
    uint8_t mac[6];
    char bridge[16];     /* empty: the only bridge there is */
    char vifname[16];    /* empty: vifDOMID.DEVID */
    char *ip;            /* NULL, or told to the guest's side of the store */
    uint32_t mtu;        /* 0: the bridge's */
    uint64_t rate_bytes; /* 0: no limit; bytes per interval */
    uint32_t rate_usec;
    uint32_t devid;
    bool untrusted;
};

struct guest_config {
    char name[GUEST_NAME_MAX + 1];
    uint8_t uuid[16];
    char *kernel;
    char *ramdisk; /* NULL: none */
    char *cmdline; /* never NULL */
    uint64_t memory_mib, maxmem_mib;
    uint32_t vcpus, max_vcpus;
    char *cpus; /* NULL: all */
    uint32_t cpu_weight, cap;
    uint32_t max_event_channels;
    int32_t max_grant_frames, max_maptrack_frames;
    uint32_t max_grant_version;
    bool nomigrate;
    enum guest_action on[NR_ENDS];
    struct disk_config *disks;
    uint32_t nr_disks;
    struct vif_config *vifs;
    uint32_t nr_vifs;
};

void guest_config_init(struct guest_config *g);
void guest_config_free(struct guest_config *g);

/* Append an empty element and return it; NULL when there is no memory. */
struct disk_config *guest_add_disk(struct guest_config *g);
struct vif_config *guest_add_vif(struct guest_config *g);

extern const char *const guest_action_names[NR_ACTIONS];
extern const char *const guest_end_keys[NR_ENDS];

/*
 * -EINVAL with the reason if name cannot name a guest: empty, too long, all
 * digits (that is an id), or with other than letters, digits and _.+:@-.
 */
int guest_name_check(const char *name, struct errmsg *err);

/* Device specifications as users.md and xl's manuals describe them. */
int disk_spec_parse(const char *spec, struct disk_config *disk,
                    struct errmsg *err);
int vif_spec_parse(const char *spec, struct vif_config *vif,
                   struct errmsg *err);
/* Number under which PV front ends know a disk; -EINVAL if vdev is no disk. */
int disk_vdev_number(const char *vdev, uint32_t *number);

/* A line for the user that is no error. */
typedef void guest_warn_fn(void *arg, const char *line);

struct cfg;

/*
 * Fill g (initialised) from assignments, and check the whole.
 * Returns 0; -EINVAL or -ENOMEM with "file:line: why".
 */
int guest_config_read(struct guest_config *g, const struct cfg *cfg,
                      guest_warn_fn *warn, void *arg, struct errmsg *err);

/* JSON text and back; *text is malloced. */
int guest_config_to_json(const struct guest_config *g, char **text);
int guest_config_from_json(struct guest_config *g, const char *text,
                           struct errmsg *err);

#endif
