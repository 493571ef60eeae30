/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: a domain lets named others map or copy single frames of it.
 * The table's pages are the hypervisor's, shared writable with their domain:
 * every entry is read once per operation and changed by compare-exchange.
 */
#ifndef HV_GRANT_H
#define HV_GRANT_H

#include <hv/spinlock.h>
#include <hv/types.h>

struct domain;
struct page_info;
struct grant_entry_v1;
struct grant_active; /* pins of one entry; core/grant.c */
struct grant_map;    /* one handle; core/grant.c */

struct grant_table {
    spinlock_t lock;    /* rank LOCK_RANK_GRANT: growth, maptrack's free list */
    uint32_t nr_frames; /* only grows; read without the lock */
    uint32_t max_frames;
    struct grant_entry_v1 **shared; /* [max_frames] pages shared with d */
    struct grant_active **active;   /* [max_frames] 512 pins each */
    uint32_t max_maptrack_frames;
    uint32_t nr_maptrack;        /* handles in allocated pages */
    uint32_t maptrack_free;      /* first free handle, MAPTRACK_END = none */
    struct grant_map **maptrack; /* [max_maptrack_frames] pages */
    uint32_t release_at;         /* where a dying domain's release goes on */
};

int grant_domain_init(struct domain *d, unsigned int max_frames,
                      unsigned int max_maptrack, unsigned int max_version);
/* Give back all that d has mapped of others; -ERESTART when preempted. */
int grant_release_mappings(struct domain *d);
void grant_domain_free(struct domain *d);
/* Frame n of d's table (grown if needed), for acquire_resource. */
int grant_get_frame(struct domain *d, bool status, unsigned int n, mfn_t *out);
unsigned int grant_max_frames(struct domain *d, bool status);
void grant_dump(struct domain *d);

/* Frames of others that d's device mappings hold references on (the audit). */
void grant_each_device_map(struct domain *d,
                           void (*fn)(struct page_info *pg, bool ro, void *arg),
                           void *arg);

#endif
