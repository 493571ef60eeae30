/* SPDX-License-Identifier: MIT */
/* Who may do what with a node: see access.h. */
#include "access.h"

static unsigned int letter_bits(char access)
{
    switch (access) {
    case 'r':
        return ACCESS_READ;
    case 'w':
        return ACCESS_WRITE;
    case 'b':
        return ACCESS_READ | ACCESS_WRITE;
    default:
        return 0;
    }
}

/* An entry counts only if it was made for the present bearer of the id. */
static bool is_for(const struct accounts *as, uint32_t domid,
                   const struct xs_perm *e, uint64_t perms_gen)
{
    const struct account *a;

    if (e->domid != domid)
        return false;
    a = account_find(as, domid);
    return a != NULL && perms_gen > a->since_gen;
}

static unsigned int one_domain(const struct accounts *as, uint32_t domid,
                               const struct perms *perms, uint64_t perms_gen)
{
    if (is_for(as, domid, &perms->e[0], perms_gen))
        return ACCESS_READ | ACCESS_WRITE | ACCESS_OWNER;
    for (uint32_t i = 1; i < perms->nr; i++) {
        if (is_for(as, domid, &perms->e[i], perms_gen))
            return letter_bits(perms->e[i].access);
    }
    return letter_bits(perms->e[0].access);
}

unsigned int access_of(const struct accounts *as, const struct actor *actor,
                       const struct perms *perms, uint64_t perms_gen)
{
    unsigned int bits;

    if (actor->privileged)
        return ACCESS_READ | ACCESS_WRITE | ACCESS_OWNER;
    bits = one_domain(as, actor->domid, perms, perms_gen);
    if (actor->target != NO_TARGET)
        bits |= one_domain(as, actor->target, perms, perms_gen);
    return bits;
}
