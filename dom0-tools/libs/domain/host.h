/* SPDX-License-Identifier: MIT */
/*
 * The machine under the guests, and the store as a whole: for front ends.
 */
#ifndef TOOLS_DOMAIN_HOST_H
#define TOOLS_DOMAIN_HOST_H

#include "libs/domain/domain.h"

struct host_info {
    unsigned int major, minor;
    char extra[16];
    char capabilities[1024];
    char changeset[64];
    char commandline[1024];
    char compiler[64], compile_by[32], compile_domain[32], compile_date[32];
    uint64_t virt_start;
    unsigned int page_size;
    unsigned int nr_cpus, max_cpu_id, nr_nodes;
    unsigned int cores_per_socket, threads_per_core;
    unsigned int cpu_khz;
    uint32_t hw_cap[8];
    bool can_hvm, can_pv, can_directio;
    uint64_t total_mib, free_mib;
    const char *scheduler;
};

int dom_host_info(struct dom *dom, struct host_info *info);
/* The hypervisor's log, malloced; clear empties it. */
int dom_host_log(struct dom *dom, bool clear, char **text);
int dom_debug_keys(struct dom *dom, const char *keys);

/* *value, *names: malloced. List returns how many. */
int dom_store_read(struct dom *dom, const char *path, char **value);
int dom_store_list(struct dom *dom, const char *path, char ***names);
int dom_store_write(struct dom *dom, const char *path, const char *value);
int dom_store_rm(struct dom *dom, const char *path);
/* Call fn with each path that changes at path or below, until it returns
 * other than 0. */
int dom_store_watch(struct dom *dom, const char *path,
                    int (*fn)(void *arg, const char *changed), void *arg);

#endif
