/* SPDX-License-Identifier: MIT */
/*
 * Disk specifications: TARGET[,FORMAT[,VDEV[,ACCESS]]][,KEY[=VALUE]]...
 * A target with one of the old prefixes (phy:, file:) implies its format, and
 * the positions behind it are VDEV,ACCESS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libs/domain/guest_config.h"
#include "libs/domain/suggest.h"

enum position {
    POS_TARGET,
    POS_FORMAT,
    POS_VDEV,
    POS_ACCESS,
    POS_END,
};

struct disk_parse {
    const char *spec;
    struct disk_config *disk;
    struct errmsg *err;
    enum position next;
    bool has_access;
};

static int bad(struct disk_parse *p, const char *what, const char *word)
{
    return err_set(p->err, -EINVAL, "disk '%s': %s '%s'", p->spec, what, word);
}

/* xvda..xvdzz[N], sda.., hda..hdd, or dDpN. */
static int vdev_xvd(unsigned int disk, unsigned int part, uint32_t *number)
{
    if (disk < 16 && part < 16)
        *number = 202u << 8 | disk << 4 | part;
    else if (disk < 1u << 20 && part < 256)
        *number = 1u << 28 | disk << 8 | part;
    else
        return -EINVAL;
    return 0;
}

static int vdev_letters(const char *s, const char **rest, unsigned int *disk)
{
    unsigned int n = 0, len = 0;

    for (; *s >= 'a' && *s <= 'z' && len < 3; s++, len++)
        n = n * 26 + (unsigned int)(*s - 'a') + 1;
    if (!len)
        return -EINVAL;
    *disk = n - 1;
    *rest = s;
    return 0;
}

static int vdev_part(const char *s, unsigned int *part)
{
    char *stop;
    unsigned long n;

    *part = 0;
    if (!*s)
        return 0;
    if (*s < '1' || *s > '9')
        return -EINVAL;
    n = strtoul(s, &stop, 10);
    if (*stop || n > 255)
        return -EINVAL;
    *part = (unsigned int)n;
    return 0;
}

static int vdev_old_bus(const char *bus, unsigned int disk, unsigned int part,
                        uint32_t *number)
{
    if (strcmp(bus, "sd") == 0) {
        if (disk > 15 || part > 15)
            return -EINVAL;
        *number = 8u << 8 | disk << 4 | part;
        return 0;
    }
    if (disk > 3 || part > 63)
        return -EINVAL;
    *number = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
    return 0;
}

int disk_vdev_number(const char *vdev, uint32_t *number)
{
    unsigned int disk, part;
    const char *rest;
    int used = 0;

    if (sscanf(vdev, "d%up%u%n", &disk, &part, &used) == 2 && !vdev[used])
        return vdev_xvd(disk, part, number);
    if (strncmp(vdev, "xvd", 3) == 0) {
        if (vdev_letters(vdev + 3, &rest, &disk) || vdev_part(rest, &part))
            return -EINVAL;
        return vdev_xvd(disk, part, number);
    }
    if (strncmp(vdev, "sd", 2) && strncmp(vdev, "hd", 2))
        return -EINVAL;
    if (vdev_letters(vdev + 2, &rest, &disk) || vdev_part(rest, &part))
        return -EINVAL;
    return vdev_old_bus(vdev[0] == 's' ? "sd" : "hd", disk, part, number);
}

static int set_target(struct disk_parse *p, const char *value)
{
    static const char *const raw[] = {"phy:", "file:", "tap:aio:"};

    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
        size_t len = strlen(raw[i]);

        if (strncmp(value, raw[i], len) == 0) {
            value += len;
            if (p->next == POS_FORMAT)
                p->next = POS_VDEV;
            break;
        }
    }
    free(p->disk->target);
    p->disk->target = strdup(value);
    return p->disk->target ? 0 : -ENOMEM;
}

static int set_format(struct disk_parse *p, const char *value)
{
    if (!*value || strcmp(value, "raw") == 0 || strcmp(value, "aio") == 0)
        return 0;
    bad(p, "only raw images and block devices are supported, not", value);
    err_hint(p->err, "convert it: qemu-img convert -O raw IMAGE IMAGE.raw");
    return -EINVAL;
}

static int set_vdev(struct disk_parse *p, const char *value)
{
    char plain[16];
    size_t len = strcspn(value, ":");

    if (len >= sizeof(plain))
        return bad(p, "no such virtual device as", value);
    memcpy(plain, value, len);
    plain[len] = '\0';
    if (value[len] && strcmp(value + len, ":cdrom"))
        return bad(p, "no such virtual device as", value);
    p->disk->cdrom |= value[len] != '\0';
    if (disk_vdev_number(plain, &p->disk->number)) {
        bad(p, "no such virtual device as", value);
        err_hint(p->err, "use xvda, xvdb, ...");
        return -EINVAL;
    }
    memcpy(p->disk->vdev, plain, sizeof(plain));
    return 0;
}

static int set_access(struct disk_parse *p, const char *value)
{
    static const struct {
        const char *word;
        bool readonly, shared;
    } words[] = {
        {"r", true, false},   {"ro", true, false}, {"w", false, false},
        {"rw", false, false}, {"w!", false, true}, {"!", false, true},
        {"", false, false},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(value, words[i].word))
            continue;
        p->disk->readonly = words[i].readonly;
        p->disk->shared = words[i].shared;
        p->has_access = true;
        return 0;
    }
    return bad(p, "access is r, w or w!, not", value);
}

static int set_devtype(struct disk_parse *p, const char *value)
{
    if (strcmp(value, "cdrom") && strcmp(value, "disk"))
        return bad(p, "devtype is disk or cdrom, not", value);
    p->disk->cdrom = strcmp(value, "cdrom") == 0;
    return 0;
}

static int set_backend(struct disk_parse *p, const char *value)
{
    if (strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0)
        return 0;
    return bad(p, "backends in other domains are not supported:", value);
}

static int set_backendtype(struct disk_parse *p, const char *value)
{
    if (strcmp(value, "phy") == 0)
        return 0;
    return bad(p, "only backendtype=phy is supported, not", value);
}

static int set_script(struct disk_parse *p, const char *value)
{
    if (strcmp(value, "block") == 0)
        return 0;
    return bad(p, "hotplug scripts are not supported:", value);
}

static int set_cdrom(struct disk_parse *p, const char *value)
{
    p->disk->cdrom = true;
    return *value ? bad(p, "'cdrom' takes no value:", value) : 0;
}

static int set_discard(struct disk_parse *p, const char *value)
{
    p->disk->discard = true;
    return *value ? bad(p, "'discard' takes no value:", value) : 0;
}

static int set_no_discard(struct disk_parse *p, const char *value)
{
    p->disk->discard = false;
    return *value ? bad(p, "'no-discard' takes no value:", value) : 0;
}

/* The kernel's page cache is used either way and flushes are honoured. */
static int set_nothing(struct disk_parse *p, const char *value)
{
    return *value ? bad(p, "'direct-io-safe' takes no value:", value) : 0;
}

static const struct disk_key {
    const char *name;
    int (*set)(struct disk_parse *p, const char *value);
    bool is_flag;
} keys[] = {
    {"target", set_target, false},
    {"format", set_format, false},
    {"vdev", set_vdev, false},
    {"access", set_access, false},
    {"devtype", set_devtype, false},
    {"backend", set_backend, false},
    {"backendtype", set_backendtype, false},
    {"script", set_script, false},
    {"cdrom", set_cdrom, true},
    {"discard", set_discard, true},
    {"no-discard", set_no_discard, true},
    {"direct-io-safe", set_nothing, true},
};

static const char *key_nth(const void *arg, size_t i)
{
    (void)arg;
    return i < sizeof(keys) / sizeof(keys[0]) ? keys[i].name : NULL;
}

static const struct disk_key *key_find(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, word, len) == 0)
            return &keys[i];
    return NULL;
}

static int unknown_key(struct disk_parse *p, const char *word)
{
    const char *near;
    char name[32];

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    near = suggest(name, key_nth, NULL);
    bad(p, "unknown parameter", name);
    if (near)
        err_hint(p->err, "did you mean '%s'?", near);
    return -EINVAL;
}

static int parse_position(struct disk_parse *p, const char *word)
{
    static int (*const set[])(struct disk_parse *, const char *) = {
        [POS_TARGET] = set_target,
        [POS_FORMAT] = set_format,
        [POS_VDEV] = set_vdev,
        [POS_ACCESS] = set_access,
    };
    enum position pos = p->next;

    if (pos == POS_END)
        return bad(p, "unexpected", word);
    p->next = pos + 1;
    return set[pos](p, word);
}

static int parse_word(struct disk_parse *p, char *word)
{
    size_t len = strcspn(word, "=");
    const struct disk_key *key = key_find(word, len);

    if (key && word[len] == '=' && !key->is_flag)
        return key->set(p, word + len + 1);
    if (key && !word[len] && key->is_flag)
        return key->set(p, "");
    if (word[len] == '=' && p->next != POS_TARGET)
        return unknown_key(p, word);
    return parse_position(p, word);
}

static void trim_end(char *word)
{
    size_t len = strlen(word);

    while (len && strchr(" \t\r", word[len - 1]))
        word[--len] = '\0';
}

/* A target= swallows the rest, commas and all: it is always the last one. */
static int parse_words(struct disk_parse *p, char *words)
{
    int rc = 0;

    while (words && !rc) {
        char *word = words + strspn(words, " \t");
        char *comma = strchr(word, ',');

        words = NULL;
        if (comma && strncmp(word, "target=", 7)) {
            *comma = '\0';
            words = comma + 1;
        }
        trim_end(word);
        rc = parse_word(p, word);
    }
    return rc;
}

int disk_spec_parse(const char *spec, struct disk_config *disk,
                    struct errmsg *err)
{
    struct disk_parse p = {spec, disk, err, POS_TARGET, false};
    char *words = strdup(spec);
    int rc;

    if (!words)
        return err_set(err, -ENOMEM, "no memory");
    rc = parse_words(&p, words);
    free(words);
    if (rc == -ENOMEM)
        return err_set(err, rc, "no memory");
    if (rc)
        return rc;
    if (!disk->target || !*disk->target)
        return err_set(err, -EINVAL, "disk '%s' has no target", spec);
    if (!*disk->vdev) {
        err_set(err, -EINVAL, "disk '%s' has no virtual device", spec);
        err_hint(err, "for instance '%s,raw,xvda,w'", disk->target);
        return -EINVAL;
    }
    if (disk->cdrom && !p.has_access)
        disk->readonly = true;
    return 0;
}
