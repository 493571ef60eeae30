/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: their frames and how they grow. The entries in them are
 * grant_entry.c, changes of version grant_version.c, what a domain has mapped
 * of others grant_maptrack.c and grant_release.c.
 */
#include "grant_priv.h"

#include <hv/arch.h>
#include <hv/cmdline.h>

#define ACTIVE_BYTES (V1_PER_FRAME * sizeof(struct grant_active))

unsigned int grant_max_version __ro_after_init = 2;
unsigned int grant_transitive_ok __ro_after_init = 1;
unsigned int grant_transfer_ok __ro_after_init = 1;
unsigned int grant_default_frames __ro_after_init = 64;
unsigned int grant_default_maptrack __ro_after_init = 1024;

static int grow_status(struct grant_table *t, struct domain *d)
{
    grant_status_t *page = hv_alloc_pages(0);

    if (!page)
        return -ENOMEM;
    page_share_with(virt_to_page(page), d, true);
    t->status[t->nr_status] = page;
    __atomic_store_n(&t->nr_status, t->nr_status + 1, __ATOMIC_RELEASE);
    return 0;
}

int grant_grow_status(struct domain *d, uint32_t nr)
{
    struct grant_table *t = &d->grant;
    int rc = 0;

    while (!rc && t->nr_status < grant_status_frames(nr))
        rc = grow_status(t, d);
    return rc;
}

/* One more frame of entries; grant.lock is held. */
static int grow_one(struct domain *d)
{
    struct grant_table *t = &d->grant;
    uint32_t n = t->nr_frames;
    struct grant_active *a = hv_vmalloc(ACTIVE_BYTES);
    void *s = hv_alloc_pages(0);
    int rc = a && s ? 0 : -ENOMEM;

    if (!rc && t->version == 2)
        rc = grant_grow_status(d, n + 1);
    if (rc) {
        if (a)
            hv_vfree(a, ACTIVE_BYTES);
        if (s)
            hv_free_pages(s, 0);
        return rc;
    }
    for (unsigned int i = 0; i < V1_PER_FRAME; i++)
        spin_init(&a[i].lock, LOCK_RANK_GRANT_ENTRY);
    page_share_with(virt_to_page(s), d, true);
    t->active[n] = a;
    t->shared[n] = s;
    __atomic_store_n(&t->nr_frames, n + 1, __ATOMIC_RELEASE);
    return 0;
}

int grant_grow(struct domain *d, uint32_t nr)
{
    struct grant_table *t = &d->grant;
    int rc = 0;

    if (nr > t->max_frames)
        return -ENOSPC;
    if (nr <= grant_nr_frames(t))
        return 0;
    spin_lock(&t->lock);
    if (domain_is_dying(d))
        rc = -EINVAL;
    while (!rc && t->nr_frames < nr)
        rc = grow_one(d);
    spin_unlock(&t->lock);
    return rc;
}

static int get_status_frame(struct domain *d, unsigned int n, mfn_t *out)
{
    struct grant_table *t = &d->grant;
    uint32_t per = STATUS_PER_FRAME / V2_PER_FRAME;
    int rc;

    if (grant_version(t) != 2 || n >= grant_status_frames(t->max_frames))
        return -EINVAL;
    rc = grant_grow(d, n * per + 1);
    if (rc)
        return rc;
    if (n >= __atomic_load_n(&t->nr_status, __ATOMIC_ACQUIRE))
        return -EINVAL;
    *out = virt_to_mfn(t->status[index_nospec(n, t->nr_status)]);
    return 0;
}

int grant_get_frame(struct domain *d, bool status, unsigned int n, mfn_t *out)
{
    int rc;

    if (status)
        return get_status_frame(d, n, out);
    if (n >= d->grant.max_frames)
        return -EINVAL;
    rc = grant_grow(d, n + 1);
    if (!rc)
        *out = virt_to_mfn(
            d->grant.shared[index_nospec(n, grant_nr_frames(&d->grant))]);
    return rc;
}

unsigned int grant_max_frames(struct domain *d, bool status)
{
    if (!status)
        return d->grant.max_frames;
    return grant_version(&d->grant) == 2
               ? grant_status_frames(d->grant.max_frames)
               : 0;
}

static void free_frames(struct grant_table *t)
{
    for (uint32_t i = 0; i < t->nr_frames; i++) {
        page_unshare(virt_to_page(t->shared[i]));
        hv_vfree(t->active[i], ACTIVE_BYTES);
    }
    for (uint32_t i = 0; i < t->nr_status; i++)
        page_unshare(virt_to_page(t->status[i]));
    t->nr_frames = t->nr_status = 0;
}

static void free_arrays(struct grant_table *t)
{
    hv_free(t->shared);
    hv_free(t->status);
    hv_free(t->active);
    hv_free(t->maptrack);
}

int grant_domain_init(struct domain *d, unsigned int max_frames,
                      unsigned int max_maptrack, unsigned int max_version)
{
    struct grant_table *t = &d->grant;
    int rc;

    if (max_version > grant_max_version)
        return -EINVAL;
    if (max_version == 0)
        max_frames = max_maptrack = 0;
    spin_init(&t->lock, LOCK_RANK_GRANT);
    t->version = 1;
    t->max_version = (uint8_t)max_version;
    t->max_frames = max_frames;
    t->max_maptrack_frames = max_maptrack;
    t->shared = hv_alloc((max_frames + 1) * sizeof(t->shared[0]));
    t->status =
        hv_alloc((grant_status_frames(max_frames) + 1) * sizeof(t->status[0]));
    t->active = hv_alloc((max_frames + 1) * sizeof(t->active[0]));
    t->maptrack = hv_alloc((max_maptrack + 1) * sizeof(t->maptrack[0]));
    rc = t->shared && t->status && t->active && t->maptrack ? 0 : -ENOMEM;
    if (!rc && max_frames)
        rc = grow_one(d);
    if (rc)
        free_arrays(t);
    return rc;
}

/* No reference to d is left, so nobody pins its entries. */
void grant_domain_free(struct domain *d)
{
    struct grant_table *t = &d->grant;

    free_frames(t);
    for (uint32_t i = 0; i < t->nr_maptrack / MAPS_PER_FRAME; i++)
        hv_free_pages(t->maptrack[i], 0);
    free_arrays(t);
}

void grant_dump(struct domain *d)
{
    struct grant_table *t = &d->grant;
    uint32_t nr = grant_nr_frames(t);

    printk(LOG_INFO "d%u: version %u, %u of %u grant frames, %u handles\n",
           d->id, t->version, nr, t->max_frames, t->nr_maptrack);
    for (uint32_t ref = 0; ref < nr * V1_PER_FRAME; ref++) {
        struct grant_active *a = grant_pinned(d, ref);

        if (!(a->nr_read | a->nr_write))
            continue;
        if (a->kind == GRANT_TRANSITIVE)
            printk(LOG_INFO " ref %u for d%u: ref %u of d%u\n", ref, a->domid,
                   a->trans_ref, a->trans_domid);
        else
            printk(LOG_INFO " ref %u frame %lx for d%u: %u read, %u write\n",
                   ref, mfn_x(a->frame), a->domid, a->nr_read, a->nr_write);
    }
}

/* ---- command line ---- */

/* One word of gnttab=: max-ver:N, [no-]transitive, [no-]transfer. */
static int __init parse_word(const char *word, size_t len)
{
    static const struct {
        const char *word;
        unsigned int *var;
        unsigned int value;
    } words[] __initconst = {
        {"max-ver:1", &grant_max_version, 1},
        {"max-ver:2", &grant_max_version, 2},
        {"transitive", &grant_transitive_ok, 1},
        {"no-transitive", &grant_transitive_ok, 0},
        {"transfer", &grant_transfer_ok, 1},
        {"no-transfer", &grant_transfer_ok, 0},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(words); i++) {
        if (strlen(words[i].word) == len &&
            !strncmp(words[i].word, word, len)) {
            *words[i].var = words[i].value;
            return 0;
        }
    }
    return -EINVAL;
}

static int __init parse_gnttab(const char *value)
{
    for (;;) {
        const char *end = strchr(value, ',');
        size_t len = end ? (size_t)(end - value) : strlen(value);

        if (parse_word(value, len))
            return -EINVAL;
        if (!end)
            return 0;
        value = end + 1;
    }
}
PARAM_FUNC("gnttab", parse_gnttab);
PARAM_U("gnttab_max_frames", grant_default_frames);
PARAM_U("gnttab_max_maptrack_frames", grant_default_maptrack);
