/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: a domain lets named others map or copy single frames of it.
 * The table's pages are the hypervisor's, shared writable with their domain:
 * every word of an entry is read once per operation. docs/grants.md.
 */
#ifndef HV_GRANT_H
#define HV_GRANT_H

#include <hv/spinlock.h>
#include <hv/types.h>

struct domain;
struct page_info;
struct grant_active; /* pins of one entry; core/grant_priv.h */
struct grant_map;    /* one handle; core/grant_priv.h */

/* Users of one entry at a time, of each kind together. */
#ifndef GRANT_MAX_PINS
#define GRANT_MAX_PINS (UINT32_MAX / 2)
#endif

struct grant_table {
    spinlock_t lock;     /* rank LOCK_RANK_GRANT: growth, version */
    uint8_t version;     /* of the entries; 0 while it is being changed */
    uint8_t max_version; /* 0: the domain has no table */
    uint32_t nr_frames;  /* only grows; read without the lock */
    uint32_t max_frames;
    uint32_t nr_status;           /* only grows, in version 2 */
    void **shared;                /* [max_frames] pages shared with d */
    uint16_t **status;            /* pages of use bits shared with d */
    struct grant_active **active; /* [max_frames] pins of 512 entries each */
    uint32_t max_maptrack_frames;
    uint32_t nr_maptrack;        /* handles in allocated pages */
    struct grant_map **maptrack; /* [max_maptrack_frames] pages */
    uint32_t release_at;         /* where a dying domain's release goes on */
};

/* Highest version any domain may have (command line). */
extern unsigned int grant_max_version;
/* What an administrator may switch off (command line). */
extern unsigned int grant_transitive_ok, grant_transfer_ok;
/* Limits of a domain for which none are given (command line). */
extern unsigned int grant_default_frames, grant_default_maptrack;

/* -EINVAL: a version that there is not; -ENOMEM. */
int grant_domain_init(struct domain *d, unsigned int max_frames,
                      unsigned int max_maptrack, unsigned int max_version);
/* Give back all that d has mapped of others; -ERESTART when preempted. */
int grant_release_mappings(struct domain *d);
void grant_domain_free(struct domain *d);
/* Frame n of d's table or status frames (grown if needed), for acquire_resource
 * and set-up. -EINVAL: beyond its limit, or status of version 1. -ENOMEM. */
int grant_get_frame(struct domain *d, bool status, unsigned int n, mfn_t *out);
unsigned int grant_max_frames(struct domain *d, bool status);
void grant_dump(struct domain *d);

/* Frames of others that d's device mappings hold references on (the audit). */
void grant_each_device_map(struct domain *d,
                           void (*fn)(struct page_info *pg, bool ro, void *arg),
                           void *arg);

#endif
