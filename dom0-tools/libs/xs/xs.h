/* SPDX-License-Identifier: MIT */
/*
 * Client of the store: one connection, requests answered in order, watch
 * events queued meanwhile. Results are 0 (or what is said) or -errno; the
 * daemon's error names arrive as their errno (-ENOENT, -EACCES, -EAGAIN, ...),
 * a lost connection as -EPIPE, a malformed answer as -EPROTO.
 *
 * tx is a transaction from xs_tx_start(), or XS_NO_TX. Memory handed out is
 * freed with free(). A connection belongs to one thread at a time.
 */
#ifndef LIBS_XS_XS_H
#define LIBS_XS_XS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XS_SOCKET "/run/xenstored/socket"
#define XS_NO_TX  0U

struct xs;

/*
 * Connect to the daemon's socket; in other domains than the control domain,
 * if there is none, to the kernel's connection /dev/xen/xenbus. $XENSTORED_PATH
 * names one socket or device instead, wherever we are. -ENOENT/-ECONNREFUSED:
 * no store.
 */
int xs_open(struct xs **out);
int xs_open_path(const char *path, struct xs **out);
void xs_close(struct xs *xs);

/* *value is NUL-terminated beyond its *len_bytes (len may be NULL). */
int xs_read(struct xs *xs, uint32_t tx, const char *path, char **value,
            size_t *len_bytes);
/* The value as an unsigned number, 0x and decimal; -EINVAL if it is none. */
int xs_read_u64(struct xs *xs, uint32_t tx, const char *path, uint64_t *value);
/* Creates the node and its parents. */
int xs_write(struct xs *xs, uint32_t tx, const char *path, const void *value,
             size_t len_bytes);
int xs_write_str(struct xs *xs, uint32_t tx, const char *path,
                 const char *value);
int xs_writef(struct xs *xs, uint32_t tx, const char *path, const char *fmt,
              ...) __attribute__((format(printf, 4, 5)));
int xs_mkdir(struct xs *xs, uint32_t tx, const char *path);
/* Node and all below; -ENOENT only if the parent is missing too. */
int xs_rm(struct xs *xs, uint32_t tx, const char *path);
/*
 * Names of the children, in one block: free(*names) frees all. Large
 * directories are fetched in parts, consistently. Returns how many.
 */
int xs_directory(struct xs *xs, uint32_t tx, const char *path, char ***names);

/* Access letters: n none, r read, w write, b both. perms[0] is the owner with
 * the default for everybody else. */
struct xs_perm {
    uint32_t domid;
    char access;
};
/* Returns how many; *perms in one block. */
int xs_get_perms(struct xs *xs, uint32_t tx, const char *path,
                 struct xs_perm **perms);
int xs_set_perms(struct xs *xs, uint32_t tx, const char *path,
                 const struct xs_perm *perms, unsigned int nr);

/*
 * Watches. An event fires once at registration, then on each change of path
 * or below. xs_fd() is for poll(), but events may already be queued here:
 * drain with xs_next_event() until it returns 0 before sleeping.
 */
int xs_watch(struct xs *xs, const char *path, const char *token);
int xs_unwatch(struct xs *xs, const char *path, const char *token);
int xs_fd(const struct xs *xs);
struct xs_event {
    char *path;  /* where it changed; one block: free(path) */
    char *token; /* as given to xs_watch() */
};
/* 1 and an event, 0 if none is there now, -errno. Never blocks. */
int xs_next_event(struct xs *xs, struct xs_event *ev);
/* As above, but waits up to timeout_ms (-1: for ever). */
int xs_wait_event(struct xs *xs, struct xs_event *ev, int timeout_ms);

int xs_tx_start(struct xs *xs, uint32_t *tx);
/* commit: -EAGAIN when somebody changed what was read; start over then. */
int xs_tx_end(struct xs *xs, uint32_t tx, bool commit);
/*
 * Run fn in a transaction until it commits. fn's -errno aborts and is
 * returned; fn must be repeatable. -EAGAIN only after 100 lost races.
 */
int xs_transaction(struct xs *xs, int (*fn)(struct xs *, uint32_t tx, void *),
                   void *arg);

/* Domains: connect one's ring (mfn and port of its store page), drop, ... */
int xs_introduce(struct xs *xs, uint32_t domid, uint64_t mfn, uint32_t port);
int xs_release(struct xs *xs, uint32_t domid);
int xs_resume(struct xs *xs, uint32_t domid);
/* 1 or 0. */
int xs_is_introduced(struct xs *xs, uint32_t domid);
int xs_domain_path(struct xs *xs, uint32_t domid, char **path);
/* domid may act for target (a device model for its guest). */
int xs_set_target(struct xs *xs, uint32_t domid, uint32_t target);
/* A command to the daemon itself; words as argv. *answer is text. */
int xs_control(struct xs *xs, int argc, const char *const *argv, char **answer);

#endif
