/* SPDX-License-Identifier: MIT */
/*
 * The console's ring page, dom0's side of it. The guest may write anything
 * into the page at any time. Our own two indices live here and are only ever
 * written to the page; the guest's two are read once and checked.
 */
#ifndef CONSOLED_CONSRING_H
#define CONSOLED_CONSRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <public/io/console.h>

struct consring {
    struct xencons_interface *page;
    uint32_t out_cons; /* guest's output: how far we have read */
    uint32_t in_prod;  /* guest's input: how far we have written */
};

/* Go on where the page says dom0's side stood. */
void consring_start(struct consring *r, struct xencons_interface *page);

/*
 * Take up to len bytes the guest printed; returns how many. *nonsense: its
 * index could not be right, and what it may have meant was skipped.
 */
size_t consring_read(struct consring *r, char *buf, size_t len, bool *nonsense);
/* The guest printed since. */
bool consring_has_output(const struct consring *r);
/* Type up to len bytes; returns how many had room. */
size_t consring_write(struct consring *r, const char *buf, size_t len);

#endif
