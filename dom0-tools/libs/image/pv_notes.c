/* SPDX-License-Identifier: MIT */
/*
 * Reader of ELF notes. A note is three words (name size, desc size, type), the
 * name and the desc, each padded to 4 bytes. Other owners' notes share the
 * segment; only those of owner "Xen" count.
 */
#include "libs/image/pv_notes.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>

#include <public/xen.h>

#include <public/elfnote.h>

/* Where a note's value goes. */
struct note_field {
    unsigned int type;
    bool is_string;
    size_t offset;
};

#define NUMBER(t, f)                                         \
    {                                                        \
        XEN_ELFNOTE_##t, false, offsetof(struct pv_notes, f) \
    }
#define STRING(t, f)                                        \
    {                                                       \
        XEN_ELFNOTE_##t, true, offsetof(struct pv_notes, f) \
    }

static const struct note_field fields[] = {
    NUMBER(ENTRY, entry),         NUMBER(HYPERCALL_PAGE, hypercall_page),
    NUMBER(VIRT_BASE, virt_base), NUMBER(PADDR_OFFSET, paddr_offset),
    NUMBER(INIT_P2M, init_p2m),   NUMBER(MOD_START_PFN, mod_start_pfn),
    STRING(GUEST_OS, guest_os),   STRING(GUEST_VERSION, guest_version),
    STRING(LOADER, loader),       STRING(XEN_VERSION, xen_version),
};

static uint64_t note_padded(uint64_t len)
{
    return (len + 3) & ~3ull;
}

static int note_number(struct bytes desc, uint64_t *out, struct errmsg *err)
{
    uint32_t word;

    if (desc.len == 8) {
        bytes_get(desc, 0, out, 8);
        return 0;
    }
    if (desc.len != 4)
        return err_set(err, -EINVAL, "a Xen note has a number of %zu bytes",
                       desc.len);
    bytes_get(desc, 0, &word, 4);
    *out = word;
    return 0;
}

static void note_string(struct bytes desc, char *out, size_t room)
{
    size_t len = desc.len < room - 1 ? desc.len : room - 1;

    memcpy(out, desc.p, len);
    out[len] = '\0';
}

static int note_store(unsigned int type, struct bytes desc, struct pv_notes *n,
                      struct errmsg *err)
{
    if (type < PV_NOTE_MAX)
        n->present |= 1u << type;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        void *to = (char *)n + fields[i].offset;

        if (fields[i].type != type)
            continue;
        if (!fields[i].is_string)
            return note_number(desc, to, err);
        note_string(desc, to, sizeof(n->guest_os));
    }
    return 0;
}

static int notes_segment(struct bytes seg, struct pv_notes *n,
                         struct errmsg *err)
{
    uint64_t pos = 0;

    while (pos < seg.len) {
        Elf64_Nhdr nh;
        uint64_t name, desc, end;
        int rc = 0;

        if (!bytes_get(seg, pos, &nh, sizeof(nh)))
            return err_set(err, -EINVAL, "ELF notes are cut short");
        name = pos + sizeof(nh);
        desc = name + note_padded(nh.n_namesz);
        end = desc + note_padded(nh.n_descsz);
        if (!bytes_has(seg, name, nh.n_namesz) ||
            !bytes_has(seg, desc, nh.n_descsz))
            return err_set(err, -EINVAL, "ELF notes are cut short");
        if (nh.n_namesz == 4 && memcmp(seg.p + name, "Xen", 4) == 0)
            rc = note_store(nh.n_type, bytes_sub(seg, desc, nh.n_descsz), n,
                            err);
        if (rc)
            return rc;
        pos = end;
    }
    return 0;
}

static int notes_check(const struct pv_notes *n, struct errmsg *err)
{
    if (!n->present)
        return err_set(err, -ENOEXEC,
                       "not a PV kernel (it has no Xen ELF notes)");
    if (!pv_note_has(n, XEN_ELFNOTE_ENTRY)) {
        if (pv_note_has(n, XEN_ELFNOTE_PHYS32_ENTRY))
            return err_set(err, -ENOEXEC,
                           "a PVH kernel without PV entry; "
                           "only PV guests are supported");
        return err_set(err, -ENOEXEC,
                       "not a PV kernel (it has no Xen ENTRY note)");
    }
    if (!pv_note_has(n, XEN_ELFNOTE_VIRT_BASE))
        return err_set(err, -ENOEXEC,
                       "not a PV kernel (it has no Xen VIRT_BASE note)");
    if (pv_note_has(n, XEN_ELFNOTE_LOADER) && strcmp(n->loader, "generic") != 0)
        return err_set(err, -ENOEXEC, "kernel wants loader '%s', not 'generic'",
                       n->loader);
    if (pv_note_has(n, XEN_ELFNOTE_XEN_VERSION) &&
        strcmp(n->xen_version, "xen-3.0") != 0)
        return err_set(err, -ENOEXEC,
                       "kernel is for interface '%s', not "
                       "'xen-3.0'",
                       n->xen_version);
    return 0;
}

int pv_notes_parse(const struct elf_image *elf, struct pv_notes *notes,
                   struct errmsg *err)
{
    memset(notes, 0, sizeof(*notes));
    for (unsigned int i = 0; i < elf->nr_notes; i++) {
        int rc = notes_segment(elf->notes[i], notes, err);

        if (rc)
            return rc;
    }
    return notes_check(notes, err);
}
