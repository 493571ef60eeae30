/* SPDX-License-Identifier: MIT */
/* Shared by the files of libs/sys only: the handle, and bounce buffers. */
#ifndef LIBS_SYS_PRIVATE_H
#define LIBS_SYS_PRIVATE_H

#include <stdbool.h>

#include "libs/sys/sys.h"

#define SYS_CACHED_PAGES 8U

struct sys {
    int privcmd;
    int hcall; /* buffer device, or -1: locked anonymous memory instead */
    /* Free one-page buffers, so that a hypercall costs no mmap. */
    void *cache[SYS_CACHED_PAGES];
    unsigned int nr_cached;
};

/*
 * A caller's array where the hypervisor can reach it. user NULL or length 0
 * gives safe NULL: a null guest handle.
 */
struct bounce {
    struct sys *sys;
    void *safe;
    void *user;
    size_t len_bytes;
};

/* Copies user's bytes in. 0 or -ENOMEM. */
int bounce_in(struct bounce *b, struct sys *sys, const void *user,
              size_t len_bytes);
/* Copies the first len_bytes back, at most what was bounced. */
void bounce_out(const struct bounce *b, size_t len_bytes);
void bounce_free(struct bounce *b);

#endif
