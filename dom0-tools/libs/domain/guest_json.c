/* SPDX-License-Identifier: MIT */
/*
 * A guest's configuration as JSON: what `tl list -l` shows and what a restart
 * of the guest is made from. Written and read by this file only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <uuid/uuid.h>

#include "libs/domain/guest_config.h"

static void put_string(struct json_object *o, const char *key, const char *s)
{
    json_object_object_add(o, key, s ? json_object_new_string(s) : NULL);
}

static void put_number(struct json_object *o, const char *key, uint64_t n)
{
    json_object_object_add(o, key, json_object_new_int64((int64_t)n));
}

static void put_bool(struct json_object *o, const char *key, bool on)
{
    json_object_object_add(o, key, json_object_new_boolean(on));
}

static struct json_object *disk_to_json(const struct disk_config *disk)
{
    struct json_object *o = json_object_new_object();

    put_string(o, "target", disk->target);
    put_string(o, "vdev", disk->vdev);
    put_bool(o, "readonly", disk->readonly);
    put_bool(o, "shared", disk->shared);
    put_bool(o, "cdrom", disk->cdrom);
    put_bool(o, "discard", disk->discard);
    return o;
}

static struct json_object *vif_to_json(const struct vif_config *vif)
{
    struct json_object *o = json_object_new_object();
    const uint8_t *m = vif->mac;
    char mac[18];

    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
             m[2], m[3], m[4], m[5]);
    put_string(o, "mac", mac);
    put_string(o, "bridge", vif->bridge);
    put_string(o, "vifname", vif->vifname);
    put_string(o, "ip", vif->ip);
    put_number(o, "mtu", vif->mtu);
    put_number(o, "rate_bytes", vif->rate_bytes);
    put_number(o, "rate_usec", vif->rate_usec);
    put_number(o, "devid", vif->devid);
    put_bool(o, "trusted", !vif->untrusted);
    return o;
}

static void put_devices(struct json_object *o, const struct guest_config *g)
{
    struct json_object *disks = json_object_new_array();
    struct json_object *vifs = json_object_new_array();

    for (uint32_t i = 0; i < g->nr_disks; i++)
        json_object_array_add(disks, disk_to_json(&g->disks[i]));
    for (uint32_t i = 0; i < g->nr_vifs; i++)
        json_object_array_add(vifs, vif_to_json(&g->vifs[i]));
    json_object_object_add(o, "disks", disks);
    json_object_object_add(o, "vifs", vifs);
}

int guest_config_to_json(const struct guest_config *g, char **text)
{
    struct json_object *o = json_object_new_object();
    char uuid[37];

    uuid_unparse_lower(g->uuid, uuid);
    put_string(o, "name", g->name);
    put_string(o, "uuid", uuid);
    put_string(o, "kernel", g->kernel);
    put_string(o, "ramdisk", g->ramdisk);
    put_string(o, "cmdline", g->cmdline);
    put_number(o, "memory", g->memory_mib);
    put_number(o, "maxmem", g->maxmem_mib);
    put_number(o, "vcpus", g->vcpus);
    put_number(o, "maxvcpus", g->max_vcpus);
    put_string(o, "cpus", g->cpus);
    put_number(o, "cpu_weight", g->cpu_weight);
    put_number(o, "cap", g->cap);
    put_number(o, "max_event_channels", g->max_event_channels);
    put_number(o, "max_grant_frames", (uint64_t)g->max_grant_frames);
    put_number(o, "max_maptrack_frames", (uint64_t)g->max_maptrack_frames);
    put_number(o, "max_grant_version", g->max_grant_version);
    put_bool(o, "nomigrate", g->nomigrate);
    for (unsigned int i = 0; i < NR_ENDS; i++)
        put_string(o, guest_end_keys[i], guest_action_names[g->on[i]]);
    put_devices(o, g);
    *text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
    json_object_put(o);
    return *text ? 0 : -ENOMEM;
}

static const char *get_string(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
                                                 : NULL;
}

static uint64_t get_number(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v)
               ? (uint64_t)json_object_get_int64(v)
               : 0;
}

static bool get_bool(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

static void copy_string(char *out, size_t room, const char *s)
{
    snprintf(out, room, "%s", s ? s : "");
}

static char *dup_string(struct json_object *o, const char *key)
{
    const char *s = get_string(o, key);

    return s ? strdup(s) : NULL;
}

static int disk_from_json(struct guest_config *g, struct json_object *o)
{
    struct disk_config *disk = guest_add_disk(g);

    if (!disk)
        return -ENOMEM;
    disk->target = dup_string(o, "target");
    copy_string(disk->vdev, sizeof(disk->vdev), get_string(o, "vdev"));
    disk->readonly = get_bool(o, "readonly");
    disk->shared = get_bool(o, "shared");
    disk->cdrom = get_bool(o, "cdrom");
    disk->discard = get_bool(o, "discard");
    return disk->target ? disk_vdev_number(disk->vdev, &disk->number) : -EINVAL;
}

static int vif_from_json(struct guest_config *g, struct json_object *o)
{
    struct vif_config *vif = guest_add_vif(g);
    const char *mac = get_string(o, "mac");
    uint8_t *m;

    if (!vif)
        return -ENOMEM;
    m = vif->mac;
    copy_string(vif->bridge, sizeof(vif->bridge), get_string(o, "bridge"));
    copy_string(vif->vifname, sizeof(vif->vifname), get_string(o, "vifname"));
    vif->ip = dup_string(o, "ip");
    vif->mtu = (uint32_t)get_number(o, "mtu");
    vif->rate_bytes = get_number(o, "rate_bytes");
    vif->rate_usec = (uint32_t)get_number(o, "rate_usec");
    vif->devid = (uint32_t)get_number(o, "devid");
    vif->untrusted = !get_bool(o, "trusted");
    if (!mac || sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1],
                       &m[2], &m[3], &m[4], &m[5]) != 6)
        return -EINVAL;
    return 0;
}

static int get_devices(struct guest_config *g, struct json_object *o,
                       const char *key,
                       int (*one)(struct guest_config *, struct json_object *))
{
    struct json_object *list;
    int rc = 0;

    if (!json_object_object_get_ex(o, key, &list))
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return -EINVAL;
    for (size_t i = 0; i < json_object_array_length(list) && !rc; i++)
        rc = one(g, json_object_array_get_idx(list, i));
    return rc;
}

static void get_actions(struct guest_config *g, struct json_object *o)
{
    for (unsigned int end = 0; end < NR_ENDS; end++) {
        const char *s = get_string(o, guest_end_keys[end]);

        for (unsigned int a = 0; a < NR_ACTIONS; a++)
            if (s && strcmp(s, guest_action_names[a]) == 0)
                g->on[end] = a;
    }
}

static int fill(struct guest_config *g, struct json_object *o)
{
    const char *uuid = get_string(o, "uuid");
    int rc;

    copy_string(g->name, sizeof(g->name), get_string(o, "name"));
    g->kernel = dup_string(o, "kernel");
    g->ramdisk = dup_string(o, "ramdisk");
    g->cmdline = dup_string(o, "cmdline");
    g->cpus = dup_string(o, "cpus");
    if (!*g->name || !g->kernel || !g->cmdline || !uuid ||
        uuid_parse(uuid, g->uuid))
        return -EINVAL;
    g->memory_mib = get_number(o, "memory");
    g->maxmem_mib = get_number(o, "maxmem");
    g->vcpus = (uint32_t)get_number(o, "vcpus");
    g->max_vcpus = (uint32_t)get_number(o, "maxvcpus");
    g->cpu_weight = (uint32_t)get_number(o, "cpu_weight");
    g->cap = (uint32_t)get_number(o, "cap");
    g->max_event_channels = (uint32_t)get_number(o, "max_event_channels");
    g->max_grant_frames = (int32_t)get_number(o, "max_grant_frames");
    g->max_maptrack_frames = (int32_t)get_number(o, "max_maptrack_frames");
    g->max_grant_version = (uint32_t)get_number(o, "max_grant_version");
    g->nomigrate = get_bool(o, "nomigrate");
    get_actions(g, o);
    rc = get_devices(g, o, "disks", disk_from_json);
    return rc ? rc : get_devices(g, o, "vifs", vif_from_json);
}

int guest_config_from_json(struct guest_config *g, const char *text,
                           struct errmsg *err)
{
    struct json_object *o = json_tokener_parse(text);
    int rc =
        o && json_object_is_type(o, json_type_object) ? fill(g, o) : -EINVAL;

    json_object_put(o);
    return rc ? err_set(err, rc, "the guest's kept configuration is damaged")
              : 0;
}
