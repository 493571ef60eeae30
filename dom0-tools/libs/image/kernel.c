/* SPDX-License-Identifier: MIT */
/*
 * Kernel reader: envelope, packing, ELF, notes, then the checks that need more
 * than one of them.
 */
#include "libs/image/kernel.h"

#include <errno.h>
#include <stdlib.h>

#include <public/xen.h>

#include <public/elfnote.h>

#include "libs/image/bzimage.h"

#define PAGE_MASK_4K 0xfffull
/* Canonical addresses, less the slots that belong to the hypervisor. */
#define LOW_HALF_END    0x0000800000000000ull
#define GUEST_HIGH_HALF 0xffff880000000000ull

static bool range_is_guest(uint64_t va, uint64_t len)
{
    uint64_t last = va + len - 1;

    return last >= va && (last < LOW_HALF_END || va >= GUEST_HIGH_HALF);
}

static int kernel_unpack(struct bytes payload, enum packing packing,
                         uint32_t len, struct kernel *k, struct errmsg *err)
{
    int rc;

    if (len > ELF_SPAN_MAX || len == 0)
        return err_set(err, -EFBIG,
                       "payload claims to unpack to %u MiB; damaged, or over "
                       "the limit of %llu MiB",
                       len >> 20, ELF_SPAN_MAX >> 20);
    k->unpacked = malloc(len);
    if (!k->unpacked)
        return err_set(err, -ENOMEM, "no memory to unpack %u MiB", len >> 20);
    rc = unpack(packing, payload, k->unpacked, len, err);
    if (rc)
        return rc;
    rc = elf_parse((struct bytes){k->unpacked, len}, &k->elf, err);
    return rc ? err_wrap(err, rc, "what is in the %s payload",
                         packing_name(packing))
              : 0;
}

/* A gzip stream ends in its unpacked size, so a bare .gz can be read too. */
static int kernel_read_packed(struct bytes file, struct kernel *k,
                              struct errmsg *err)
{
    uint32_t len = 0;

    if (k->packing != PACKING_GZIP)
        return err_set(err, -EOPNOTSUPP,
                       "a bare %s stream; give the bzImage or the unpacked ELF",
                       packing_name(k->packing));
    bytes_get(file, file.len - sizeof(len), &len, sizeof(len));
    return kernel_unpack(file, k->packing, len, k, err);
}

static int kernel_read(struct bytes file, struct kernel *k, struct errmsg *err)
{
    struct bytes payload;
    uint32_t len;
    int rc;

    if (elf_magic(file))
        return elf_parse(file, &k->elf, err);
    k->packing = packing_of(file);
    if (k->packing != PACKING_NONE)
        return kernel_read_packed(file, k, err);
    if (!bzimage_magic(file))
        return err_set(err, -ENOEXEC,
                       "neither a bzImage nor an ELF file (%zu bytes)",
                       file.len);
    rc = bzimage_payload(file, &payload, &k->packing, &len, err);
    if (rc)
        return rc;
    if (k->packing != PACKING_NONE)
        return kernel_unpack(payload, k->packing, len, k, err);
    if (!elf_magic(payload))
        return err_set(err, -EINVAL,
                       "bzImage payload is damaged: no known packing");
    return elf_parse(payload, &k->elf, err);
}

static int kernel_check(const struct kernel *k, struct errmsg *err)
{
    const struct pv_notes *n = &k->notes;
    uint64_t va = kernel_va(k, k->elf.pstart);
    uint64_t len = k->elf.pend - k->elf.pstart;

    if (n->virt_base & PAGE_MASK_4K || n->init_p2m & PAGE_MASK_4K)
        return err_set(err, -EINVAL,
                       "VIRT_BASE or INIT_P2M note is not page aligned");
    if (k->elf.pstart < n->paddr_offset ||
        k->elf.pend - n->paddr_offset > ELF_SPAN_MAX)
        return err_set(err, -EINVAL,
                       "kernel at %#llx is too far from its base %#llx",
                       (unsigned long long)k->elf.pstart,
                       (unsigned long long)n->paddr_offset);
    if (!range_is_guest(n->virt_base, va + len - n->virt_base))
        return err_set(err, -EINVAL,
                       "kernel's addresses %#llx-%#llx are not a guest's",
                       (unsigned long long)n->virt_base,
                       (unsigned long long)(va + len - 1));
    if (n->entry < va || n->entry - va >= len)
        return err_set(err, -EINVAL,
                       "entry point %#llx lies outside the kernel",
                       (unsigned long long)n->entry);
    if (pv_note_has(n, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (n->hypercall_page < va || n->hypercall_page - va >= len ||
         n->hypercall_page & PAGE_MASK_4K))
        return err_set(err, -EINVAL,
                       "hypercall page %#llx lies outside the kernel",
                       (unsigned long long)n->hypercall_page);
    return 0;
}

int kernel_open(struct bytes file, struct kernel *k, struct errmsg *err)
{
    int rc;

    memset(k, 0, sizeof(*k));
    rc = kernel_read(file, k, err);
    if (!rc)
        rc = pv_notes_parse(&k->elf, &k->notes, err);
    if (!rc)
        rc = kernel_check(k, err);
    if (rc)
        kernel_close(k);
    return rc;
}

void kernel_close(struct kernel *k)
{
    free(k->unpacked);
    memset(k, 0, sizeof(*k));
}
