/* SPDX-License-Identifier: MIT */
/*
 * Who uses a disk's file or device. Another writer would destroy its contents,
 * so each user leaves a claim in the store:
 *
 *   /tool/trellis/disk/DEV-INODE/DOMID-DEVID = "r UUID" or "w UUID"
 *
 * A claim is written in the transaction that looked at all the others: of two
 * users that come at once, the store lets one through. It counts as long as
 * its domain is there, DOMID still being the one with the handle UUID. The
 * device's own nodes say nothing: they come long after the claim.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <uuid/uuid.h>

#include "libs/domain/private.h"
#include "libs/sys/domctl.h"

#define UUID_TEXT 37
#define CLAIMS    "/tool/trellis/disk"

struct claim_tx {
    struct dom *dom;
    const struct disk_config *disk;
    char dir[STORE_PATH_MAX - 32];
    char own[24];         /* our node below dir */
    char uuid[UUID_TEXT]; /* of our domain */
    bool busy;            /* with -EBUSY: holder is the domain that has it */
    uint32_t holder;
};

static void claim_dir(const struct stat *st, char *out, size_t room)
{
    if (S_ISBLK(st->st_mode))
        snprintf(out, room, CLAIMS "/b%llx", (unsigned long long)st->st_rdev);
    else
        snprintf(out, room, CLAIMS "/f%llx-%llx",
                 (unsigned long long)st->st_dev,
                 (unsigned long long)st->st_ino);
}

/*
 * A dying domain asks for no more, but what it asked for may still be written
 * until its driver has let go. Where we cannot tell, it is alive. Claims of
 * older tools name no handle.
 */
static bool claim_is_alive(struct dom *dom, const struct device *user,
                           const char *uuid)
{
    struct xen_domctl_getdomaininfo info;
    char its[UUID_TEXT];
    int rc = sys_domain_info(dom->sys, user->domid, &info);

    if (rc)
        return rc != -ESRCH;
    uuid_unparse_lower(info.handle, its);
    if (*uuid && strcmp(its, uuid))
        return false;
    return !(info.flags & XEN_DOMINF_dying) || device_has_driver(user);
}

/* One of the claims that are there: 0 if ours can stand beside it. */
static int claim_look(struct xs *xs, uint32_t tx, struct claim_tx *t,
                      const char *name)
{
    struct device user = {.type = "vbd"};
    char path[STORE_PATH_MAX];
    char *value;
    bool named, writes, alive;
    int rc;

    snprintf(path, sizeof(path), "%s/%.23s", t->dir, name);
    rc = xs_read(xs, tx, path, &value, NULL);
    if (rc)
        return rc;
    named = sscanf(name, "%u-%u", &user.domid, &user.devid) == 2;
    writes = *value == 'w';
    alive = named &&
            claim_is_alive(t->dom, &user, strlen(value) > 2 ? value + 2 : "");
    free(value);
    if (!alive)
        return xs_rm(xs, tx, path);
    if (t->disk->shared || (t->disk->readonly && !writes))
        return 0;
    t->busy = true;
    t->holder = user.domid;
    return -EBUSY;
}

static int claim_tx(struct xs *xs, uint32_t tx, void *arg)
{
    struct claim_tx *t = arg;
    char path[STORE_PATH_MAX];
    char **users;
    int nr = xs_directory(xs, tx, t->dir, &users), rc = 0;

    t->busy = false;
    if (nr < 0 && nr != -ENOENT)
        return nr;
    for (int i = 0; i < nr && !rc; i++)
        if (strcmp(users[i], t->own))
            rc = claim_look(xs, tx, t, users[i]);
    if (nr >= 0)
        free(users);
    snprintf(path, sizeof(path), "%s/%s", t->dir, t->own);
    return rc ? rc
              : xs_writef(xs, tx, path, "%c %s", t->disk->readonly ? 'r' : 'w',
                          t->uuid);
}

int disk_claim(struct dom *dom, const struct device *d, const struct stat *st,
               const struct disk_config *disk, char path[STORE_PATH_MAX],
               struct errmsg *err)
{
    struct claim_tx t = {.dom = dom, .disk = disk};
    char name[GUEST_NAME_MAX + 1] = "?";
    struct xen_domctl_getdomaininfo info;
    int rc = sys_domain_info(dom->sys, d->domid, &info);

    if (rc)
        return err_set(err, rc, "cannot ask for domain %u: %s", d->domid,
                       strerror(-rc));
    uuid_unparse_lower(info.handle, t.uuid);
    claim_dir(st, t.dir, sizeof(t.dir));
    snprintf(t.own, sizeof(t.own), "%u-%u", d->domid, d->devid);
    snprintf(path, STORE_PATH_MAX, "%s/%s", t.dir, t.own);
    rc = xs_transaction(dom->xs, claim_tx, &t);
    if (!rc)
        return 0;
    if (!t.busy)
        return err_set(err, rc, "cannot write %s to the store: %s", path,
                       strerror(-rc));
    dom_name(dom, t.holder, name);
    err_set(err, rc, "disk %s: %s is in use by domain %u (%s)", disk->vdev,
            disk->target, t.holder, name);
    err_hint(err, "'w!' as access overrides this, if both cope with it");
    return rc;
}

/* The directory goes with its last claim, if nobody has come meanwhile. */
static int drop_tx(struct xs *xs, uint32_t tx, void *arg)
{
    const char *path = arg;
    char dir[STORE_PATH_MAX];
    char **users;
    int nr, rc = xs_rm(xs, tx, path);

    if (rc)
        return rc;
    snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
    nr = xs_directory(xs, tx, dir, &users);
    if (nr < 0)
        return nr;
    free(users);
    return nr ? 0 : xs_rm(xs, tx, dir);
}

void disk_claim_drop(struct dom *dom, char *path)
{
    int rc = xs_transaction(dom->xs, drop_tx, path);

    if (rc && rc != -ENOENT)
        dom_log(dom, "cannot remove %s from the store: %s", path,
                strerror(-rc));
}

void disk_drop_claim(struct dom *dom, const struct device *d)
{
    char path[STORE_PATH_MAX];
    char *claim;

    device_backend_path(d, path);
    strcat(path, "/claim");
    if (xs_read(dom->xs, XS_NO_TX, path, &claim, NULL))
        return;
    if (strncmp(claim, CLAIMS "/", sizeof(CLAIMS)) == 0)
        disk_claim_drop(dom, claim);
    free(claim);
}
