/* SPDX-License-Identifier: MIT */
/*
 * domctl gdbsx_guestmemio: a debugger in the control domain reads and writes
 * a guest's memory by the addresses of the guest's kernel. The tables that are
 * walked may change at the same time: each frame is held as the domain's
 * before it is touched, and written only if it may be mapped writable.
 */
#include <asm/pv/vcpu_state.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <public/domctl.h>

#include <asm/pv/mm.h>
#include <asm/pv/ptype.h>

#define MAX_LEN (1U << 20) /* done in one go */

static struct page_info *hold(struct domain *d, uint64_t gva, bool write)
{
    const struct vcpu *v = domain_vcpu(d, 0);
    struct page_info *pg;
    struct pt_walk w;
    mfn_t m;

    if (!v || !pt_walk(READ_ONCE(v->arch.kernel_l4), gva, &w) || w.level != 1 ||
        !(w.entry & PTE_P))
        return NULL;
    m = pte_mfn(w.entry);
    if (!mfn_is_ram(m))
        return NULL;
    pg = mfn_to_page(m);
    if (write)
        return page_get_and_type(pg, d, PGT_WRITABLE) ? NULL : pg;
    return page_get(pg, d) ? pg : NULL;
}

/* Within one page. */
static bool copy_piece(struct domain *d, uint64_t gva, guest_va_t uva, size_t n,
                       bool write)
{
    struct page_info *pg = hold(d, gva, write);
    char *at;
    int rc;

    if (!pg)
        return false;
    at = (char *)page_to_virt(pg) + (gva & ~PAGE_MASK);
    if (write) {
        rc = copy_from_guest_va(at, uva, n);
        page_put_and_type(pg);
    } else {
        rc = copy_to_guest_va(uva, at, n);
        page_put(pg);
    }
    return !rc;
}

long domctl_gdbsx_guestmemio(struct xen_domctl *op, struct domain *d)
{
    struct xen_domctl_gdbsx_memio *io = &op->u.gdbsx_guest_memio;
    uint32_t len = min_t(uint32_t, io->len, MAX_LEN), done = 0;

    if (d == current->domain || io->pgd3val)
        return -EINVAL;
    while (done < len) {
        uint64_t gva = io->gva + done;
        size_t n = min_t(size_t, len - done, PAGE_SIZE - (gva & ~PAGE_MASK));

        if (!copy_piece(d, gva, io->uva + done, n, io->gwr))
            break;
        done += (uint32_t)n;
    }
    io->remain = io->len - done;
    return 0;
}
