/* SPDX-License-Identifier: MIT */
/*
 * libs/domain: guests from the cradle to the grave. What `tl` and other
 * front ends call; they need none of the libraries below.
 *
 * Every function returns 0 (or what is said) or -errno; the reason for the
 * user is then in dom_error().
 */
#ifndef TOOLS_DOMAIN_DOMAIN_H
#define TOOLS_DOMAIN_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "libs/domain/guest_config.h"
#include "libs/image/errmsg.h"

struct dom;

/*
 * Connect to the hypervisor and the store. log receives remarks (never
 * errors). Returns 0 and a handle for dom_close; on failure the reason is in
 * err.
 */
int dom_open(struct dom **out, guest_warn_fn *log, void *arg,
             struct errmsg *err);
void dom_close(struct dom *dom);
const struct errmsg *dom_error(const struct dom *dom);

/* --- finding ----------------------------------------------------------- */

/* Id of the guest called name, or whose id or UUID it is; -ESRCH. */
int dom_find(struct dom *dom, const char *name, uint32_t *domid);
/* Its name; -ENOENT if it has none. */
int dom_name(struct dom *dom, uint32_t domid, char name[GUEST_NAME_MAX + 1]);

/* --- life cycle -------------------------------------------------------- */

/* Build a guest and its devices; it stays paused. All or nothing. */
int dom_create(struct dom *dom, const struct guest_config *g, uint32_t *domid);
/* Check all that can be checked without creating anything. */
int dom_create_check(struct dom *dom, const struct guest_config *g);
/* Start the process that acts when the guest ends. */
int dom_monitor_start(struct dom *dom, uint32_t domid);
/* Be that process: returns when there is nothing more to watch. */
int dom_monitor_run(struct dom *dom, uint32_t domid);
/*
 * Id of the domain that took the place of the guest called name, which was
 * domain old and has ended; waits while one is being made. -ESRCH: none.
 */
int dom_successor(struct dom *dom, const char *name, uint32_t old,
                  uint32_t *domid);
int dom_pause(struct dom *dom, uint32_t domid);
int dom_unpause(struct dom *dom, uint32_t domid);
/* Remove the guest, its devices and all that is kept of it. */
int dom_destroy(struct dom *dom, uint32_t domid);
/* The same with what dom_find() finds; one that restarts while we wait for
 * its lock is followed. */
int dom_destroy_named(struct dom *dom, const char *name);
/* Ask the guest to shut down or to reboot; it may take its time. */
int dom_ask_shutdown(struct dom *dom, uint32_t domid, bool reboot);
/* Wait until all of these guests ended; -ETIMEDOUT after timeout_ms >= 0. */
int dom_wait_ended(struct dom *dom, const uint32_t *domids, unsigned int nr,
                   int timeout_ms);
int dom_rename(struct dom *dom, uint32_t domid, const char *name);

/* --- queries ----------------------------------------------------------- */

struct dom_info {
    uint32_t domid;
    char name[GUEST_NAME_MAX + 1]; /* "(null)" if it has none */
    char uuid[37];
    bool running, blocked, paused, shutdown, crashed, dying;
    unsigned int shutdown_code; /* if shutdown */
    uint64_t mem_kib, max_kib;
    uint32_t vcpus, max_vcpus;
    uint64_t cpu_ns;
};

int dom_info(struct dom *dom, uint32_t domid, struct dom_info *info);
/* All domains by rising id; *list is malloced. Returns how many. */
int dom_list(struct dom *dom, struct dom_info **list);
/* The guest's configuration as JSON text, malloced; -ENOENT if not kept. */
int dom_config_json(struct dom *dom, uint32_t domid, char **text);
const char *dom_shutdown_name(unsigned int code);
/* Seconds since the guest was started; -ENOENT if that is not known. */
int dom_uptime(struct dom *dom, uint32_t domid, uint64_t *seconds);

struct dom_vcpu {
    uint32_t vcpu;
    bool online, blocked, running;
    uint64_t cpu_ns;
    uint32_t cpu;
    char affinity[64]; /* "all" or ranges of cpus */
};
/* VCPUs of a domain; *list is malloced. Returns how many. */
int dom_vcpu_list(struct dom *dom, uint32_t domid, struct dom_vcpu **list);

/* --- console ----------------------------------------------------------- */

/*
 * Attach this terminal to the guest's console until Ctrl-] (returns 0) or
 * until the guest is gone (returns 1). opened, if not NULL, is called once
 * the console is attached.
 */
int dom_console(struct dom *dom, uint32_t domid, int (*opened)(void *arg),
                void *arg);

#endif
