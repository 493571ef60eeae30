/* SPDX-License-Identifier: MIT */
/*
 * The keys of xl.cfg: what each means here, or why it is refused or ignored.
 * One row per key; a key that is in no row is an error with a suggestion.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "libs/domain/cfg.h"
#include "libs/domain/guest_config.h"
#include "libs/domain/suggest.h"

struct reader {
    struct guest_config *g;
    const struct cfg *cfg;
    const struct cfg_entry *entry;
    guest_warn_fn *warn;
    void *warn_arg;
    struct errmsg *err;
    bool has_vcpus;
};

static int bad(struct reader *r, const char *why)
{
    return err_set(r->err, -EINVAL, "%s:%u: %s: %s", r->entry->file,
                   r->entry->line, r->entry->name, why);
}

static void warn(struct reader *r, const char *why)
{
    char line[512];

    snprintf(line, sizeof(line), "%s:%u: %s: %s", r->entry->file,
             r->entry->line, r->entry->name, why);
    r->warn(r->warn_arg, line);
}

static int want_string(struct reader *r, const char **out)
{
    if (r->entry->value.kind != CFG_STRING)
        return bad(r, "a string in quotes is expected");
    *out = r->entry->value.string;
    return 0;
}

static int want_number(struct reader *r, long long min, long long max,
                       long long *out)
{
    const struct cfg_value *v = &r->entry->value;
    char why[96];
    char *stop;

    *out = v->number;
    if (v->kind == CFG_STRING) {
        errno = 0;
        *out = strtoll(v->string, &stop, 0);
        if (errno || stop == v->string || *stop)
            return bad(r, "a number is expected");
    } else if (v->kind != CFG_NUMBER) {
        return bad(r, "a number is expected");
    }
    if (*out >= min && *out <= max)
        return 0;
    snprintf(why, sizeof(why), "%lld is not in the range %lld to %lld", *out,
             min, max);
    return bad(r, why);
}

static int set_copy(struct reader *r, char **to)
{
    const char *s = NULL;
    int rc = want_string(r, &s);

    if (rc)
        return rc;
    free(*to);
    *to = strdup(s);
    return *to ? 0 : -ENOMEM;
}

static int set_u32(struct reader *r, long long min, long long max, uint32_t *to)
{
    long long n;
    int rc = want_number(r, min, max, &n);

    if (!rc)
        *to = (uint32_t)n;
    return rc;
}

static int set_name(struct reader *r)
{
    const char *s = NULL;
    int rc = want_string(r, &s);

    if (rc)
        return rc;
    if (guest_name_check(s, r->err))
        return err_wrap(r->err, -EINVAL, "%s:%u", r->entry->file,
                        r->entry->line);
    snprintf(r->g->name, sizeof(r->g->name), "%s", s);
    return 0;
}

static int set_type(struct reader *r)
{
    const char *s = NULL;
    int rc = want_string(r, &s);

    if (rc)
        return rc;
    if (strcmp(s, "pv") && strcmp(s, "generic") && strcmp(s, "linux"))
        return bad(r, "only PV guests are supported (type=\"pv\")");
    return 0;
}

static int set_uuid(struct reader *r)
{
    const char *s = NULL;
    int rc = want_string(r, &s);

    if (!rc && uuid_parse(s, r->g->uuid))
        return bad(r, "not a UUID");
    return rc;
}

static int set_kernel(struct reader *r)
{
    return set_copy(r, &r->g->kernel);
}

static int set_ramdisk(struct reader *r)
{
    int rc = set_copy(r, &r->g->ramdisk);

    if (!rc && !*r->g->ramdisk) {
        free(r->g->ramdisk);
        r->g->ramdisk = NULL;
    }
    return rc;
}

static int set_memory(struct reader *r)
{
    long long n;
    int rc = want_number(r, 1, 1 << 20, &n);

    if (!rc)
        r->g->memory_mib = (uint64_t)n;
    return rc;
}

static int set_maxmem(struct reader *r)
{
    long long n;
    int rc = want_number(r, 1, 1 << 20, &n);

    if (!rc)
        r->g->maxmem_mib = (uint64_t)n;
    return rc;
}

static int set_vcpus(struct reader *r)
{
    r->has_vcpus = true;
    return set_u32(r, 1, GUEST_VCPUS_MAX, &r->g->vcpus);
}

static int set_maxvcpus(struct reader *r)
{
    return set_u32(r, 1, GUEST_VCPUS_MAX, &r->g->max_vcpus);
}

/* A number, a string, or a list of either: kept as one comma list. */
static int set_cpus(struct reader *r)
{
    const struct cfg_value *v = &r->entry->value;
    const struct cfg_value *items = v->kind == CFG_LIST ? v->items : v;
    unsigned int nr = v->kind == CFG_LIST ? v->nr_items : 1;
    char text[512] = "";
    size_t used = 0;

    for (unsigned int i = 0; i < nr; i++) {
        if (items[i].kind == CFG_LIST)
            return bad(r, "cpus or ranges of cpus are expected");
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                 i ? "," : "", items[i].string);
        if (used >= sizeof(text))
            return bad(r, "list is too long");
    }
    if (text[strspn(text, "0123456789,-^ ")] && strcmp(text, "all"))
        return bad(r, "cpus are given like \"0-3,5,^1\" or \"all\"");
    free(r->g->cpus);
    r->g->cpus = strcmp(text, "all") ? strdup(text) : NULL;
    return 0;
}

static int set_weight(struct reader *r)
{
    return set_u32(r, 1, 65535, &r->g->cpu_weight);
}

static int set_cap(struct reader *r)
{
    return set_u32(r, 0, 100LL * GUEST_VCPUS_MAX, &r->g->cap);
}

static int set_grant_frames(struct reader *r)
{
    return set_u32(r, 1, 1 << 20, (uint32_t *)&r->g->max_grant_frames);
}

static int set_maptrack_frames(struct reader *r)
{
    return set_u32(r, 0, 1 << 20, (uint32_t *)&r->g->max_maptrack_frames);
}

static int set_grant_version(struct reader *r)
{
    return set_u32(r, 1, 2, &r->g->max_grant_version);
}

static int set_event_channels(struct reader *r)
{
    return set_u32(r, 64, 131071, &r->g->max_event_channels);
}

static int set_nomigrate(struct reader *r)
{
    uint32_t on = 0;
    int rc = set_u32(r, 0, 1, &on);

    r->g->nomigrate = on != 0;
    return rc;
}

static int set_action(struct reader *r)
{
    const char *s = NULL;
    int rc = want_string(r, &s);

    if (rc)
        return rc;
    if (strncmp(s, "coredump", 8) == 0)
        return bad(r, "core dumps are not supported; use destroy, restart, "
                      "rename-restart or preserve");
    for (unsigned int end = 0; end < NR_ENDS; end++) {
        if (strcmp(r->entry->name, guest_end_keys[end]))
            continue;
        for (unsigned int a = 0; a < NR_ACTIONS; a++)
            if (strcmp(s, guest_action_names[a]) == 0) {
                r->g->on[end] = a;
                return 0;
            }
    }
    return bad(r, "the actions are destroy, restart, rename-restart and "
                  "preserve");
}

static int set_soft_reset(struct reader *r)
{
    warn(r, "a PV guest has no soft reset; ignored");
    return 0;
}

/* One specification, or a list of them. */
static int each_spec(struct reader *r,
                     int (*one)(struct reader *r, const char *spec))
{
    const struct cfg_value *v = &r->entry->value;
    int rc = 0;

    if (v->kind == CFG_STRING)
        return one(r, v->string);
    if (v->kind != CFG_LIST)
        return bad(r, "a list of strings is expected");
    if (v->nr_items > GUEST_DEVICES_MAX)
        return bad(r, "too many devices");
    for (unsigned int i = 0; i < v->nr_items && !rc; i++) {
        if (v->items[i].kind != CFG_STRING)
            return bad(r, "a list of strings is expected");
        rc = one(r, v->items[i].string);
        if (rc == -EINVAL)
            err_wrap(r->err, rc, "%s:%u", r->entry->file, v->items[i].line);
    }
    return rc;
}

static int one_disk(struct reader *r, const char *spec)
{
    struct disk_config *disk = guest_add_disk(r->g);

    return disk ? disk_spec_parse(spec, disk, r->err) : -ENOMEM;
}

static int set_disk(struct reader *r)
{
    return each_spec(r, one_disk);
}

static int one_vif(struct reader *r, const char *spec)
{
    uint32_t devid = r->g->nr_vifs;
    struct vif_config *vif = guest_add_vif(r->g);

    if (!vif)
        return -ENOMEM;
    vif->devid = devid;
    return vif_spec_parse(spec, vif, r->err);
}

static int set_vif(struct reader *r)
{
    return each_spec(r, one_vif);
}

static int set_pool(struct reader *r)
{
    const char *s = NULL;
    int rc = want_string(r, &s);

    if (!rc && strcmp(s, "Pool-0"))
        return bad(r, "cpu pools are not supported");
    return rc;
}

/* Joined in set_cmdline_all, when all of them are known. */
static int set_later(struct reader *r)
{
    const char *s = NULL;

    return want_string(r, &s);
}

static int refuse_bootloader(struct reader *r)
{
    return bad(r, "boot loaders are not supported; give kernel= and ramdisk=");
}

static int refuse(struct reader *r)
{
    return bad(r, "known, but not supported");
}

static int ignore_hvm(struct reader *r)
{
    warn(r, "has no meaning for a PV guest; ignored");
    return 0;
}

static int ignore(struct reader *r)
{
    warn(r, "not supported; ignored");
    return 0;
}

static const struct guest_key {
    const char *name;
    int (*set)(struct reader *r);
} keys[] = {
    {"name", set_name},
    {"type", set_type},
    {"builder", set_type},
    {"uuid", set_uuid},
    {"kernel", set_kernel},
    {"ramdisk", set_ramdisk},
    {"cmdline", set_later},
    {"root", set_later},
    {"extra", set_later},
    {"memory", set_memory},
    {"maxmem", set_maxmem},
    {"vcpus", set_vcpus},
    {"maxvcpus", set_maxvcpus},
    {"cpus", set_cpus},
    {"cpu_weight", set_weight},
    {"cap", set_cap},
    {"pool", set_pool},
    {"disk", set_disk},
    {"vif", set_vif},
    {"on_poweroff", set_action},
    {"on_reboot", set_action},
    {"on_crash", set_action},
    {"on_watchdog", set_action},
    {"on_soft_reset", set_soft_reset},
    {"max_grant_frames", set_grant_frames},
    {"max_maptrack_frames", set_maptrack_frames},
    {"max_grant_version", set_grant_version},
    {"max_event_channels", set_event_channels},
    {"nomigrate", set_nomigrate},
    /* Refused: the guest would not be what the user asked for. */
    {"bootloader", refuse_bootloader},
    {"bootloader_args", refuse_bootloader},
    {"bootloader_restrict", refuse_bootloader},
    {"bootloader_user", refuse_bootloader},
    {"pci", refuse},
    {"vtpm", refuse},
    {"usbctrl", refuse},
    {"usbdev", refuse},
    {"p9", refuse},
    {"pvcalls", refuse},
    {"channel", refuse},
    {"vnuma", refuse},
    {"ioports", refuse},
    {"iomem", refuse},
    {"irqs", refuse},
    {"driver_domain", refuse},
    {"seclabel", refuse},
    {"init_seclabel", refuse},
    {"device_tree", refuse},
    {"vdispl", refuse},
    {"vsnd", refuse},
    {"virtio", refuse},
    {"firmware", refuse},
    /* Ignored with a warning: the guest runs as well without. */
    {"cpus_soft", ignore},
    {"vfb", ignore},
    {"vkb", ignore},
    {"tsc_mode", ignore},
    {"cpuid", ignore},
    {"localtime", ignore},
    {"rtc_timeoffset", ignore},
    {"e820_host", ignore},
    {"passthrough", ignore},
    {"pci_permissive", ignore},
    {"pci_seize", ignore},
    {"pci_msitranslate", ignore},
    {"pci_power_mgmt", ignore},
    {"claim_mode", ignore},
    {"vmtrace_buf_kb", ignore},
    {"vpmu", ignore},
    {"xenstore_quota", ignore},
    {"xenstore_feature_mask", ignore},
    {"boot", ignore_hvm},
    {"acpi", ignore_hvm},
    {"apic", ignore_hvm},
    {"pae", ignore_hvm},
    {"hap", ignore_hvm},
    {"hpet", ignore_hvm},
    {"nx", ignore_hvm},
    {"viridian", ignore_hvm},
    {"nestedhvm", ignore_hvm},
    {"altp2m", ignore_hvm},
    {"vnc", ignore_hvm},
    {"vnclisten", ignore_hvm},
    {"vncdisplay", ignore_hvm},
    {"vncunused", ignore_hvm},
    {"vncpasswd", ignore_hvm},
    {"sdl", ignore_hvm},
    {"opengl", ignore_hvm},
    {"spice", ignore_hvm},
    {"serial", ignore_hvm},
    {"stdvga", ignore_hvm},
    {"vga", ignore_hvm},
    {"videoram", ignore_hvm},
    {"usb", ignore_hvm},
    {"usbdevice", ignore_hvm},
    {"soundhw", ignore_hvm},
    {"keymap", ignore_hvm},
    {"shadow_memory", ignore_hvm},
    {"timer_mode", ignore_hvm},
    {"xen_platform_pci", ignore_hvm},
    {"device_model_version", ignore_hvm},
    {"device_model_override", ignore_hvm},
    {"device_model_args", ignore_hvm},
    {"bios", ignore_hvm},
};

static const char *key_nth(const void *arg, size_t i)
{
    (void)arg;
    return i < sizeof(keys) / sizeof(keys[0]) ? keys[i].name : NULL;
}

static int read_entry(struct reader *r)
{
    const char *near;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(keys[i].name, r->entry->name) == 0)
            return keys[i].set(r);
    near = suggest(r->entry->name, key_nth, NULL);
    err_set(r->err, -EINVAL, "%s:%u: unknown key '%s'", r->entry->file,
            r->entry->line, r->entry->name);
    if (near)
        err_hint(r->err, "did you mean '%s'?", near);
    return -EINVAL;
}

static const char *string_of(const struct reader *r, const char *key)
{
    const struct cfg_entry *e = cfg_find(r->cfg, key);

    return e && e->value.kind == CFG_STRING ? e->value.string : NULL;
}

/* cmdline= stands alone; otherwise root= and extra= are joined. */
static int set_cmdline_all(struct reader *r)
{
    const char *cmdline = string_of(r, "cmdline");
    const char *root = string_of(r, "root"), *extra = string_of(r, "extra");
    int rc;

    if (cmdline && (root || extra)) {
        r->entry = cfg_find(r->cfg, "cmdline");
        warn(r, "replaces root= and extra=");
    }
    if (cmdline)
        rc = asprintf(&r->g->cmdline, "%s", cmdline);
    else
        rc = asprintf(&r->g->cmdline, "%s%s%s%s", root ? "root=" : "",
                      root ? root : "", root && extra ? " " : "",
                      extra ? extra : "");
    if (rc < 0) {
        r->g->cmdline = NULL;
        return -ENOMEM;
    }
    if (strlen(r->g->cmdline) > GUEST_CMDLINE_MAX)
        return err_set(r->err, -EINVAL,
                       "the kernel's command line is %zu characters long; %u "
                       "is the limit",
                       strlen(r->g->cmdline), GUEST_CMDLINE_MAX);
    return 0;
}

static int check_required(struct reader *r)
{
    const struct guest_config *g = r->g;

    if (!*g->name)
        return err_set(r->err, -EINVAL, "the configuration has no name=");
    if (!g->kernel || !*g->kernel)
        return err_set(r->err, -EINVAL, "guest '%s' has no kernel=", g->name);
    if (g->maxmem_mib < g->memory_mib)
        return err_set(r->err, -EINVAL,
                       "guest '%s': maxmem=%llu is less than "
                       "memory=%llu",
                       g->name, (unsigned long long)g->maxmem_mib,
                       (unsigned long long)g->memory_mib);
    if (g->max_vcpus < g->vcpus)
        return err_set(r->err, -EINVAL,
                       "guest '%s': maxvcpus=%u is less than vcpus=%u", g->name,
                       g->max_vcpus, g->vcpus);
    return 0;
}

static int check_devices(struct reader *r)
{
    const struct guest_config *g = r->g;

    for (uint32_t i = 0; i < g->nr_disks; i++)
        for (uint32_t j = 0; j < i; j++)
            if (g->disks[i].number == g->disks[j].number)
                return err_set(r->err, -EINVAL,
                               "guest '%s': two disks are '%s'", g->name,
                               g->disks[i].vdev);
    for (uint32_t i = 0; i < g->nr_vifs; i++)
        for (uint32_t j = 0; j < i; j++)
            if (g->vifs[i].devid == g->vifs[j].devid ||
                memcmp(g->vifs[i].mac, g->vifs[j].mac, 6) == 0)
                return err_set(r->err, -EINVAL,
                               "guest '%s': two interfaces "
                               "have the same number or MAC address",
                               g->name);
    return 0;
}

static int fill_defaults(struct reader *r)
{
    static const uint8_t none[16];
    struct guest_config *g = r->g;

    if (memcmp(g->uuid, none, sizeof(none)) == 0)
        uuid_generate_random(g->uuid);
    if (!g->maxmem_mib)
        g->maxmem_mib = g->memory_mib;
    if (g->max_vcpus && !r->has_vcpus)
        g->vcpus = g->max_vcpus;
    if (!g->max_vcpus)
        g->max_vcpus = g->vcpus;
    return set_cmdline_all(r);
}

int guest_config_read(struct guest_config *g, const struct cfg *cfg,
                      guest_warn_fn *warn_fn, void *arg, struct errmsg *err)
{
    struct reader r = {
        .g = g, .cfg = cfg, .warn = warn_fn, .warn_arg = arg, .err = err};
    int rc = 0;

    for (unsigned int i = 0; i < cfg->nr && !rc; i++) {
        r.entry = &cfg->entries[i];
        rc = read_entry(&r);
    }
    if (!rc)
        rc = fill_defaults(&r);
    if (!rc)
        rc = check_required(&r);
    if (!rc)
        rc = check_devices(&r);
    return rc == -ENOMEM ? err_set(err, rc, "no memory") : rc;
}
