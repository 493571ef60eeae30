/* SPDX-License-Identifier: MIT */
/* The daemon's state as a whole: beginning and end. */
#include "store.h"

#include <errno.h>
#include <string.h>

#include "conn.h"

static const char *const special_names[NR_SPECIALS] = {
    [SPECIAL_INTRODUCE] = "@introduceDomain",
    [SPECIAL_RELEASE] = "@releaseDomain",
};

const char *store_special_name(enum special which)
{
    return special_names[which];
}

struct special_node *store_special(struct store *st, const char *name)
{
    for (int i = 0; i < NR_SPECIALS; i++) {
        if (strcmp(name, special_names[i]) == 0)
            return &st->special[i];
    }
    return NULL;
}

/* Nobody but dom0, unless it says otherwise. */
static struct perms *closed(void)
{
    const struct xs_perm dom0_only = {.domid = 0, .access = 'n'};

    return perms_new(&dom0_only, 1);
}

/* dom0 owns the root. */
static int open_dom0(struct store *st)
{
    struct account *a = account_open(&st->accounts, 0, st->gen - 1);

    if (a == NULL)
        return -ENOMEM;
    a->nodes = 1;
    a->bytes = node_charge(st->root);
    return 0;
}

int store_init(struct store *st)
{
    memset(st, 0, sizeof(*st));
    st->gen = 1;
    st->ready_last = &st->ready;
    quotas_default(&st->quotas);
    for (int i = 0; i < NR_SPECIALS; i++) {
        st->special[i].perms = closed();
        if (st->special[i].perms == NULL)
            return -ENOMEM;
    }
    st->root = node_new("", 0, closed(), st->gen);
    if (st->root == NULL || accounts_init(&st->accounts) != 0 ||
        open_dom0(st) != 0)
        return -ENOMEM;
    return watches_init(&st->watches);
}

void store_free(struct store *st)
{
    node_put(st->root);
    for (int i = 0; i < NR_SPECIALS; i++)
        perms_put(st->special[i].perms);
    accounts_free(&st->accounts);
    watches_free(&st->watches);
}
