/* SPDX-License-Identifier: MIT */
/* Who may do what with a node. */
#ifndef XENSTORED_ACCESS_H
#define XENSTORED_ACCESS_H

#include "account.h"
#include "node.h"

/* On whose behalf: a domain, perhaps also acting for a target. */
struct actor {
    uint32_t domid;
    uint32_t target; /* or NO_TARGET */
    bool privileged;
};
#define NO_TARGET UINT32_MAX

#define ACCESS_READ  1U
#define ACCESS_WRITE 2U
#define ACCESS_OWNER 4U

/* What actor may do with a node of these permissions, set at perms_gen. */
unsigned int access_of(const struct accounts *as, const struct actor *actor,
                       const struct perms *perms, uint64_t perms_gen);

#endif
