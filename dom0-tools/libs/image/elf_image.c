/* SPDX-License-Identifier: MIT */
/*
 * ELF reader. Every offset and size of the file is checked before its use;
 * the rules are those of the ELF-64 object file format, program headers.
 */
#include "libs/image/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

bool elf_magic(struct bytes file)
{
    return file.len >= SELFMAG && memcmp(file.p, ELFMAG, SELFMAG) == 0;
}

static int elf_header(struct bytes file, Elf64_Ehdr *eh, struct errmsg *err)
{
    if (!elf_magic(file))
        return err_set(err, -EINVAL, "not an ELF file");
    if (!bytes_get(file, 0, eh, sizeof(*eh)))
        return err_set(err, -EINVAL, "ELF file is cut short in its header");
    if (eh->e_ident[EI_CLASS] != ELFCLASS64 ||
        eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_X86_64)
        return err_set(err, -EINVAL, "ELF file is not for 64-bit x86");
    if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
        return err_set(err, -EINVAL, "ELF file is not an executable");
    if (eh->e_phentsize < sizeof(Elf64_Phdr) || eh->e_phnum == 0)
        return err_set(err, -EINVAL, "ELF file has no program headers");
    if (!bytes_has(file, eh->e_phoff, (uint64_t)eh->e_phnum * eh->e_phentsize))
        return err_set(err, -EINVAL,
                       "ELF file is cut short in its program headers");
    return 0;
}

static int elf_add_load(struct bytes file, const Elf64_Phdr *ph,
                        struct elf_image *elf, struct errmsg *err)
{
    struct elf_load *load;

    if (ph->p_memsz == 0)
        return 0;
    if (elf->nr_loads == ELF_LOADS_MAX)
        return err_set(err, -EINVAL, "ELF file has more than %u segments",
                       ELF_LOADS_MAX);
    if (ph->p_filesz > ph->p_memsz)
        return err_set(err, -EINVAL,
                       "ELF segment is larger in the file than in memory");
    if (!bytes_has(file, ph->p_offset, ph->p_filesz))
        return err_set(err, -EINVAL, "ELF file is cut short in a segment");
    if (ph->p_memsz > ELF_SPAN_MAX || ph->p_paddr > UINT64_MAX - ELF_SPAN_MAX)
        return err_set(err, -EINVAL,
                       "ELF segment of %#llx bytes at %#llx "
                       "cannot be loaded",
                       (unsigned long long)ph->p_memsz,
                       (unsigned long long)ph->p_paddr);
    load = &elf->loads[elf->nr_loads++];
    load->paddr = ph->p_paddr;
    load->memsz = ph->p_memsz;
    load->data = bytes_sub(file, ph->p_offset, ph->p_filesz);
    return 0;
}

static int elf_add_note(struct bytes file, const Elf64_Phdr *ph,
                        struct elf_image *elf, struct errmsg *err)
{
    if (!bytes_has(file, ph->p_offset, ph->p_filesz))
        return err_set(err, -EINVAL, "ELF file is cut short in its notes");
    if (elf->nr_notes == ELF_NOTES_MAX)
        return err_set(err, -EINVAL, "ELF file has more than %u note segments",
                       ELF_NOTES_MAX);
    elf->notes[elf->nr_notes++] = bytes_sub(file, ph->p_offset, ph->p_filesz);
    return 0;
}

static int elf_load_order(const void *a, const void *b)
{
    const struct elf_load *x = a, *y = b;

    return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

static int elf_check_span(struct elf_image *elf, struct errmsg *err)
{
    if (elf->nr_loads == 0)
        return err_set(err, -EINVAL, "ELF file has nothing to load");
    qsort(elf->loads, elf->nr_loads, sizeof(elf->loads[0]), elf_load_order);
    elf->pstart = elf->loads[0].paddr;
    elf->pend = elf->pstart;
    for (unsigned int i = 0; i < elf->nr_loads; i++) {
        const struct elf_load *load = &elf->loads[i];

        if (load->paddr < elf->pend)
            return err_set(err, -EINVAL, "ELF segments overlap");
        elf->pend = load->paddr + load->memsz;
    }
    if (elf->pend - elf->pstart > ELF_SPAN_MAX)
        return err_set(err, -EINVAL,
                       "ELF segments span %llu MiB, over the "
                       "limit of %llu MiB",
                       (unsigned long long)(elf->pend - elf->pstart) >> 20,
                       ELF_SPAN_MAX >> 20);
    return 0;
}

int elf_parse(struct bytes file, struct elf_image *elf, struct errmsg *err)
{
    Elf64_Ehdr eh;
    int rc = elf_header(file, &eh, err);

    if (rc)
        return rc;
    memset(elf, 0, sizeof(*elf));
    elf->entry = eh.e_entry;
    for (unsigned int i = 0; i < eh.e_phnum && !rc; i++) {
        Elf64_Phdr ph;

        /* In range: elf_header checked the whole table. */
        bytes_get(file, eh.e_phoff + (uint64_t)i * eh.e_phentsize, &ph,
                  sizeof(ph));
        if (ph.p_type == PT_LOAD)
            rc = elf_add_load(file, &ph, elf, err);
        else if (ph.p_type == PT_NOTE)
            rc = elf_add_note(file, &ph, elf, err);
    }
    return rc ? rc : elf_check_span(elf, err);
}
