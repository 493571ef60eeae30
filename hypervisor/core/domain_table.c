/* SPDX-License-Identifier: MIT */
/*
 * Domains by id. Lookups take no lock: struct domain memory is never given
 * back, only reused for other domains, so that a stale pointer still points to
 * a struct domain; the reference count (never revived from zero) and a second
 * look at the table tell whether it is the right one.
 */
#include "domain_table.h"

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/percpu.h>

#include <asm/cpu_info.h>

#define CHUNK  512 /* pointers in a page */
#define NR_IDS DOMID_FIRST_RESERVED

static struct domain **table[DIV_ROUND_UP(NR_IDS, CHUNK)];
static struct list_head unused = LIST_HEAD_INIT(unused);
static spinlock_t domain_list_lock = SPINLOCK_INIT(LOCK_RANK_DOMAIN_LIST);
static unsigned int next_id = 1;
static unsigned int highest_id;

static struct domain *table_read(unsigned int id)
{
    struct domain **chunk;

    if (id >= NR_IDS)
        return NULL;
    id = (unsigned int)index_nospec(id, NR_IDS);
    chunk = __atomic_load_n(&table[id / CHUNK], __ATOMIC_ACQUIRE);
    return chunk ? __atomic_load_n(&chunk[id % CHUNK], __ATOMIC_ACQUIRE) : NULL;
}

static bool refs_try_get(struct domain *d)
{
    uint32_t refs = __atomic_load_n(&d->refs, __ATOMIC_RELAXED);

    do {
        if (refs == 0 || refs == UINT32_MAX)
            return false;
    } while (!__atomic_compare_exchange_n(&d->refs, &refs, refs + 1, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return true;
}

struct domain *domain_get_by_id(domid_t id)
{
    struct domain *d = table_read(id);

    if (!d || !refs_try_get(d))
        return NULL;
    if (table_read(id) == d)
        return d;
    domain_put(d);
    return NULL;
}

struct domain *domain_get_any(domid_t id)
{
    struct domain *d = current->domain;

    if (id != DOMID_SELF && id != d->id)
        return domain_get_by_id(id);
    domain_get(d);
    return d;
}

struct domain *domain_get_first_from(domid_t id)
{
    for (unsigned int i = id; i <= READ_ONCE(highest_id); i++) {
        struct domain *d = domain_get_by_id((domid_t)i);

        if (d)
            return d;
    }
    return NULL;
}

void domain_get(struct domain *d)
{
    bool ok = refs_try_get(d);

    BUG_ON(!ok);
}

static int chunk_ensure(unsigned int id)
{
    struct domain **fresh;

    if (table[id / CHUNK])
        return 0;
    fresh = hv_alloc_pages(0);
    if (!fresh)
        return -ENOMEM;
    __atomic_store_n(&table[id / CHUNK], fresh, __ATOMIC_RELEASE);
    return 0;
}

/* Ids go round, so that one just freed is not given out again soon. */
static int choose_id(void)
{
    for (unsigned int n = 0; n < NR_IDS; n++) {
        unsigned int id = next_id;

        next_id = next_id + 1 < NR_IDS ? next_id + 1 : 1;
        if (!table_read(id))
            return (int)id;
    }
    return -ENFILE;
}

int domain_table_insert(struct domain *d, domid_t wanted)
{
    int rc, id = wanted;

    spin_lock(&domain_list_lock);
    if (wanted >= NR_IDS)
        id = choose_id();
    else if (table_read(wanted))
        id = -EEXIST;
    rc = id < 0 ? id : chunk_ensure((unsigned int)id);
    if (!rc) {
        d->id = (domid_t)id;
        highest_id = max_t(unsigned int, highest_id, (unsigned int)id);
        __atomic_store_n(&table[id / CHUNK][id % CHUNK], d, __ATOMIC_RELEASE);
    }
    spin_unlock(&domain_list_lock);
    return rc;
}

void domain_table_remove(struct domain *d)
{
    spin_lock(&domain_list_lock);
    if (d->id < NR_IDS && table_read(d->id) == d)
        __atomic_store_n(&table[d->id / CHUNK][d->id % CHUNK], NULL,
                         __ATOMIC_RELEASE);
    spin_unlock(&domain_list_lock);
}

/* The memory's former life had its count at zero; it stays there until the
 * new domain is complete enough to be found. */
struct domain *domain_struct_alloc(void)
{
    struct domain *d = NULL;

    spin_lock(&domain_list_lock);
    if (!list_empty(&unused)) {
        d = list_first_entry(&unused, struct domain, list);
        list_del(&d->list);
    }
    spin_unlock(&domain_list_lock);
    if (d)
        memset(d, 0, sizeof(*d));
    else
        d = hv_alloc(sizeof(*d));
    if (d)
        list_init(&d->list);
    return d;
}

void domain_struct_free(struct domain *d)
{
    spin_lock(&domain_list_lock);
    list_add(&d->list, &unused);
    spin_unlock(&domain_list_lock);
}
