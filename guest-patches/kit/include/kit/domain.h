/* SPDX-License-Identifier: MIT */
/*
 * Another domain, made by a kit kernel that is the control domain: from an
 * image (a kit kernel too) that came as a boot module, in milliseconds. Its
 * console ring is read by polling; nothing else of a tool stack is there.
 */
#ifndef KIT_DOMAIN_H
#define KIT_DOMAIN_H

#include <kit/types.h>
#include <public/domctl.h>
#include <public/xen.h>

#define DOMAIN_PAGES 2048U /* 8 MiB: a kit kernel with its pool */

struct kit_domain {
    domid_t id;
    uint64_t mfn[DOMAIN_PAGES]; /* by pfn */
    unsigned int console_pfn;   /* of its console ring */
    uint32_t console_cons;      /* how far it was read */
    char line[160];             /* of its output, not yet complete */
    unsigned int len;
};

/* A domctl on domain `id`: cmd and the version are filled in. */
long domctl(struct xen_domctl *op, uint32_t cmd, unsigned int id);

/* What most guests are created with: one vcpu, grants, event channels. */
struct xen_domctl_createdomain domain_defaults(void);

/*
 * Create a domain and load the image into it; it is paused. With `cfg` NULL
 * the defaults. Image: an ELF file in memory whose entry is given the start
 * info. 0 or the error of the hypercall that failed (which is logged); nothing
 * is left then.
 */
long domain_build(struct kit_domain *d, const void *image, const char *cmdline,
                  const struct xen_domctl_createdomain *cfg);

/* The image of boot module 1 (the first one after the kernel itself). */
const void *domain_image(void);

long domain_unpause(const struct kit_domain *d);
long domain_destroy(struct kit_domain *d);

/* XEN_DOMINF_* of the domain, 0 if it is gone. */
uint32_t domain_flags(const struct kit_domain *d);

/* Map one of its frames at a window (kit/mm.h); NULL if refused. */
void *domain_map(const struct kit_domain *d, unsigned int pfn,
                 unsigned int window);
void domain_unmap(unsigned int window);

/*
 * Let it run until it shuts down, passing its TEST lines on with `label:`
 * before the names, and add its passed and failed tests. A domain that says
 * nothing for `seconds`, crashes or never says RESULT counts as one failed
 * test.
 */
void domain_run_tests(struct kit_domain *d, const char *label,
                      unsigned int seconds, unsigned int *passed,
                      unsigned int *failed);

#endif
