/* SPDX-License-Identifier: MIT */
/*
 * ELF64 as the System V ABI defines it ("Object Files", AMD64 supplement).
 */
#include <hv/elf.h>

#include <hv/lib.h>

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_note_header {
    uint32_t namesz, descsz, type;
};

#define ET_EXEC     2
#define ET_DYN      3
#define EM_X86_64   62
#define PT_LOAD     1
#define PT_NOTE     4
#define ELFCLASS64  2
#define ELFDATA2LSB 1

static bool in_image(const struct elf_image *e, uint64_t off, uint64_t len)
{
    return off <= e->size && len <= e->size - off;
}

static const char *add_load(struct elf_image *e, const struct elf_phdr *p)
{
    struct elf_segment *s;

    if (p->memsz == 0)
        return NULL;
    if (p->filesz > p->memsz)
        return "a segment is larger in the file than in memory";
    if (p->paddr + p->memsz < p->paddr)
        return "a segment wraps around";
    if (e->nr_segments == ELF_MAX_SEGMENTS)
        return "too many segments";
    s = &e->segment[e->nr_segments++];
    s->vaddr = p->vaddr;
    s->paddr = p->paddr;
    s->mem_bytes = p->memsz;
    s->data = e->base + p->offset;
    s->file_bytes = p->filesz;
    s->flags = p->flags;
    return NULL;
}

static const char *add_note(struct elf_image *e, const struct elf_phdr *p)
{
    if (e->nr_notes == ELF_MAX_SEGMENTS)
        return "too many note segments";
    e->note[e->nr_notes].start = e->base + p->offset;
    e->note[e->nr_notes].size = p->filesz;
    e->nr_notes++;
    return NULL;
}

static const char *check_header(const struct elf_header *h)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

    if (memcmp(h->ident, magic, sizeof(magic)))
        return "not an ELF image";
    if (h->ident[4] != ELFCLASS64 || h->ident[5] != ELFDATA2LSB ||
        h->machine != EM_X86_64)
        return "not an ELF image for x86-64";
    if (h->type != ET_EXEC && h->type != ET_DYN)
        return "not an executable";
    if (h->phentsize != sizeof(struct elf_phdr) || h->phnum == 0)
        return "no program headers";
    return NULL;
}

const char *elf_parse(const void *data, uint64_t size, struct elf_image *out)
{
    struct elf_header h;
    const char *err;

    memset(out, 0, sizeof(*out));
    out->base = data;
    out->size = size;
    if (size < sizeof(h))
        return "too short for an ELF header";
    memcpy(&h, data, sizeof(h));
    err = check_header(&h);
    if (err)
        return err;
    out->entry = h.entry;
    if (!in_image(out, h.phoff, (uint64_t)h.phnum * sizeof(struct elf_phdr)))
        return "truncated: program headers are beyond its end";
    for (unsigned int i = 0; i < h.phnum && !err; i++) {
        struct elf_phdr p;

        memcpy(&p, out->base + h.phoff + i * sizeof(p), sizeof(p));
        if (p.type != PT_LOAD && p.type != PT_NOTE)
            continue;
        if (!in_image(out, p.offset, p.filesz))
            return "truncated: a segment is beyond its end";
        err = p.type == PT_LOAD ? add_load(out, &p) : add_note(out, &p);
    }
    if (!err && out->nr_segments == 0)
        return "nothing to load";
    return err;
}

/* The note at *at of a segment; false at its end. */
static bool next_note(const uint8_t **at, uint64_t *left,
                      struct elf_note_header *n, const char **name,
                      const uint8_t **desc)
{
    uint64_t name_len, desc_len;

    if (*left < sizeof(*n))
        return false;
    memcpy(n, *at, sizeof(*n));
    name_len = ROUND_UP((uint64_t)n->namesz, 4);
    desc_len = ROUND_UP((uint64_t)n->descsz, 4);
    *left -= sizeof(*n);
    if (name_len > *left || n->descsz > *left - name_len)
        return false;
    *name = (const char *)*at + sizeof(*n);
    *desc = *at + sizeof(*n) + name_len;
    desc_len = min_t(uint64_t, desc_len, *left - name_len);
    *left -= name_len + desc_len;
    *at = *desc + desc_len;
    return true;
}

const void *elf_note(const struct elf_image *elf, const char *want,
                     uint32_t type, uint64_t *size)
{
    size_t len = strlen(want) + 1;

    for (unsigned int i = 0; i < elf->nr_notes; i++) {
        const uint8_t *at = elf->note[i].start, *desc;
        uint64_t left = elf->note[i].size;
        struct elf_note_header n;
        const char *name;

        while (next_note(&at, &left, &n, &name, &desc)) {
            if (n.type != type || n.namesz != len || memcmp(name, want, len))
                continue;
            *size = n.descsz;
            return desc;
        }
    }
    return NULL;
}

bool elf_note_number(const struct elf_image *elf, const char *name,
                     uint32_t type, uint64_t *value)
{
    uint64_t size;
    const void *desc = elf_note(elf, name, type, &size);

    if (!desc || (size != 4 && size != 8))
        return false;
    *value = 0;
    memcpy(value, desc, size);
    return true;
}
