/* SPDX-License-Identifier: MIT */
/*
 * The PV builder: a list of steps, each filling one part of the guest. The
 * arithmetic is pv_layout's, the file reading kernel's.
 */
#include "libs/image/pv_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <public/xen.h>

#include <public/elfnote.h>
#include <public/grant_table.h>

#include "libs/image/guest_mem.h"
#include "libs/sys/domctl.h"
#include "libs/sys/foreign.h"
#include "libs/sys/memory.h"
#include "libs/sys/mmu.h"

#define GUEST_CODE64  0xe033u
#define GUEST_DATA    0xe02bu
#define RFLAGS_IF     0x200u
#define LEGACY_VCPUS  32u
#define DAEMON_DOMID  0u
#define GREF_CONSOLE  0u
#define GREF_XENSTORE 1u
#define START_MAGIC   "xen-3.0-x86_64"

struct build {
    const struct pv_build_in *in;
    const struct pv_image *image;
    const struct pv_layout *layout; /* image's */
    const struct pv_notes *notes;   /* image's */
    struct sys *sys;
    struct guest_mem mem;
    uint64_t shared_info_mfn;
};

static int build_kernel(struct build *b, struct errmsg *err)
{
    const struct elf_image *elf = &b->image->kernel.elf;
    int rc = 0;

    for (unsigned int i = 0; i < elf->nr_loads && !rc; i++) {
        const struct elf_load *load = &elf->loads[i];

        rc = guest_mem_write(&b->mem, 0, load->paddr - b->notes->paddr_offset,
                             load->data, load->memsz, err);
    }
    return rc;
}

static int build_initrd(struct build *b, struct errmsg *err)
{
    return guest_mem_write(&b->mem, b->layout->initrd.pfn, 0, b->image->initrd,
                           b->image->initrd.len, err);
}

static int build_p2m(struct build *b, struct errmsg *err)
{
    struct bytes p2m = {(const uint8_t *)b->mem.p2m,
                        b->mem.nr_pages * sizeof(*b->mem.p2m)};
    uint64_t room = b->layout->p2m.nr_pages * PV_PAGE_SIZE;
    int rc = guest_mem_write(&b->mem, b->layout->p2m.pfn, 0, p2m, p2m.len, err);
    uint8_t unused[PV_PAGE_SIZE];

    /* The tail of the last page names no frames. */
    memset(unused, 0xff, sizeof(unused));
    if (!rc && room > p2m.len)
        rc = guest_mem_write(&b->mem, b->layout->p2m.pfn, p2m.len,
                             (struct bytes){unused, room - p2m.len},
                             room - p2m.len, err);
    return rc;
}

static int build_tables(struct build *b, struct errmsg *err)
{
    const struct pv_layout *l = b->layout;
    uint64_t nr = l->tables.nr_pages + l->p2m_tables.nr_pages;
    uint64_t *pages = malloc(nr * PV_PAGE_SIZE);
    uint64_t *p2m_pages;
    struct bytes all, rest;
    int rc;

    if (!pages)
        return err_set(err, -ENOMEM, "no memory for page tables");
    p2m_pages = pages + l->tables.nr_pages * (PV_PAGE_SIZE / sizeof(*pages));
    pv_layout_tables(l, b->mem.p2m, pages, p2m_pages);
    all = (struct bytes){(uint8_t *)pages, l->tables.nr_pages * PV_PAGE_SIZE};
    rest = (struct bytes){(uint8_t *)p2m_pages,
                          l->p2m_tables.nr_pages * PV_PAGE_SIZE};
    rc = guest_mem_write(&b->mem, l->tables.pfn, 0, all, all.len, err);
    if (!rc && rest.len)
        rc =
            guest_mem_write(&b->mem, l->p2m_tables.pfn, 0, rest, rest.len, err);
    free(pages);
    return rc;
}

static void fill_start_info(const struct build *b, struct start_info *si)
{
    const struct pv_layout *l = b->layout;

    snprintf(si->magic, sizeof(si->magic), "%s", START_MAGIC);
    si->nr_pages = l->nr_pages;
    si->shared_info = b->shared_info_mfn * PV_PAGE_SIZE;
    si->store_mfn = b->mem.p2m[l->xenstore.pfn];
    si->store_evtchn = b->in->store_port;
    si->console.domU.mfn = b->mem.p2m[l->console.pfn];
    si->console.domU.evtchn = b->in->console_port;
    si->pt_base = l->tables.va;
    si->nr_pt_frames = l->tables.nr_pages;
    si->mfn_list = l->p2m.va;
    if (l->p2m_map.nr_pages) {
        si->first_p2m_pfn = l->p2m.pfn;
        si->nr_p2m_frames = l->p2m.nr_pages + l->p2m_tables.nr_pages;
    }
    if (l->initrd_len) {
        si->mod_start = l->initrd_by_pfn ? l->initrd.pfn : l->initrd.va;
        si->mod_len = l->initrd_len;
        si->flags |= l->initrd_by_pfn ? SIF_MOD_START_PFN : 0;
    }
    snprintf((char *)si->cmd_line, sizeof(si->cmd_line), "%s", b->in->cmdline);
}

/* start_info, and zeros for both rings and the stack. */
static int build_pages(struct build *b, struct errmsg *err)
{
    const struct pv_layout *l = b->layout;
    struct start_info si = {0};
    struct bytes page = {(const uint8_t *)&si, sizeof(si)}, none = {page.p, 0};
    int rc;

    fill_start_info(b, &si);
    rc =
        guest_mem_write(&b->mem, l->start_info.pfn, 0, page, PV_PAGE_SIZE, err);
    if (!rc)
        rc = guest_mem_write(&b->mem, l->xenstore.pfn, 0, none, PV_PAGE_SIZE,
                             err);
    if (!rc)
        rc = guest_mem_write(&b->mem, l->console.pfn, 0, none, PV_PAGE_SIZE,
                             err);
    if (!rc)
        rc = guest_mem_write(&b->mem, l->stack.pfn, 0, none, PV_PAGE_SIZE, err);
    return rc;
}

static int build_hypercall_page(struct build *b, struct errmsg *err)
{
    const struct pv_notes *n = b->notes;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_hypercall_init,
                            .domain = (domid_t)b->in->domid};
    int rc;

    if (!pv_note_has(n, XEN_ELFNOTE_HYPERCALL_PAGE))
        return 0;
    op.u.hypercall_init.gmfn =
        b->mem.p2m[(n->hypercall_page - n->virt_base) / PV_PAGE_SIZE];
    rc = sys_domctl(b->sys, &op);
    return rc ? err_set(err, rc, "cannot set up the hypercall page: %s",
                        strerror(-rc))
              : 0;
}

/* From here on the tables are validated and read-only for everybody. */
static int build_pin(struct build *b, struct errmsg *err)
{
    int rc =
        sys_pin_l4(b->sys, b->in->domid, b->mem.p2m[b->layout->tables.pfn]);

    return rc ? err_set(err, rc,
                        "the hypervisor refuses the initial page "
                        "tables: %s",
                        strerror(-rc))
              : 0;
}

static int build_shared_info(struct build *b, struct errmsg *err)
{
    xen_pfn_t mfn = b->shared_info_mfn;
    struct shared_info *si;
    void *map;
    int rc = sys_foreign_map(b->sys, b->in->domid, PROT_READ | PROT_WRITE, &mfn,
                             1, NULL, &map);

    if (rc)
        return err_set(err, rc, "cannot map the shared info page: %s",
                       strerror(-rc));
    memset(map, 0, PV_PAGE_SIZE);
    si = map;
    for (unsigned int i = 0; i < LEGACY_VCPUS; i++)
        si->vcpu_info[i].evtchn_upcall_mask = 1;
    return sys_foreign_unmap(map, 1);
}

static int build_vcpu(struct build *b, struct errmsg *err)
{
    const struct pv_layout *l = b->layout;
    struct vcpu_guest_context c = {0};
    int rc;

    c.flags = VGCF_in_kernel | VGCF_online;
    c.user_regs.rip = b->notes->entry;
    c.user_regs.rsp = l->stack.va + PV_PAGE_SIZE;
    c.user_regs.rsi = l->start_info.va;
    c.user_regs.cs = GUEST_CODE64;
    c.user_regs.ss = GUEST_DATA;
    c.user_regs.rflags = RFLAGS_IF;
    c.kernel_ss = GUEST_DATA;
    c.kernel_sp = c.user_regs.rsp;
    c.ctrlreg[3] = b->mem.p2m[l->tables.pfn] * PV_PAGE_SIZE;
    rc = sys_vcpu_set_context(b->sys, b->in->domid, 0, &c);
    return rc ? err_set(err, rc,
                        "the hypervisor refuses the first vcpu's "
                        "registers: %s",
                        strerror(-rc))
              : 0;
}

/* For a hypervisor without acquire_resource: ask for the frame, map that. */
static int map_grant_frame(struct build *b, void **map)
{
    struct gnttab_setup_table op = {.dom = (domid_t)b->in->domid,
                                    .nr_frames = 1};
    xen_pfn_t *frame = sys_buf_alloc(b->sys, sizeof(*frame));
    long rc;

    if (!frame)
        return -ENOMEM;
    op.frame_list.p = frame;
    rc = sys_hypercall_arg(b->sys, __HYPERVISOR_grant_table_op,
                           GNTTABOP_setup_table, &op, sizeof(op));
    if (!rc && op.status != GNTST_okay)
        rc = -EIO;
    if (!rc)
        rc = sys_foreign_map(b->sys, b->in->domid, PROT_READ | PROT_WRITE,
                             frame, 1, NULL, map);
    sys_buf_free(b->sys, frame, sizeof(*frame));
    return (int)rc;
}

/* Let the daemons' domain map the two rings by their reserved references. */
static int build_grants(struct build *b, struct errmsg *err)
{
    const uint64_t frames[] = {
        [GREF_CONSOLE] = b->mem.p2m[b->layout->console.pfn],
        [GREF_XENSTORE] = b->mem.p2m[b->layout->xenstore.pfn],
    };
    struct grant_entry_v1 *table;
    void *map;
    int rc = sys_resource_map(b->sys, b->in->domid, XENMEM_resource_grant_table,
                              XENMEM_resource_grant_table_id_shared, 0, 1,
                              PROT_READ | PROT_WRITE, &map);

    if (rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -ENOTTY)
        rc = map_grant_frame(b, &map);
    if (rc)
        return err_set(err, rc, "cannot map the guest's grant table: %s",
                       strerror(-rc));
    table = map;
    for (unsigned int i = 0; i < 2; i++) {
        table[i].frame = (uint32_t)frames[i];
        table[i].domid = DAEMON_DOMID;
        table[i].flags = GTF_permit_access;
    }
    return sys_foreign_unmap(map, 1);
}

static int build_memory_map(struct build *b, struct errmsg *err)
{
    struct sys_e820 map = {0, b->in->max_pages * PV_PAGE_SIZE, SYS_E820_RAM};
    int rc = sys_set_memory_map(b->sys, b->in->domid, &map, 1);

    return rc ? err_set(err, rc, "cannot set the memory map: %s", strerror(-rc))
              : 0;
}

static int build_find_shared_info(struct build *b, struct errmsg *err)
{
    struct xen_domctl_getdomaininfo info;
    int rc = sys_domain_info(b->sys, b->in->domid, &info);

    if (rc)
        return err_set(err, rc, "cannot ask for domain %u: %s", b->in->domid,
                       strerror(-rc));
    b->shared_info_mfn = info.shared_info_frame;
    return 0;
}

static int build_steps(struct build *b, struct errmsg *err)
{
    static int (*const steps[])(struct build *, struct errmsg *) = {
        build_memory_map,
        build_find_shared_info,
        build_kernel,
        build_initrd,
        build_p2m,
        build_tables,
        build_pages,
        build_pin,
        build_hypercall_page,
        build_shared_info,
        build_vcpu,
        build_grants,
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !rc; i++)
        rc = steps[i](b, err);
    return rc;
}

int pv_image_open(struct pv_image *image, struct bytes kernel,
                  struct bytes initrd, uint64_t nr_pages, struct errmsg *err)
{
    int rc = kernel_open(kernel, &image->kernel, err);

    if (rc)
        return rc;
    image->initrd = initrd;
    rc = pv_layout_plan(&image->kernel, nr_pages, initrd.len, &image->layout,
                        err);
    if (rc)
        pv_image_close(image);
    return rc;
}

void pv_image_close(struct pv_image *image)
{
    kernel_close(&image->kernel);
}

int pv_build(struct sys *sys, const struct pv_image *image,
             const struct pv_build_in *in, struct pv_build_out *out,
             struct errmsg *err)
{
    struct build b = {.in = in,
                      .image = image,
                      .layout = &image->layout,
                      .notes = &image->kernel.notes,
                      .sys = sys};
    int rc =
        guest_mem_populate(&b.mem, sys, in->domid, image->layout.nr_pages, err);

    if (rc)
        return rc;
    rc = build_steps(&b, err);
    out->store_mfn = b.mem.p2m[image->layout.xenstore.pfn];
    out->console_mfn = b.mem.p2m[image->layout.console.pfn];
    guest_mem_free(&b.mem);
    return rc;
}
