/* SPDX-License-Identifier: MIT */
/*
 * A guest's kernel as the builder in dom0 reads it: a tenant's file, opened by
 * root.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libs/image/kernel.h"
#include "libs/image/pv_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_PAGES 4096ul /* of the guest that is laid out */

static void check(int ok)
{
    if (!ok)
        abort();
}

static bool inside(const struct pv_region *r, uint64_t nr)
{
    return r->pfn <= nr && r->nr_pages <= nr - r->pfn;
}

static void lay_out(const struct kernel *k)
{
    static uint64_t p2m[NR_PAGES];
    struct pv_layout l;
    struct errmsg err;
    uint64_t *tables, *p2m_tables;

    if (pv_layout_plan(k, NR_PAGES, 5000, &l, &err))
        return;
    check(inside(&l.kernel, NR_PAGES) && inside(&l.initrd, NR_PAGES) &&
          inside(&l.p2m, NR_PAGES) && inside(&l.tables, NR_PAGES) &&
          inside(&l.p2m_tables, NR_PAGES) && inside(&l.stack, NR_PAGES));
    tables = calloc(l.tables.nr_pages, PV_PAGE_SIZE);
    p2m_tables = calloc(l.p2m_tables.nr_pages + 1, PV_PAGE_SIZE);
    check(tables && p2m_tables);
    for (uint64_t i = 0; i < NR_PAGES; i++)
        p2m[i] = 1000 + i;
    pv_layout_tables(&l, p2m, tables, p2m_tables);
    free(tables);
    free(p2m_tables);
}

static void use(const struct kernel *k)
{
    volatile uint8_t sum = 0;

    for (unsigned int i = 0; i < k->elf.nr_loads; i++) {
        const struct elf_load *l = &k->elf.loads[i];

        check(l->data.len <= l->memsz && l->paddr >= k->elf.pstart &&
              l->memsz <= k->elf.pend - l->paddr);
        for (size_t n = 0; n < l->data.len; n++)
            sum = (uint8_t)(sum + l->data.p[n]);
    }
    lay_out(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(size ? size : 1);
    struct kernel k;
    struct errmsg err;

    check(file != NULL);
    memcpy(file, data, size);
    if (kernel_open((struct bytes){file, size}, &k, &err) == 0) {
        use(&k);
        kernel_close(&k);
    }
    free(file);
    return 0;
}
