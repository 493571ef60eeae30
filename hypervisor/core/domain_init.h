/* SPDX-License-Identifier: MIT */
/*
 * Between the files that make and end domains.
 */
#ifndef CORE_DOMAIN_INIT_H
#define CORE_DOMAIN_INIT_H

struct domain;

void domain_shared_info_free(struct domain *d);
/* All memory of d itself, its vcpus and tables: no reference is left. */
void domain_memory_free(struct domain *d);

#endif
