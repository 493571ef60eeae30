/* SPDX-License-Identifier: MIT */
/*
 * Kernel images come from guests' owners: whatever is in them, reading one ends
 * in a kernel or in one line that says why not, and never leaves the file.
 * A small PV kernel is made here, packed in every way, then cut short at every
 * length and damaged bit by bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <public/xen.h>

#include <public/elfnote.h>

#include "libs/image/kernel.h"

#define VIRT_BASE 0xffffffff80000000ull
#define PADDR     0x1000000ull
#define TEXT_LEN  0x3000u
#define BSS_LEN   0x1000u
#define PAYLOAD   0x400u /* of the bzImages made here */

/* The buffer is exactly as long as the file, so that ASan sees a step over. */
struct file {
    uint8_t *p;
    size_t len;
};

static struct file file_make(const void *p, size_t len)
{
    struct file f = {malloc(len ? len : 1), len};

    assert_non_null(f.p);
    if (len)
        memcpy(f.p, p, len);
    return f;
}

static int file_open(struct file f, struct kernel *k, struct errmsg *err)
{
    err->text[0] = '\0';
    return kernel_open((struct bytes){f.p, f.len}, k, err);
}

/* Opens a copy of [p, p + len); returns the result, checks that it says why. */
static int try_open(const void *p, size_t len)
{
    struct file f = file_make(p, len);
    struct errmsg err;
    struct kernel k;
    int rc = file_open(f, &k, &err);

    if (rc) {
        assert_true(rc < 0);
        assert_true(err.text[0] != '\0');
        assert_null(strchr(err.text, '\n'));
    } else {
        kernel_close(&k);
    }
    free(f.p);
    return rc;
}

/* --- making images -------------------------------------------------------- */

struct notes {
    uint8_t p[1024];
    size_t len;
};

static void note_add(struct notes *n, const char *owner, uint32_t type,
                     const void *desc, size_t len)
{
    Elf64_Nhdr nh = {(uint32_t)strlen(owner) + 1, (uint32_t)len, type};

    memcpy(n->p + n->len, &nh, sizeof(nh));
    n->len += sizeof(nh);
    memcpy(n->p + n->len, owner, nh.n_namesz);
    n->len += (nh.n_namesz + 3) & ~3u;
    memcpy(n->p + n->len, desc, len);
    n->len += (len + 3) & ~(size_t)3;
}

static void note_u64(struct notes *n, uint32_t type, uint64_t value)
{
    note_add(n, "Xen", type, &value, sizeof(value));
}

static void note_str(struct notes *n, uint32_t type, const char *value)
{
    note_add(n, "Xen", type, value, strlen(value) + 1);
}

static void notes_default(struct notes *n)
{
    memset(n, 0, sizeof(*n));
    note_add(n, "GNU", 3, "abcdefgh", 8);
    note_u64(n, XEN_ELFNOTE_ENTRY, VIRT_BASE + PADDR + 0x100);
    note_u64(n, XEN_ELFNOTE_VIRT_BASE, VIRT_BASE);
    note_u64(n, XEN_ELFNOTE_PADDR_OFFSET, 0);
    note_u64(n, XEN_ELFNOTE_INIT_P2M, 0x8000000000ull);
    note_u64(n, XEN_ELFNOTE_MOD_START_PFN, 1);
    note_str(n, XEN_ELFNOTE_LOADER, "generic");
    note_str(n, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    note_str(n, XEN_ELFNOTE_GUEST_OS, "test");
}

struct elf {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[2];
    struct notes notes;
    uint8_t text[TEXT_LEN];
};

/* One segment of TEXT_LEN + BSS_LEN bytes, one of notes. */
static void elf_default(struct elf *e)
{
    memset(e, 0, sizeof(*e));
    notes_default(&e->notes);
    memcpy(e->eh.e_ident, ELFMAG, SELFMAG);
    e->eh.e_ident[EI_CLASS] = ELFCLASS64;
    e->eh.e_ident[EI_DATA] = ELFDATA2LSB;
    e->eh.e_type = ET_EXEC;
    e->eh.e_machine = EM_X86_64;
    e->eh.e_phoff = offsetof(struct elf, ph);
    e->eh.e_phentsize = sizeof(Elf64_Phdr);
    e->eh.e_phnum = 2;
    e->ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_offset = offsetof(struct elf, text),
                            .p_paddr = PADDR,
                            .p_vaddr = VIRT_BASE + PADDR,
                            .p_filesz = TEXT_LEN,
                            .p_memsz = TEXT_LEN + BSS_LEN};
    e->ph[1] = (Elf64_Phdr){.p_type = PT_NOTE,
                            .p_offset = offsetof(struct elf, notes.p),
                            .p_filesz = e->notes.len};
    for (size_t i = 0; i < TEXT_LEN; i++)
        e->text[i] = (uint8_t)(i * 7 + i / 251);
}

static size_t pack(enum packing packing, const uint8_t *in, size_t len,
                   uint8_t *out, size_t room)
{
    size_t used = 0;
    uLongf gz = room;
    z_stream z = {0};
    uint32_t word = 0x184c2102;
    int n;

    switch (packing) {
    case PACKING_XZ:
        assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, in,
                                                 len, out, &used, room),
                         LZMA_OK);
        return used;
    case PACKING_ZSTD:
        used = ZSTD_compress(out, room, in, len, 1);
        assert_false(ZSTD_isError(used));
        return used;
    case PACKING_LZ4:
        memcpy(out, &word, 4);
        n = LZ4_compress_default((const char *)in, (char *)out + 8, (int)len,
                                 (int)room - 8);
        assert_true(n > 0);
        word = (uint32_t)n;
        memcpy(out + 4, &word, 4);
        return (size_t)n + 8;
    case PACKING_GZIP:
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
                                      Z_DEFAULT_STRATEGY),
                         Z_OK);
        z.next_in = (Bytef *)(uintptr_t)in;
        z.avail_in = (uInt)len;
        z.next_out = out;
        z.avail_out = (uInt)gz;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        used = z.total_out;
        deflateEnd(&z);
        return used;
    default:
        memcpy(out, in, len);
        return len;
    }
}

/* A bzImage: one set-up sector, the payload at PAYLOAD, its size at its end. */
static struct file bzimage(enum packing packing, const struct elf *e)
{
    size_t room = PAYLOAD + 2 * sizeof(*e) + 4096, len;
    uint32_t size = sizeof(*e), word;
    uint16_t version = 0x20f;
    uint8_t *p = calloc(1, room);
    struct file f;

    assert_non_null(p);
    p[0x1f1] = 1;
    memcpy(p + 0x202, "HdrS", 4);
    memcpy(p + 0x206, &version, 2);
    len = pack(packing, (const uint8_t *)e, sizeof(*e), p + PAYLOAD,
               room - PAYLOAD - 4);
    if (packing != PACKING_GZIP) {
        memcpy(p + PAYLOAD + len, &size, 4);
        len += 4;
    }
    word = 0;
    memcpy(p + 0x248, &word, 4);
    word = (uint32_t)len;
    memcpy(p + 0x24c, &word, 4);
    f = file_make(p, PAYLOAD + len);
    free(p);
    return f;
}

static const enum packing packings[] = {PACKING_NONE, PACKING_GZIP, PACKING_XZ,
                                        PACKING_ZSTD, PACKING_LZ4};
#define NR_PACKINGS (sizeof(packings) / sizeof(packings[0]))

/* --- good images ---------------------------------------------------------- */

static void check_kernel(const struct kernel *k, const struct elf *e)
{
    assert_int_equal(k->elf.nr_loads, 1);
    assert_int_equal(k->elf.loads[0].paddr, PADDR);
    assert_int_equal(k->elf.loads[0].memsz, TEXT_LEN + BSS_LEN);
    assert_int_equal(k->elf.loads[0].data.len, TEXT_LEN);
    assert_memory_equal(k->elf.loads[0].data.p, e->text, TEXT_LEN);
    assert_int_equal(k->notes.entry, VIRT_BASE + PADDR + 0x100);
    assert_int_equal(k->notes.init_p2m, 0x8000000000ull);
    assert_string_equal(k->notes.guest_os, "test");
    assert_true(pv_note_has(&k->notes, XEN_ELFNOTE_LOADER));
    assert_false(pv_note_has(&k->notes, XEN_ELFNOTE_HYPERCALL_PAGE));
    assert_int_equal(kernel_va(k, PADDR), VIRT_BASE + PADDR);
}

static void test_elf(void **state)
{
    struct elf e;
    struct file f;
    struct kernel k;
    struct errmsg err;

    (void)state;
    elf_default(&e);
    f = file_make(&e, sizeof(e));
    assert_int_equal(file_open(f, &k, &err), 0);
    check_kernel(&k, &e);
    kernel_close(&k);
    free(f.p);
}

static void test_packed(void **state)
{
    struct elf e;

    (void)state;
    elf_default(&e);
    for (size_t i = 0; i < NR_PACKINGS; i++) {
        struct file f = bzimage(packings[i], &e);
        struct kernel k;
        struct errmsg err;

        assert_int_equal(file_open(f, &k, &err), 0);
        assert_int_equal(k.packing, packings[i]);
        check_kernel(&k, &e);
        kernel_close(&k);
        free(f.p);
    }
}

static void test_bare_gzip(void **state)
{
    struct elf e;
    uint8_t *out = malloc(2 * sizeof(e));
    size_t len;

    (void)state;
    assert_non_null(out);
    elf_default(&e);
    len =
        pack(PACKING_GZIP, (const uint8_t *)&e, sizeof(e), out, 2 * sizeof(e));
    assert_int_equal(try_open(out, len), 0);
    len = pack(PACKING_XZ, (const uint8_t *)&e, sizeof(e), out, 2 * sizeof(e));
    assert_int_equal(try_open(out, len), -EOPNOTSUPP);
    free(out);
}

/* --- bad images ----------------------------------------------------------- */

static void test_cut_short(void **state)
{
    struct elf e;

    (void)state;
    elf_default(&e);
    for (size_t len = 0; len < sizeof(e); len += len < 2048 ? 1 : 61)
        assert_true(try_open(&e, len) < 0);
    for (size_t i = 0; i < NR_PACKINGS; i++) {
        struct file f = bzimage(packings[i], &e);

        for (size_t len = 0; len < f.len; len += len < 2048 ? 1 : 61)
            assert_true(try_open(f.p, len) < 0);
        free(f.p);
    }
}

/* Damage may go unnoticed; it must not do harm. */
static void flip_bits(struct file f, size_t first, size_t last)
{
    for (size_t i = first; i < last && i < f.len; i++)
        for (unsigned int bit = 0; bit < 8; bit++) {
            f.p[i] ^= (uint8_t)(1u << bit);
            try_open(f.p, f.len);
            f.p[i] ^= (uint8_t)(1u << bit);
        }
}

static void test_bit_flips(void **state)
{
    struct elf e;
    struct file f;

    (void)state;
    elf_default(&e);
    f = file_make(&e, sizeof(e));
    flip_bits(f, 0, offsetof(struct elf, text));
    free(f.p);
    for (size_t i = 0; i < NR_PACKINGS; i++) {
        f = bzimage(packings[i], &e);
        flip_bits(f, 0x1f1, 0x250);
        flip_bits(f, PAYLOAD, PAYLOAD + 64);
        flip_bits(f, f.len - 32, f.len);
        free(f.p);
    }
}

/* XZ, ZSTD and GZIP carry checksums: damage inside must be found. */
static void test_damaged_payload(void **state)
{
    static const enum packing checked[] = {PACKING_XZ, PACKING_GZIP};
    struct elf e;

    (void)state;
    elf_default(&e);
    for (size_t i = 0; i < 2; i++) {
        struct file f = bzimage(checked[i], &e);

        f.p[PAYLOAD + (f.len - PAYLOAD) / 2] ^= 0x55;
        assert_int_equal(try_open(f.p, f.len), -EINVAL);
        free(f.p);
    }
}

static void test_wrong_size(void **state)
{
    struct elf e;

    (void)state;
    elf_default(&e);
    for (size_t i = 0; i < NR_PACKINGS; i++) {
        struct file f = bzimage(packings[i], &e);
        uint32_t huge = 0xfffffff0, small = sizeof(e) - 1,
                 large = sizeof(e) + 1;

        if (packings[i] != PACKING_NONE) {
            memcpy(f.p + f.len - 4, &huge, 4);
            assert_int_equal(try_open(f.p, f.len), -EFBIG);
            memcpy(f.p + f.len - 4, &small, 4);
            assert_int_equal(try_open(f.p, f.len), -EINVAL);
            memcpy(f.p + f.len - 4, &large, 4);
            assert_int_equal(try_open(f.p, f.len), -EINVAL);
        }
        free(f.p);
    }
}

static void test_not_a_kernel(void **state)
{
    static const char text[] = "#!/bin/sh\necho this is not a kernel\n";
    struct elf e;

    (void)state;
    assert_int_equal(try_open(text, sizeof(text)), -ENOEXEC);
    elf_default(&e);
    e.eh.e_machine = EM_386;
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.eh.e_ident[EI_CLASS] = ELFCLASS32;
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.eh.e_phnum = 0;
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.eh.e_phoff = UINT64_MAX - 8;
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
}

static void test_bad_segments(void **state)
{
    struct elf e;

    (void)state;
    elf_default(&e);
    e.ph[0].p_memsz = TEXT_LEN - 1; /* less than in the file */
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.ph[0].p_memsz = 2ull << 30; /* oversized */
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.ph[0].p_paddr = UINT64_MAX - 0xfff;
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.ph[0].p_offset = UINT64_MAX;
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.ph[1] = e.ph[0]; /* overlap */
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
    elf_default(&e);
    e.ph[0].p_type = PT_NULL; /* nothing to load */
    assert_int_equal(try_open(&e, sizeof(e)), -EINVAL);
}

static int open_with_notes(const struct notes *n)
{
    struct elf e;

    elf_default(&e);
    e.notes = *n;
    e.ph[1].p_filesz = n->len;
    return try_open(&e, sizeof(e));
}

static void test_not_pv(void **state)
{
    struct notes n = {.len = 0};

    (void)state;
    assert_int_equal(open_with_notes(&n), -ENOEXEC);
    note_add(&n, "GNU", 3, "abcdefgh", 8);
    assert_int_equal(open_with_notes(&n), -ENOEXEC);
    note_u64(&n, XEN_ELFNOTE_PHYS32_ENTRY, PADDR);
    assert_int_equal(open_with_notes(&n), -ENOEXEC);
    note_u64(&n, XEN_ELFNOTE_ENTRY, VIRT_BASE + PADDR);
    assert_int_equal(open_with_notes(&n), -ENOEXEC); /* no base */
    note_u64(&n, XEN_ELFNOTE_VIRT_BASE, VIRT_BASE);
    assert_int_equal(open_with_notes(&n), 0);
    note_str(&n, XEN_ELFNOTE_XEN_VERSION, "xen-2.0");
    assert_int_equal(open_with_notes(&n), -ENOEXEC);
}

static void test_bad_notes(void **state)
{
    static const struct {
        uint32_t type;
        uint64_t value;
    } bad[] = {
        {XEN_ELFNOTE_ENTRY, VIRT_BASE},
        {XEN_ELFNOTE_ENTRY, VIRT_BASE + PADDR + TEXT_LEN + BSS_LEN},
        {XEN_ELFNOTE_VIRT_BASE, VIRT_BASE + 8},
        {XEN_ELFNOTE_VIRT_BASE, 0xffff800000000000ull}, /* hypervisor's */
        {XEN_ELFNOTE_VIRT_BASE, 0x00007ffff0000000ull}, /* over the edge */
        {XEN_ELFNOTE_VIRT_BASE, 0xfffffffffffff000ull}, /* wraps */
        {XEN_ELFNOTE_PADDR_OFFSET, PADDR + 0x1000},
        {XEN_ELFNOTE_INIT_P2M, 0x8000000001ull},
        {XEN_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE},
        {XEN_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE + PADDR + 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct notes n;

        notes_default(&n);
        note_u64(&n, bad[i].type, bad[i].value); /* the later one counts */
        assert_int_equal(open_with_notes(&n), -EINVAL);
    }
}

static void test_note_sizes(void **state)
{
    struct notes n;
    uint32_t word = 1, huge = 0xfffffffd;

    (void)state;
    notes_default(&n);
    note_add(&n, "Xen", XEN_ELFNOTE_MOD_START_PFN, &word, 4);
    assert_int_equal(open_with_notes(&n), 0);
    note_add(&n, "Xen", XEN_ELFNOTE_MOD_START_PFN, &word, 2);
    assert_int_equal(open_with_notes(&n), -EINVAL);
    notes_default(&n);
    memcpy(n.p + 4, &huge, 4); /* desc of the first note */
    assert_int_equal(open_with_notes(&n), -EINVAL);
    notes_default(&n);
    memcpy(n.p, &huge, 4); /* its name */
    assert_int_equal(open_with_notes(&n), -EINVAL);
    notes_default(&n);
    n.len -= 6; /* ends inside the last note */
    assert_int_equal(open_with_notes(&n), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elf),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_bare_gzip),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_damaged_payload),
        cmocka_unit_test(test_wrong_size),
        cmocka_unit_test(test_not_a_kernel),
        cmocka_unit_test(test_bad_segments),
        cmocka_unit_test(test_not_pv),
        cmocka_unit_test(test_bad_notes),
        cmocka_unit_test(test_note_sizes),
    };

    return cmocka_run_group_tests_name("image_kernel", tests, NULL, NULL);
}
