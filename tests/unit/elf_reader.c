/* SPDX-License-Identifier: MIT */
/*
 * The reader of kernel images meets files that were cut off, damaged or made
 * to hurt: whatever it accepts must lie within the file. Each image is a heap
 * block of its exact size, so that the address sanitizer sees every byte read
 * beyond.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/elf.h>

#include <public/elfnote.h>

#define SIZE 1024

struct ehdr {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/* Two segments to load and one of notes, all inside SIZE bytes. */
static void make_image(uint8_t *image)
{
    struct ehdr h = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
                     .type = 2,
                     .machine = 62,
                     .version = 1,
                     .entry = 0x1000000,
                     .phoff = 64,
                     .ehsize = 64,
                     .phentsize = 56,
                     .phnum = 3};
    struct phdr p[3] = {
        {1, 5, 512, 0xffffffff81000000, 0x1000000, 256, 4096, 4096},
        {1, 6, 768, 0, 0x1002000, 64, 64, 4096},
        {4, 4, 896, 0, 0, 128, 128, 4},
    };
    uint32_t other[] = {4, 8, XEN_ELFNOTE_ENTRY, 0x554e47, 1, 2};
    uint32_t entry[] = {4,        8,          XEN_ELFNOTE_ENTRY,
                        0x6e6558, 0x81000100, 0xffffffff};
    uint32_t text[] = {4,        7,          XEN_ELFNOTE_GUEST_OS,
                       0x6e6558, 0x756e696c, 0x000078};

    memset(image, 0x5a, SIZE);
    memcpy(image, &h, sizeof(h));
    memcpy(image + 64, p, sizeof(p));
    memset(image + 896, 0, 128);
    memcpy(image + 896, other, sizeof(other)); /* "GNU" */
    memcpy(image + 896 + 24, entry, sizeof(entry));
    memcpy(image + 896 + 48, text, sizeof(text));
}

static unsigned int sum(const void *p, uint64_t n)
{
    const uint8_t *b = p;
    unsigned int s = 0;

    for (uint64_t i = 0; i < n; i++)
        s += b[i];
    return s;
}

/* Read all that the reader says is there. */
static bool walk(const void *image, uint64_t size)
{
    struct elf_image e;
    volatile unsigned int s = 0;

    if (elf_parse(image, size, &e) != NULL)
        return false;
    for (unsigned int i = 0; i < e.nr_segments; i++) {
        assert_true(e.segment[i].file_bytes <= e.segment[i].mem_bytes);
        s += sum(e.segment[i].data, e.segment[i].file_bytes);
    }
    for (uint32_t type = 0; type < 24; type++) {
        uint64_t len, value;
        const void *desc = elf_note(&e, "Xen", type, &len);

        if (desc)
            s += sum(desc, len);
        (void)elf_note_number(&e, "Xen", type, &value);
    }
    return true;
}

static void test_good_image(void **state)
{
    uint8_t *image = malloc(SIZE);
    struct elf_image e;
    uint64_t value, size;

    (void)state;
    make_image(image);
    assert_null(elf_parse(image, SIZE, &e));
    assert_int_equal(e.entry, 0x1000000);
    assert_int_equal(e.nr_segments, 2);
    assert_int_equal(e.segment[1].paddr, 0x1002000);
    assert_int_equal(e.segment[0].mem_bytes, 4096);
    assert_ptr_equal(e.segment[0].data, image + 512);
    /* The note of that type by another owner is not taken for it. */
    assert_true(elf_note_number(&e, "Xen", XEN_ELFNOTE_ENTRY, &value));
    assert_int_equal(value, 0xffffffff81000100);
    assert_memory_equal(elf_note(&e, "Xen", XEN_ELFNOTE_GUEST_OS, &size),
                        "linux", 6);
    assert_int_equal(size, 7);
    assert_false(elf_note_number(&e, "Xen", XEN_ELFNOTE_GUEST_OS, &value));
    assert_null(elf_note(&e, "Xen", XEN_ELFNOTE_INIT_P2M, &size));
    free(image);
}

static void test_every_truncation(void **state)
{
    uint8_t whole[SIZE];

    (void)state;
    make_image(whole);
    for (unsigned int n = 0; n < SIZE; n++) {
        uint8_t *image = malloc(n + !n);

        memcpy(image, whole, n);
        assert_false(walk(image, n));
        free(image);
    }
}

static void test_every_header_byte(void **state)
{
    uint8_t *image = malloc(SIZE);

    (void)state;
    for (unsigned int at = 0; at < 64 + 3 * 56; at++)
        for (unsigned int v = 0; v < 256; v++) {
            make_image(image);
            image[at] = (uint8_t)v;
            (void)walk(image, SIZE);
        }
    free(image);
}

static void test_random_damage(void **state)
{
    uint8_t *image = malloc(SIZE);
    unsigned int accepted = 0;

    (void)state;
    srand(3);
    for (unsigned int round = 0; round < 50000; round++) {
        make_image(image);
        for (unsigned int i = (unsigned int)rand() % 8; i-- > 0;) {
            unsigned int at = (unsigned int)rand() % SIZE;

            if (rand() % 2)
                at = 896 + (unsigned int)rand() % 72; /* the notes */
            image[at] = (uint8_t)(rand() % 4 ? rand() : 0xff);
        }
        accepted += walk(image, SIZE);
    }
    assert_true(accepted > 1000 && accepted < 50000);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_image),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_header_byte),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
