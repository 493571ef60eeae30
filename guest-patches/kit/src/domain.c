/* SPDX-License-Identifier: MIT */
/*
 * Building a domain, step by step as a tool stack does it. Layout by pfn: the
 * image where it wants to be, then (one page each unless said otherwise)
 *
 *     p2m list (4) | start info | console ring | L4 | L3 | L2 | L1 (4)
 *
 * all mapped from KIT_VIRT_BASE up, the tables read-only.
 */
#include <kit/domain.h>

#include <kit/console.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/time.h>
#include <public/errno.h>

#define NR_L1     (DOMAIN_PAGES / 512)
#define NR_P2M    (DOMAIN_PAGES / 512)
#define NR_TABLES (3 + NR_L1)
#define WORK      5 /* windows that the builder uses */

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/* First pfns of what follows the image. */
struct layout {
    unsigned int p2m, start_info, console, tables;
};

long domctl(struct xen_domctl *op, uint32_t cmd, unsigned int id)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)id;
    return hcall1(__HYPERVISOR_domctl, addr(op));
}

struct xen_domctl_createdomain domain_defaults(void)
{
    struct xen_domctl_createdomain c;

    memset(&c, 0, sizeof(c));
    c.max_vcpus = 1;
    c.max_evtchn_port = 1023;
    c.max_grant_frames = 4;
    c.max_maptrack_frames = 4;
    c.grant_opts = 1;
    return c;
}

const void *domain_image(void)
{
    return start_info->mod_len ? (const void *)start_info->mod_start : NULL;
}

void *domain_map(const struct kit_domain *d, unsigned int pfn, unsigned int w)
{
    void *va = window(w);
    long rc =
        hcall4(__HYPERVISOR_update_va_mapping_otherdomain, addr(va),
               pte_make(d->mfn[pfn], KERNEL_RW), UVMF_INVLPG | UVMF_ALL, d->id);

    return rc ? NULL : va;
}

void domain_unmap(unsigned int w)
{
    map_page(window(w), 0);
}

/* --- memory --- */

static long populate(struct kit_domain *d)
{
    struct xen_memory_reservation r;
    long rc;

    memset(&r, 0, sizeof(r));
    for (unsigned int i = 0; i < DOMAIN_PAGES; i++)
        d->mfn[i] = i;
    HANDLE_SET(r.extent_start, d->mfn);
    r.nr_extents = DOMAIN_PAGES;
    r.domid = d->id;
    rc = hc_memory_op(XENMEM_populate_physmap, &r);
    return rc == DOMAIN_PAGES ? 0 : rc < 0 ? rc : -XEN_ENOMEM;
}

/* Copy bytes to the domain's pseudo-physical memory. */
static long put_bytes(const struct kit_domain *d, uint64_t paddr,
                      const void *from, size_t len)
{
    const char *src = from;

    while (len) {
        size_t at = paddr & ~PAGE_MASK;
        size_t n = len < PAGE_SIZE - at ? len : PAGE_SIZE - at;
        char *page = domain_map(d, (unsigned int)(paddr >> PAGE_SHIFT), WORK);

        if (!page)
            return -XEN_EFAULT;
        memcpy(page + at, src, n);
        paddr += n;
        src += n;
        len -= n;
    }
    domain_unmap(WORK);
    return 0;
}

/* Fresh frames may hold anything on other hypervisors: bss is zeroed too. */
static long load_segment(const struct kit_domain *d, const char *image,
                         const struct elf_segment *s)
{
    static const char zeroes[PAGE_SIZE];
    long rc = put_bytes(d, s->paddr, image + s->offset, s->filesz);

    for (uint64_t at = s->filesz; at < s->memsz && !rc;) {
        uint64_t n = s->memsz - at < PAGE_SIZE ? s->memsz - at : PAGE_SIZE;

        rc = put_bytes(d, s->paddr + at, zeroes, n);
        at += n;
    }
    return rc;
}

static long load_image(const struct kit_domain *d, const void *image,
                       struct layout *l, uint64_t *entry)
{
    const struct elf_header *h = image;
    const char *base = image;
    uint64_t end = 0;

    if (memcmp(h->ident, "\177ELF\2\1", 6))
        return -XEN_EINVAL;
    for (unsigned int i = 0; i < h->phnum; i++) {
        const struct elf_segment *s =
            (const void *)(base + h->phoff + i * h->phentsize);
        long rc;

        if (s->type != 1) /* PT_LOAD */
            continue;
        if (s->paddr + s->memsz > (DOMAIN_PAGES - 32) * PAGE_SIZE)
            return -XEN_ENOMEM;
        rc = load_segment(d, base, s);
        if (rc)
            return rc;
        if (s->paddr + s->memsz > end)
            end = s->paddr + s->memsz;
    }
    *entry = h->entry;
    l->p2m = (unsigned int)((end + PAGE_SIZE - 1) >> PAGE_SHIFT);
    l->start_info = l->p2m + NR_P2M;
    l->console = l->start_info + 1;
    l->tables = l->console + 1;
    return 0;
}

/* --- page tables --- */

static uint64_t entry_to(const struct kit_domain *d, unsigned int pfn)
{
    return pte_make(d->mfn[pfn], TABLE_FLAGS);
}

static long put_tables(const struct kit_domain *d, const struct layout *l)
{
    unsigned int l4 = l->tables, l3 = l4 + 1, l2 = l4 + 2, l1 = l4 + 3;
    static uint64_t page[512];
    long rc;

    memset(page, 0, sizeof(page));
    page[(KIT_VIRT_BASE >> 39) & 511] = entry_to(d, l3);
    rc = put_bytes(d, (uint64_t)l4 << PAGE_SHIFT, page, sizeof(page));
    memset(page, 0, sizeof(page));
    page[(KIT_VIRT_BASE >> 30) & 511] = entry_to(d, l2);
    rc = rc ?: put_bytes(d, (uint64_t)l3 << PAGE_SHIFT, page, sizeof(page));
    memset(page, 0, sizeof(page));
    for (unsigned int i = 0; i < NR_L1; i++)
        page[i] = entry_to(d, l1 + i);
    rc = rc ?: put_bytes(d, (uint64_t)l2 << PAGE_SHIFT, page, sizeof(page));
    for (unsigned int i = 0; i < NR_L1 && !rc; i++) {
        for (unsigned int n = 0; n < 512; n++) {
            unsigned int pfn = i * 512 + n;
            bool table = pfn >= l4 && pfn < l4 + NR_TABLES;

            page[n] = pte_make(d->mfn[pfn], table ? KERNEL_RO : KERNEL_RW);
        }
        rc = put_bytes(d, (uint64_t)(l1 + i) << PAGE_SHIFT, page, sizeof(page));
    }
    return rc;
}

/* --- what the kernel is told --- */

static long console_port(const struct kit_domain *d)
{
    struct evtchn_alloc_unbound op = {.dom = d->id, .remote_dom = DOMID_SELF};
    long rc = hc_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    return rc ? rc : (long)op.port;
}

static long shared_info_frame(const struct kit_domain *d, uint64_t *mfn)
{
    static struct xen_domctl op;
    long rc = domctl(&op, XEN_DOMCTL_getdomaininfo, d->id);

    *mfn = op.u.getdomaininfo.shared_info_frame;
    return rc;
}

static long put_start_info(const struct kit_domain *d, const struct layout *l,
                           const char *cmdline)
{
    static struct start_info si;
    uint64_t frame = 0;
    long rc = shared_info_frame(d, &frame), port = console_port(d);

    if (rc || port < 0)
        return rc ? rc : port;
    memset(&si, 0, sizeof(si));
    memcpy(si.magic, "xen-3.0-x86_64", 15);
    si.nr_pages = DOMAIN_PAGES;
    si.shared_info = frame << PAGE_SHIFT;
    si.console.domU.mfn = d->mfn[l->console];
    si.console.domU.evtchn = (uint32_t)port;
    si.pt_base = addr(pfn_to_virt(l->tables));
    si.nr_pt_frames = NR_TABLES;
    si.mfn_list = addr(pfn_to_virt(l->p2m));
    format_to((char *)si.cmd_line, sizeof(si.cmd_line), "%s", cmdline);
    return put_bytes(d, (uint64_t)l->start_info << PAGE_SHIFT, &si, sizeof(si));
}

static long set_context(const struct kit_domain *d, const struct layout *l,
                        uint64_t entry)
{
    static struct vcpu_guest_context c;
    static struct xen_domctl op;

    memset(&c, 0, sizeof(c));
    memset(&op, 0, sizeof(op));
    c.flags = VGCF_IN_KERNEL | VGCF_online;
    c.user_regs.rip = entry;
    c.user_regs.rsi = addr(pfn_to_virt(l->start_info));
    c.user_regs.cs = FLAT_KERNEL_CS;
    c.user_regs.ss = FLAT_KERNEL_SS;
    c.user_regs.rflags = 0x200;
    c.kernel_ss = FLAT_KERNEL_SS;
    c.ctrlreg[3] = d->mfn[l->tables] << PAGE_SHIFT;
    HANDLE_SET(op.u.vcpucontext.ctxt, &c);
    return domctl(&op, XEN_DOMCTL_setvcpucontext, d->id);
}

/* --- the steps --- */

static long configure(const struct kit_domain *d, unsigned int vcpus)
{
    static struct xen_domctl op;
    long rc;

    memset(&op, 0, sizeof(op));
    op.u.max_vcpus.max = vcpus;
    rc = domctl(&op, XEN_DOMCTL_max_vcpus, d->id);
    op.u.max_mem.max_memkb = (DOMAIN_PAGES + 256) * 4;
    rc = rc ?: domctl(&op, XEN_DOMCTL_max_mem, d->id);
    op.u.address_size.size = 64;
    return rc ?: domctl(&op, XEN_DOMCTL_set_address_size, d->id);
}

static long fill(struct kit_domain *d, const void *image, const char *cmdline)
{
    struct layout l = {0};
    uint64_t entry = 0;
    long rc = populate(d);

    rc = rc ?: load_image(d, image, &l, &entry);
    rc = rc
             ?: put_bytes(d, (uint64_t)l.p2m << PAGE_SHIFT, d->mfn,
                          sizeof(d->mfn));
    rc = rc ?: put_tables(d, &l);
    rc = rc ?: put_start_info(d, &l, cmdline);
    rc = rc ?: set_context(d, &l, entry);
    d->console_pfn = l.console;
    return rc;
}

long domain_build(struct kit_domain *d, const void *image, const char *cmdline,
                  const struct xen_domctl_createdomain *cfg)
{
    static struct xen_domctl op;
    long rc;

    memset(&op, 0, sizeof(op));
    memset(d, 0, sizeof(*d));
    op.u.createdomain = cfg ? *cfg : domain_defaults();
    rc = domctl(&op, XEN_DOMCTL_createdomain, 0);
    if (rc) {
        printk("domain_build: create: %ld\n", rc);
        return rc;
    }
    d->id = op.domain;
    rc = configure(d, cfg ? cfg->max_vcpus : 1);
    if (rc)
        printk("domain_build: configure: %ld\n", rc);
    rc = rc ?: fill(d, image, cmdline);
    if (rc) {
        printk("domain_build: fill: %ld\n", rc);
        domain_destroy(d);
    }
    return rc;
}

long domain_unpause(const struct kit_domain *d)
{
    static struct xen_domctl op;

    return domctl(&op, XEN_DOMCTL_unpausedomain, d->id);
}

long domain_destroy(struct kit_domain *d)
{
    static struct xen_domctl op;

    domain_unmap(WORK);
    return domctl(&op, XEN_DOMCTL_destroydomain, d->id);
}

uint32_t domain_flags(const struct kit_domain *d)
{
    static struct xen_domctl op;

    if (domctl(&op, XEN_DOMCTL_getdomaininfo, d->id) || op.domain != d->id)
        return 0;
    return op.u.getdomaininfo.flags;
}
