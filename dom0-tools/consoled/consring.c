/* SPDX-License-Identifier: MIT */
/* The console's ring page, dom0's side of it: see consring.h. */
#include "consring.h"

#include <string.h>

#define OUT_SIZE ((uint32_t)sizeof(((struct xencons_interface *)0)->out))
#define IN_SIZE  ((uint32_t)sizeof(((struct xencons_interface *)0)->in))

void consring_start(struct consring *r, struct xencons_interface *page)
{
    r->page = page;
    r->out_cons = __atomic_load_n(&page->out_cons, __ATOMIC_RELAXED);
    r->in_prod = __atomic_load_n(&page->in_prod, __ATOMIC_RELAXED);
}

size_t consring_read(struct consring *r, char *buf, size_t len, bool *nonsense)
{
    /* Pairs with the guest's release of out_prod: text, then index. */
    uint32_t prod = __atomic_load_n(&r->page->out_prod, __ATOMIC_ACQUIRE);
    uint32_t avail = prod - r->out_cons;
    uint32_t at = r->out_cons & (OUT_SIZE - 1);
    size_t first;

    *nonsense = avail > OUT_SIZE;
    if (*nonsense) {
        r->out_cons = prod;
        __atomic_store_n(&r->page->out_cons, prod, __ATOMIC_RELEASE);
        return 0;
    }
    if (len > avail)
        len = avail;
    first = OUT_SIZE - at < len ? OUT_SIZE - at : len;
    memcpy(buf, r->page->out + at, first);
    memcpy(buf + first, r->page->out, len - first);
    r->out_cons += (uint32_t)len;
    __atomic_store_n(&r->page->out_cons, r->out_cons, __ATOMIC_RELEASE);
    return len;
}

bool consring_has_output(const struct consring *r)
{
    return __atomic_load_n(&r->page->out_prod, __ATOMIC_RELAXED) != r->out_cons;
}

size_t consring_write(struct consring *r, const char *buf, size_t len)
{
    /* Pairs with the guest's release of in_cons: it has read, then freed. */
    uint32_t cons = __atomic_load_n(&r->page->in_cons, __ATOMIC_ACQUIRE);
    uint32_t used = r->in_prod - cons;
    uint32_t at = r->in_prod & (IN_SIZE - 1);
    size_t first;

    /* A guest that says nonsense gets no input until it stops. */
    if (used > IN_SIZE)
        return 0;
    if (len > IN_SIZE - used)
        len = IN_SIZE - used;
    first = IN_SIZE - at < len ? IN_SIZE - at : len;
    memcpy(r->page->in + at, buf, first);
    memcpy(r->page->in, buf + first, len - first);
    r->in_prod += (uint32_t)len;
    __atomic_store_n(&r->page->in_prod, r->in_prod, __ATOMIC_RELEASE);
    return len;
}
