/* SPDX-License-Identifier: MIT */
/*
 * Network interface specifications: KEY=VALUE[,KEY=VALUE]...
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "libs/domain/guest_config.h"
#include "libs/domain/suggest.h"

#define RATE_INTERVAL_USEC 50000u
#define RATE_WORD          16

struct vif_parse {
    const char *spec;
    struct vif_config *vif;
    struct errmsg *err;
    bool has_mac;
};

static int bad(struct vif_parse *p, const char *what, const char *word)
{
    return err_set(p->err, -EINVAL, "vif '%s': %s '%s'", p->spec, what, word);
}

static int set_mac(struct vif_parse *p, const char *value)
{
    uint8_t *m = p->vif->mac;
    int used = 0;

    if (sscanf(value, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &m[0], &m[1], &m[2],
               &m[3], &m[4], &m[5], &used) != 6 ||
        value[used] || used != 17)
        return bad(p, "not a MAC address:", value);
    if (m[0] & 1)
        return bad(p, "a multicast address cannot be an interface's:", value);
    p->has_mac = true;
    return 0;
}

/* Names of Linux interfaces: 1 to 15 characters without '/' and blanks. */
static int set_ifname(struct vif_parse *p, char out[16], const char *value)
{
    if (!*value || strlen(value) > 15 || strpbrk(value, "/ \t:"))
        return bad(p, "not an interface's name:", value);
    snprintf(out, 16, "%s", value);
    return 0;
}

static int set_bridge(struct vif_parse *p, const char *value)
{
    return set_ifname(p, p->vif->bridge, value);
}

static int set_vifname(struct vif_parse *p, const char *value)
{
    return set_ifname(p, p->vif->vifname, value);
}

static int set_ip(struct vif_parse *p, const char *value)
{
    free(p->vif->ip);
    p->vif->ip = strdup(value);
    return p->vif->ip ? 0 : -ENOMEM;
}

static int set_number(struct vif_parse *p, const char *value, uint32_t max,
                      uint32_t *out)
{
    char *stop;
    unsigned long n;

    errno = 0;
    n = strtoul(value, &stop, 10);
    if (errno || stop == value || *stop || n > max)
        return bad(p, "not a number in range:", value);
    *out = (uint32_t)n;
    return 0;
}

static int set_mtu(struct vif_parse *p, const char *value)
{
    int rc = set_number(p, value, 65535, &p->vif->mtu);

    if (!rc && p->vif->mtu < 68)
        return bad(p, "mtu is 68 to 65535, not", value);
    return rc;
}

static int set_devid(struct vif_parse *p, const char *value)
{
    return set_number(p, value, GUEST_DEVICES_MAX - 1, &p->vif->devid);
}

static int set_trusted(struct vif_parse *p, const char *value)
{
    uint32_t on;
    int rc = set_number(p, value, 1, &on);

    p->vif->untrusted = !rc && !on;
    return rc;
}

/* Bits or bytes in one "Kb/s", "MB/s", ...; 0 if word is no such unit. */
static double rate_unit(const char *word)
{
    static const struct {
        char prefix;
        double factor;
    } prefixes[] = {{'G', 1e9}, {'M', 1e6}, {'K', 1e3}, {0, 1}};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const char *rest = word + (prefixes[i].prefix != 0);

        if (prefixes[i].prefix && *word != prefixes[i].prefix)
            continue;
        if (strcmp(rest, "B/s") == 0)
            return prefixes[i].factor;
        if (strcmp(rest, "b/s") == 0)
            return prefixes[i].factor / 8;
        return 0;
    }
    return 0;
}

/* "10Mb/s" or "250KB/s@20ms": credit of bytes per interval. */
static int set_rate(struct vif_parse *p, const char *value)
{
    char unit[RATE_WORD], every[RATE_WORD] = "";
    unsigned int amount, interval = RATE_INTERVAL_USEC;
    double bytes;
    int got =
        sscanf(value, "%u%15[^@]@%u%15s", &amount, unit, &interval, every);

    bytes = got >= 2 ? rate_unit(unit) * amount : 0;
    if (got == 4 && strcmp(every, "ms") == 0 && interval < 1000000)
        interval *= 1000;
    else if (got == 4 && strcmp(every, "s") == 0 && interval < 1000)
        interval *= 1000000;
    else if (got == 4 ? strcmp(every, "us") != 0
                      : got != 2 || strchr(value, '@') != NULL)
        bytes = 0;
    bytes = bytes * interval / 1e6;
    if (bytes < 1 || bytes > 4e9 || !interval)
        return bad(p, "rate is like 10Mb/s or 250KB/s@20ms, not", value);
    p->vif->rate_bytes = (uint64_t)bytes;
    p->vif->rate_usec = interval;
    return 0;
}

static int set_script(struct vif_parse *p, const char *value)
{
    const char *name = strrchr(value, '/');

    name = name ? name + 1 : value;
    if (strcmp(name, "vif-bridge") == 0)
        return 0;
    return bad(p, "only bridged interfaces are supported, not script", value);
}

static int set_type(struct vif_parse *p, const char *value)
{
    if (strcmp(value, "vif") == 0 || strcmp(value, "netfront") == 0)
        return 0;
    return bad(p, "a PV guest's interface is of type vif, not", value);
}

static int set_backend(struct vif_parse *p, const char *value)
{
    if (strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0)
        return 0;
    return bad(p, "backends in other domains are not supported:", value);
}

static int set_ignored(struct vif_parse *p, const char *value)
{
    (void)p;
    (void)value;
    return 0;
}

static const struct vif_key {
    const char *name;
    int (*set)(struct vif_parse *p, const char *value);
} keys[] = {
    {"mac", set_mac},     {"bridge", set_bridge},   {"vifname", set_vifname},
    {"ip", set_ip},       {"mtu", set_mtu},         {"rate", set_rate},
    {"devid", set_devid}, {"trusted", set_trusted}, {"script", set_script},
    {"type", set_type},   {"backend", set_backend}, {"model", set_ignored},
};

static const char *key_nth(const void *arg, size_t i)
{
    (void)arg;
    return i < sizeof(keys) / sizeof(keys[0]) ? keys[i].name : NULL;
}

static int parse_word(struct vif_parse *p, char *word)
{
    char *eq = strchr(word, '=');
    const char *near;

    if (!eq)
        return bad(p, "key=value expected, not", word);
    *eq = '\0';
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(keys[i].name, word) == 0)
            return keys[i].set(p, eq + 1);
    near = suggest(word, key_nth, NULL);
    bad(p, "unknown parameter", word);
    if (near)
        err_hint(p->err, "did you mean '%s'?", near);
    return -EINVAL;
}

/* A random address under the prefix reserved for Xen guests. */
static int random_mac(uint8_t mac[6])
{
    mac[0] = 0x00;
    mac[1] = 0x16;
    mac[2] = 0x3e;
    if (getrandom(mac + 3, 3, 0) != 3)
        return -EIO;
    mac[3] &= 0x7f;
    return 0;
}

int vif_spec_parse(const char *spec, struct vif_config *vif, struct errmsg *err)
{
    struct vif_parse p = {spec, vif, err, false};
    char *words = strdup(spec), *word, *save = NULL;
    int rc = 0;

    if (!words)
        return err_set(err, -ENOMEM, "no memory");
    for (word = strtok_r(words, ", \t", &save); word && !rc;
         word = strtok_r(NULL, ", \t", &save))
        rc = parse_word(&p, word);
    free(words);
    if (rc == -ENOMEM)
        return err_set(err, rc, "no memory");
    if (!rc && !p.has_mac && random_mac(vif->mac))
        return err_set(err, -EIO, "no random numbers for a MAC address");
    return rc;
}
