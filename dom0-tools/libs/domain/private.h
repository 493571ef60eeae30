/* SPDX-License-Identifier: MIT */
/* What the files of libs/domain share; not for others. */
#ifndef TOOLS_DOMAIN_PRIVATE_H
#define TOOLS_DOMAIN_PRIVATE_H

#include <sys/stat.h>

#include "libs/domain/domain.h"
#include "libs/sys/sys.h"
#include "libs/xs/xs.h"

#define STORE_PATH_MAX 256
#define RUN_DIR        "/run/trellis"
#define LOG_DIR        "/var/log/trellis"

struct dom {
    struct sys *sys;
    struct xs *xs;
    struct errmsg err;
    guest_warn_fn *log;
    void *log_arg;
};

__attribute__((format(printf, 2, 3))) void dom_log(struct dom *dom,
                                                   const char *fmt, ...);
uint64_t now_ms(void);

/* --- store (store_util.c) ----------------------------------------------- */

/* Path of the node that holds who is called name. */
void store_name_path(const char *name, char out[STORE_PATH_MAX]);
/* Write node and let it belong to owner, readable by reader. */
int store_mkdir_perms(struct xs *xs, uint32_t tx, const char *path,
                      uint32_t owner, uint32_t reader);
int store_read_u64(struct xs *xs, const char *path, uint64_t *value);
/*
 * Wait until ready(arg) returns other than 0 (the result then), looking at
 * each change at path; -ETIMEDOUT.
 */
int store_wait(struct dom *dom, const char *path, int timeout_ms,
               int (*ready)(struct dom *dom, void *arg), void *arg);

/* --- nodes of a guest (nodes.c) ----------------------------------------- */

struct guest_nodes {
    uint32_t domid;
    uint32_t store_port, console_port;
    uint64_t store_mfn, console_mfn;
};
int nodes_write(struct dom *dom, const struct guest_config *g,
                const struct guest_nodes *n, struct errmsg *err);
/* Everything the store keeps of the guest, devices' back ends included. */
void nodes_remove(struct dom *dom, uint32_t domid);

/* --- kept state (state.c) ------------------------------------------------ */

int state_save(uint32_t domid, const struct guest_config *g,
               struct errmsg *err);
int state_load(uint32_t domid, struct guest_config *g, struct errmsg *err);
int state_load_text(uint32_t domid, char **text);
void state_remove(uint32_t domid);
/* Keep the configuration of a guest that is no more; path is where. */
int state_keep(const struct guest_config *g, char path[STORE_PATH_MAX],
               struct errmsg *err);
/* One life-cycle action at a time per domain. Returns a descriptor. */
int state_lock(uint32_t domid, struct errmsg *err);
void state_unlock(uint32_t domid, int fd);
int state_mkdirs(struct errmsg *err);
/* Be the one monitor of a domain: a descriptor, or -EBUSY. */
int state_monitor_claim(uint32_t domid, struct errmsg *err);
void state_monitor_drop(uint32_t domid, int fd);
bool state_has_monitor(uint32_t domid);

/* As dom_create_check, of a guest whose domain is still there. */
int create_again_check(struct dom *dom, const struct guest_config *g);
/* As dom_destroy; the caller holds the domain's lock. */
int destroy_locked(struct dom *dom, uint32_t domid);

/* --- devices -------------------------------------------------------------- */

struct device {
    const char *type; /* "vbd" or "vif" */
    uint32_t domid, devid;
};
struct device_key {
    const char *name;
    char value[320];
};
struct device_keys {
    struct device_key keys[24];
    unsigned int nr;
};
void device_backend_path(const struct device *d, char out[STORE_PATH_MAX]);
__attribute__((format(printf, 3, 4))) void device_key_add(struct device_keys *k,
                                                          const char *name,
                                                          const char *fmt, ...);
/* Make both ends' nodes, keys being the particular ones. */
int device_publish(struct dom *dom, const struct device *d,
                   const struct device_keys *back,
                   const struct device_keys *front, struct errmsg *err);
/* Wait until the back end's driver took the device up. */
int device_wait_backend(struct dom *dom, const struct device *d,
                        struct errmsg *err);
/* Does the back end's driver have the device, whatever the store says? */
bool device_has_driver(const struct device *d);
/* Close the back end, wait until its driver let go, remove all nodes. */
void device_remove(struct dom *dom, const struct device *d);
/* All devices of a guest whose back end is here; *list malloced. */
int device_list(struct dom *dom, uint32_t domid, struct device **list);

int disk_attach(struct dom *dom, uint32_t domid, const struct disk_config *disk,
                struct errmsg *err);
int disk_check(const struct disk_config *disk, struct errmsg *err);
/*
 * Make d's domain, which exists, a user of the file or device st that the disk
 * is on; path is the claim's node. -EBUSY if another user forbids it.
 */
int disk_claim(struct dom *dom, const struct device *d, const struct stat *st,
               const struct disk_config *disk, char path[STORE_PATH_MAX],
               struct errmsg *err);
/* Others may write to what this disk used: by the claim's path, or as the
 * device's nodes name it. */
void disk_claim_drop(struct dom *dom, char *path);
void disk_drop_claim(struct dom *dom, const struct device *d);
int vif_attach(struct dom *dom, uint32_t domid, const struct vif_config *vif,
               struct errmsg *err);
/* Is there what the interface needs; is the name free that it will have? */
int vif_check(const struct vif_config *vif, struct errmsg *err);
int vif_check_name(const struct vif_config *vif, struct errmsg *err);

#endif
