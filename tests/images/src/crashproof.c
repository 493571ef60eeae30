/* SPDX-License-Identifier: MIT */
/*
 * Proof that a crash kernel finds the memory of the crashed machine:
 *
 *   crashproof fill FILE PAGES        pages with a pattern that has a checksum
 *   crashproof check VMCORE PAGES     finds all of them in a dump, counts the
 *                                     notes of the hypervisor
 *
 * FILE lies in memory (tmpfs). Each page says which one it is, and no page of
 * this program looks like one.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE       4096
#define WORDS      (PAGE / 8)
#define CHUNK      (1 << 20)
#define MAX_PAGES  65536
#define MAX_LOADS  64
#define SEED       0x9e3779b97f4a7c15u
#define XEN_INFO   0x1000001
#define XEN_REGS   0x1000002
#define WORD_MAGIC 0
#define WORD_INDEX 1
#define WORD_SUM   2
#define WORD_DATA  3

static uint64_t next(uint64_t x)
{
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

static uint64_t magic(void)
{
    return next(next(SEED));
}

static uint64_t sum_of(const uint64_t *page)
{
    uint64_t sum = page[WORD_INDEX];

    for (unsigned int i = WORD_DATA; i < WORDS; i++)
        sum = next(sum + page[i] + 1);
    return sum;
}

static void make_page(uint64_t *page, uint64_t index)
{
    uint64_t x = SEED + index;

    page[WORD_MAGIC] = magic();
    page[WORD_INDEX] = index;
    for (unsigned int i = WORD_DATA; i < WORDS; i++)
        page[i] = x = next(x);
    page[WORD_SUM] = sum_of(page);
}

static int fill(const char *file, unsigned long pages)
{
    uint64_t page[WORDS];
    FILE *f = fopen(file, "wb");

    if (!f)
        return 1;
    for (unsigned long i = 0; i < pages; i++) {
        make_page(page, i);
        if (fwrite(page, PAGE, 1, f) != 1)
            return 1;
    }
    return fclose(f) ? 1 : 0;
}

static struct {
    unsigned int prstatus, info, regs, vmcoreinfo;
} notes;
static uint8_t seen[MAX_PAGES];
static unsigned long found, wrong;

static void count_notes(const uint8_t *p, size_t len)
{
    while (len >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr n;
        size_t size;
        const char *name = (const char *)p + sizeof(n);

        memcpy(&n, p, sizeof(n));
        size =
            sizeof(n) + ((n.n_namesz + 3u) & ~3u) + ((n.n_descsz + 3u) & ~3u);
        if (!n.n_namesz || size > len)
            return;
        notes.prstatus += !strcmp(name, "CORE") && n.n_type == NT_PRSTATUS;
        notes.info += !strcmp(name, "Xen") && n.n_type == XEN_INFO;
        notes.regs += !strcmp(name, "Xen") && n.n_type == XEN_REGS;
        notes.vmcoreinfo += !strcmp(name, "VMCOREINFO_XEN");
        p += size;
        len -= size;
    }
}

static void look_at(const uint64_t *page, unsigned long pages)
{
    uint64_t index = page[WORD_INDEX];

    if (page[WORD_MAGIC] != magic() || index >= pages || index >= MAX_PAGES)
        return;
    if (page[WORD_SUM] != sum_of(page))
        wrong++;
    else if (!seen[index]++)
        found++;
}

static int scan(int fd, const Elf64_Phdr *ph, unsigned long pages)
{
    static uint64_t buf[CHUNK / 8];

    for (uint64_t done = 0; done < ph->p_filesz;) {
        size_t want = ph->p_filesz - done < CHUNK ? ph->p_filesz - done : CHUNK;
        ssize_t n = pread(fd, buf, want, (off_t)(ph->p_offset + done));

        if (n <= 0)
            return 1;
        for (size_t at = 0; at + PAGE <= (size_t)n; at += PAGE)
            look_at(&buf[at / 8], pages);
        done += (size_t)n;
    }
    return 0;
}

static int check(const char *core, unsigned long pages)
{
    static uint8_t note_data[CHUNK];
    static Elf64_Phdr ph[MAX_LOADS];
    int fd = open(core, O_RDONLY);
    Elf64_Ehdr eh;
    uint64_t bytes = 0;

    if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
        eh.e_phnum > MAX_LOADS ||
        pread(fd, ph, eh.e_phnum * sizeof(ph[0]), (off_t)eh.e_phoff) < 0) {
        printf("crashproof: no dump in %s\n", core);
        return 1;
    }
    for (unsigned int i = 0; i < eh.e_phnum; i++) {
        if (ph[i].p_type == PT_NOTE && ph[i].p_filesz <= sizeof(note_data)) {
            ssize_t n =
                pread(fd, note_data, ph[i].p_filesz, (off_t)ph[i].p_offset);
            if (n > 0)
                count_notes(note_data, (size_t)n);
        } else if (ph[i].p_type == PT_LOAD) {
            bytes += ph[i].p_filesz;
            if (scan(fd, &ph[i], pages))
                printf("crashproof: part %u cannot be read\n", i);
        }
    }
    printf("crashproof: dump of %lu MiB, notes: cpus %u regs %u info %u "
           "vmcoreinfo %u\n",
           (unsigned long)(bytes >> 20), notes.prstatus, notes.regs, notes.info,
           notes.vmcoreinfo);
    printf("crashproof: %lu of %lu pages, %lu wrong\n", found, pages, wrong);
    return found == pages ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    if (!strcmp(argv[1], "fill"))
        return fill(argv[2], strtoul(argv[3], NULL, 0));
    return check(argv[2], strtoul(argv[3], NULL, 0));
}
