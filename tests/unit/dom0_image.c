/* SPDX-License-Identifier: MIT */
/*
 * Readers of the control domain's kernel: ELF, its notes, the bzImage around
 * it, the first layout. A boot module may be cut short or damaged; whatever
 * it holds, nothing outside of it is read, and what is accepted makes sense.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/pv/dom0.h>
#include <hostarch.h>
#include <hv/elf.h>
#include <hv/page.h>

#include <public/elfnote.h>

#include <asm/config.h>

#define VIRT_BASE  0xffffffff80000000UL
#define LOAD_AT    0x1000000UL /* the segment's physical address */
#define TEXT_BYTES 256
#define MEM_BYTES  0x200000UL

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

struct note {
    uint32_t namesz, descsz, type;
    char name[4];
    union {
        uint64_t value;
        char text[8];
    };
} __attribute__((packed));

struct image {
    struct ehdr h;
    struct phdr load, notes;
    struct note note[6];
    uint8_t text[TEXT_BYTES];
};

/* ---- the rest of the hypervisor ---- */

const char *dom0_unpack_format(const void *in, uint64_t in_bytes)
{
    return in_bytes > 4 && !memcmp(in, "PACK", 4) ? "PACK" : NULL;
}

/* The image follows the magic as it is. */
const char *dom0_unpack(const void *in, uint64_t in_bytes, void *out,
                        uint64_t out_bytes)
{
    if (in_bytes - 4 != out_bytes)
        return "another size";
    memcpy(out, (const char *)in + 4, out_bytes);
    return NULL;
}

/* ---- images ---- */

static struct note number(uint32_t type, uint64_t value)
{
    return (struct note){4, 8, type, "Xen", {.value = value}};
}

static struct image good(void)
{
    struct image i = {
        .h = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
              .type = 2,
              .machine = 62,
              .version = 1,
              .entry = 0x1000100,
              .phoff = offsetof(struct image, load),
              .ehsize = sizeof(struct ehdr),
              .phentsize = sizeof(struct phdr),
              .phnum = 2},
        .load = {.type = 1,
                 .flags = 7,
                 .offset = offsetof(struct image, text),
                 .vaddr = VIRT_BASE + LOAD_AT,
                 .paddr = LOAD_AT,
                 .filesz = TEXT_BYTES,
                 .memsz = MEM_BYTES},
        .notes = {.type = 4,
                  .offset = offsetof(struct image, note),
                  .filesz = sizeof(struct note) * 6},
        .note = {number(XEN_ELFNOTE_VIRT_BASE, VIRT_BASE),
                 number(XEN_ELFNOTE_ENTRY, VIRT_BASE + LOAD_AT + 0x100),
                 number(XEN_ELFNOTE_HYPERCALL_PAGE,
                        VIRT_BASE + LOAD_AT + 0x1000),
                 number(XEN_ELFNOTE_INIT_P2M, 0x8000000000UL),
                 number(XEN_ELFNOTE_MOD_START_PFN, 1),
                 {4, 8, XEN_ELFNOTE_XEN_VERSION, "Xen", {.text = "xen-3.0"}}},
    };

    memset(i.text, 0x90, sizeof(i.text));
    return i;
}

/* A copy without a byte behind it, for the sanitizer to see. */
static void *exact(const void *data, size_t size)
{
    void *p = malloc(size ?: 1);

    return memcpy(p, data, size);
}

/* What was accepted is inside the image, and its parts inside each other. */
static void check_accepted(const void *data, size_t size)
{
    struct dom0_kernel k;
    struct dom0_params p;
    struct dom0_layout l;
    uint64_t v;

    if (dom0_kernel_open(data, size, &k) != NULL) {
        assert_null(k.unpacked);
        return;
    }
    for (unsigned int i = 0; i < k.elf.nr_segments; i++) {
        const struct elf_segment *s = &k.elf.segment[i];
        unsigned int sum = 0;

        assert_true(s->file_bytes <= s->mem_bytes);
        assert_true(s->paddr + s->mem_bytes > s->paddr);
        for (uint64_t b = 0; b < s->file_bytes; b++)
            sum += ((const uint8_t *)s->data)[b];
        assert_true(sum <= 255 * s->file_bytes);
    }
    (void)elf_note_number(&k.elf, "Xen", 77, &v);
    if (dom0_params_read(&k, &p) == NULL) {
        assert_true(p.first <= p.entry && p.entry < p.end);
        assert_true(p.virt_base <= p.first);
        if (dom0_layout_make(&p, 65536, 5 << 20, &l) == NULL) {
            uint64_t end = p.virt_base + l.region_pages * PAGE_SIZE;

            assert_true(l.stack + PAGE_SIZE <= end && end > p.virt_base);
            assert_true(end <= HV_VIRT_START || p.virt_base >= HV_VIRT_END);
            assert_true(l.region_pages <= l.nr_pages);
            assert_true(l.p2m_pfn + l.nr_p2m <= l.nr_pages);
        }
    }
    dom0_kernel_close(&k);
}

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    host_frames_init(64);
    host_heap_init(mfn(16), 48);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(host_allocs_live, 0);
    return 0;
}

/* ---- tests ---- */

static void a_good_image_is_read(void **state)
{
    struct image i = good();
    struct dom0_kernel k;
    struct dom0_params p;
    struct dom0_layout l;

    (void)state;
    assert_null(dom0_kernel_open(&i, sizeof(i), &k));
    assert_int_equal(k.elf.nr_segments, 1);
    assert_int_equal(k.elf.segment[0].mem_bytes, MEM_BYTES);
    assert_ptr_equal(k.elf.segment[0].data, i.text);
    assert_null(dom0_params_read(&k, &p));
    assert_int_equal(p.virt_base, VIRT_BASE);
    assert_int_equal(p.entry, VIRT_BASE + LOAD_AT + 0x100);
    assert_int_equal(p.first, VIRT_BASE + LOAD_AT);
    assert_int_equal(p.end, VIRT_BASE + LOAD_AT + MEM_BYTES);
    assert_true(p.mod_start_pfn);
    assert_null(dom0_layout_make(&p, 65536, 5 << 20, &l));
    assert_int_equal(l.initrd, l.region_pages);
    assert_int_equal(l.p2m_pfn, l.initrd + l.nr_initrd);
    /* Less memory than it takes. */
    assert_non_null(dom0_layout_make(&p, l.region_pages, 5 << 20, &l));
    assert_non_null(dom0_layout_make(&p, 65536, 1UL << 40, &l));
}

static void a_truncated_image_is_refused(void **state)
{
    struct image i = good();

    (void)state;
    for (size_t n = 0; n < sizeof(i); n++) {
        struct dom0_kernel k;
        void *p = exact(&i, n);

        assert_non_null(dom0_kernel_open(p, n, &k));
        free(p);
    }
}

/* One bit, anywhere: refused, or still an image within its bounds. */
static void a_flipped_bit_reads_nothing_outside(void **state)
{
    struct image i = good();

    (void)state;
    for (size_t bit = 0; bit < offsetof(struct image, text) * 8; bit++) {
        uint8_t *p = exact(&i, sizeof(i));

        p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        check_accepted(p, sizeof(i));
        free(p);
    }
}

static void random_words_read_nothing_outside(void **state)
{
    static const uint64_t odd[] = {
        0,           1,           ~0UL,
        1UL << 63,   0xfffffffff, sizeof(struct image),
        ~0UL - 4095, 1UL << 47,   HV_VIRT_START};
    struct image i = good();

    (void)state;
    srand(7);
    for (unsigned int round = 0; round < 20000; round++) {
        uint8_t *p = exact(&i, sizeof(i));

        for (int n = rand() % 3; n >= 0; n--) {
            size_t at = (size_t)rand() % (offsetof(struct image, text) / 4) * 4;
            uint64_t v = odd[(size_t)rand() % ARRAY_SIZE(odd)];

            memcpy(p + at, &v, rand() % 2 ? 4 : 8);
        }
        check_accepted(p, sizeof(i));
        free(p);
    }
}

/* The region above the base must not reach the hypervisor's addresses, nor
 * those that no pointer has. */
static void a_base_below_the_hypervisor_is_refused(void **state)
{
    static const uint64_t bases[] = {HV_VIRT_START - 0x200000UL,
                                     0x800000000000UL - 0x200000UL,
                                     HV_VIRT_START, HV_VIRT_END - 0x1000};
    (void)state;
    for (unsigned int n = 0; n < ARRAY_SIZE(bases); n++) {
        struct image i = good();
        struct dom0_kernel k;
        struct dom0_params p;
        struct dom0_layout l;

        i.load.paddr = 0;
        i.note[0].value = bases[n];
        i.note[1].value = bases[n] + 0x100;
        i.note[2].value = 0;
        assert_null(dom0_kernel_open(&i, sizeof(i), &k));
        if (dom0_params_read(&k, &p) == NULL)
            assert_non_null(dom0_layout_make(&p, 65536, 0, &l));
    }
}

static void wrong_kernels_are_named(void **state)
{
    struct dom0_kernel k;
    struct dom0_params p;
    struct image i = good();

    (void)state;
    i.note[5].text[4] = '4';
    assert_null(dom0_kernel_open(&i, sizeof(i), &k));
    assert_non_null(strstr(dom0_params_read(&k, &p), "interface"));
    i = good();
    i.h.phnum = 1;
    assert_null(dom0_kernel_open(&i, sizeof(i), &k));
    assert_non_null(strstr(dom0_params_read(&k, &p), "paravirtualized"));
    i = good();
    i.note[1].value = VIRT_BASE;
    assert_null(dom0_kernel_open(&i, sizeof(i), &k));
    assert_non_null(strstr(dom0_params_read(&k, &p), "entry"));
    i = good();
    i.load.memsz = 1UL << 31;
    assert_null(dom0_kernel_open(&i, sizeof(i), &k));
    assert_non_null(strstr(dom0_params_read(&k, &p), "impossible"));
}

/* ---- bzImage ---- */

#define BZ_PAYLOAD 1024 /* one setup sector and the boot sector */
#define BZ_IMAGE   (BZ_PAYLOAD + 4 + 8192 + 4)

/* A bzImage around the image, padded to 8 KiB as unpacked. */
static uint8_t *make_bzimage(void)
{
    struct image i = good();
    uint8_t *m = calloc(1, BZ_IMAGE);
    uint32_t offset = 0, length = BZ_IMAGE - BZ_PAYLOAD, size = 8192;

    m[0x1f1] = 1;
    memcpy(m + 0x202, "HdrS", 4);
    m[0x206] = 0x0f;
    m[0x207] = 0x02;
    memcpy(m + 0x248, &offset, 4);
    memcpy(m + 0x24c, &length, 4);
    memcpy(m + BZ_PAYLOAD, "PACK", 4);
    memcpy(m + BZ_PAYLOAD + 4, &i, sizeof(i));
    memcpy(m + BZ_IMAGE - 4, &size, 4);
    return m;
}

static const char *open_bzimage(uint8_t *m, size_t size)
{
    struct dom0_kernel k;
    const char *err = dom0_kernel_open(m, size, &k);

    if (!err)
        dom0_kernel_close(&k);
    assert_null(k.unpacked);
    return err;
}

static void bzimages_are_unpacked_or_refused(void **state)
{
    static const struct {
        unsigned int at;
        uint32_t value;
    } bad[] = {
        {0x1f1, 0xff},        {0x206, 0x0207},      {0x248, 0xfffffff0},
        {0x248, BZ_IMAGE},    {0x24c, 0xffffffff},  {0x24c, 15},
        {0x24c, 0},           {BZ_PAYLOAD, 0},      {BZ_IMAGE - 4, 0},
        {BZ_IMAGE - 4, 4095}, {BZ_IMAGE - 4, 8191}, {BZ_IMAGE - 4, 0xffffffff},
        {BZ_PAYLOAD + 4, 0},
    };
    uint8_t *m = make_bzimage();

    (void)state;
    assert_null(open_bzimage(m, BZ_IMAGE));
    free(m);
    for (unsigned int n = 0; n < ARRAY_SIZE(bad); n++) {
        m = make_bzimage();
        memcpy(m + bad[n].at, &bad[n].value, 4);
        assert_non_null(open_bzimage(m, BZ_IMAGE));
        free(m);
    }
    m = make_bzimage();
    for (size_t size = 0; size < BZ_IMAGE; size += 61) {
        uint8_t *cut = exact(m, size);

        assert_non_null(open_bzimage(cut, size));
        free(cut);
    }
    host_alloc_fail_in = 1;
    assert_non_null(open_bzimage(m, BZ_IMAGE));
    host_alloc_fail_in = 0;
    free(m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_good_image_is_read),
        TEST(a_truncated_image_is_refused),
        TEST(a_flipped_bit_reads_nothing_outside),
        TEST(random_words_read_nothing_outside),
        TEST(a_base_below_the_hypervisor_is_refused),
        TEST(wrong_kernels_are_named),
        TEST(bzimages_are_unpacked_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
