/* SPDX-License-Identifier: MIT */
/*
 * The table of domains and the memory of their structs; for core/domain.c.
 */
#ifndef CORE_DOMAIN_TABLE_H
#define CORE_DOMAIN_TABLE_H

#include <public/xen.h>

struct domain;

struct domain *domain_struct_alloc(void);
void domain_struct_free(struct domain *d);
/* Enter d under the wanted id, or the next free one if that is reserved.
 * -EEXIST, -ENFILE, -ENOMEM. */
int domain_table_insert(struct domain *d, domid_t wanted);
void domain_table_remove(struct domain *d);

#endif
