/* SPDX-License-Identifier: MIT */
/*
 * What the loader says of memory: from maps as machines and loaders have them
 * (unsorted, overlapping, with holes, too long) comes one that is sorted,
 * without overlap, and never calls memory usable that any entry does not.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <hostarch.h>

#include <hv/boot.h>

#include <arch/x86/boot/multiboot.h>
#include <asm/boot.h>

/* Addresses of the loader are 32 bits wide. */
static char *low_memory;
#define LOW_SIZE 0x40000

struct entry {
    uint64_t addr, size;
    uint32_t type;
};

/* The image's addresses: nothing of it is looked at here. */
char image_start[1], image_end[1];

static int setup(void **state)
{
    (void)state;
    low_memory = mmap(NULL, LOW_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    assert_true(low_memory != MAP_FAILED);
    return 0;
}

static uint32_t low_addr(const void *p)
{
    assert_true((uintptr_t)p <= UINT32_MAX);
    return (uint32_t)(uintptr_t)p;
}

/* Boot with a map given by a multiboot 1 loader. */
static void read_map(const struct entry *e, unsigned int n)
{
    struct mb1_info *info = (void *)low_memory;
    char *p = low_memory + PAGE_SIZE;

    e820_forget();
    memset(&boot_info, 0, sizeof(boot_info));
    memset(info, 0, sizeof(*info));
    info->flags = MB1_HAS_MMAP;
    info->mmap_addr = low_addr(p);
    for (unsigned int i = 0; i < n; i++) {
        struct mb1_mmap m = {20, e[i].addr, e[i].size, e[i].type};

        memcpy(p, &m, sizeof(m));
        p += sizeof(m);
    }
    info->mmap_length = low_addr(p) - info->mmap_addr;
    assert_true(multiboot_read(MB1_BOOT_MAGIC, low_addr(info)));
}

static void expect(unsigned int i, uint64_t start, uint64_t end, uint32_t type)
{
    assert_true(i < boot_info.nr_e820);
    assert_int_equal(boot_info.e820[i].addr, start);
    assert_int_equal(boot_info.e820[i].addr + boot_info.e820[i].size, end);
    assert_int_equal(boot_info.e820[i].type, type);
}

/* Sorted, no overlap, no empty entry, no two that could be one. */
static void check_form(void)
{
    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        assert_true(e->size > 0 && e->addr + e->size > e->addr);
        assert_true(e->type >= E820_RAM && e->type <= E820_UNUSABLE);
        if (i == 0)
            continue;
        assert_true(e[-1].addr + e[-1].size <= e->addr);
        assert_false(e[-1].addr + e[-1].size == e->addr &&
                     e[-1].type == e->type);
    }
}

static void a_plain_map_stays(void **state)
{
    const struct entry map[] = {
        {0, 0x9fc00, E820_RAM},           {0x9fc00, 0x400, E820_RESERVED},
        {0x100000, 0x7fee0000, E820_RAM}, {0x7ffe0000, 0x1000, E820_ACPI},
        {0x7ffe1000, 0x1000, E820_NVS},   {0x100000000, 0x1000000000, E820_RAM},
    };

    (void)state;
    read_map(map, ARRAY_SIZE(map));
    assert_int_equal(boot_info.nr_e820, ARRAY_SIZE(map));
    for (unsigned int i = 0; i < ARRAY_SIZE(map); i++)
        expect(i, map[i].addr, map[i].addr + map[i].size, map[i].type);
}

static void overlaps_go_to_the_stricter(void **state)
{
    const struct entry map[] = {
        {0x300000, 0x100000, E820_NVS},      /* in the middle of RAM */
        {0x380000, 0x100000, E820_RESERVED}, /* over its end */
        {0x100000, 0x700000, E820_RAM},
        {0x100000, 0x1000, E820_RAM}, /* twice */
        {0x500000, 0x1000, E820_ACPI},
        {0x500800, 0x100, E820_UNUSABLE},
        {0x800000, 0, E820_RESERVED}, /* empty */
        {0x800000, 0x100000, 7},      /* persistent memory and the like */
        {0x900000, 0x100000, 0},
    };

    (void)state;
    read_map(map, ARRAY_SIZE(map));
    check_form();
    expect(0, 0x100000, 0x300000, E820_RAM);
    expect(1, 0x300000, 0x380000, E820_NVS);
    expect(2, 0x380000, 0x480000, E820_RESERVED);
    expect(3, 0x480000, 0x500000, E820_RAM);
    expect(4, 0x500000, 0x500800, E820_ACPI);
    expect(5, 0x500800, 0x500900, E820_UNUSABLE);
    expect(6, 0x500900, 0x501000, E820_ACPI);
    expect(7, 0x501000, 0x800000, E820_RAM);
    expect(8, 0x800000, 0xa00000, E820_RESERVED);
    assert_int_equal(boot_info.nr_e820, 9);
}

/* RAM that wraps is nonsense; what is reserved and wraps ends at the top. */
static void the_end_of_the_address_space(void **state)
{
    const struct entry map[] = {
        {0, 0x100000000, E820_RAM},
        {0xf0000000, ~0UL - 5, E820_RESERVED},
        {~0xfffUL, 0x2000, E820_RAM},
    };

    (void)state;
    read_map(map, ARRAY_SIZE(map));
    check_form();
    expect(0, 0, 0xf0000000, E820_RAM);
    expect(1, 0xf0000000, ~0UL, E820_RESERVED);
    assert_int_equal(boot_info.nr_e820, 2);
}

/* More entries than there is room for: memory goes unused rather than that
 * what is reserved is used. */
static void too_long_a_map_loses_ram_only(void **state)
{
    static struct entry map[E820_MAX_RAW * 2];
    unsigned int n = 0;

    (void)state;
    /* Small pieces of RAM, then one large with many holes in it. */
    for (unsigned int i = 0; i < E820_MAX_RAW - 10; i++)
        map[n++] = (struct entry){i * 0x2000UL, 0x1000, E820_RAM};
    map[n++] = (struct entry){0x100000000, 0x100000000, E820_RAM};
    for (unsigned int i = 0; i < 60; i++)
        map[n++] =
            (struct entry){0x100000000 + i * 0x100000UL, 0x1000, E820_RESERVED};
    read_map(map, n);
    check_form();
    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM && e->addr >= 0x100000000)
            assert_int_not_equal(e->addr & 0xfffff, 0);
    }
    assert_int_equal(boot_info.e820[boot_info.nr_e820 - 1].type, E820_RAM);
}

/* The strongest claim to an address, by looking at each entry. */
static uint32_t model_type(const struct entry *map, unsigned int n, uint64_t at)
{
    static const unsigned int strength[] = {3, 0, 3, 1, 2, 4, 3, 3};
    uint32_t best = 0;

    for (unsigned int i = 0; i < n; i++) {
        uint32_t type = map[i].type;

        if (at < map[i].addr || at - map[i].addr >= map[i].size)
            continue;
        if (type < E820_RAM || type > E820_UNUSABLE)
            type = E820_RESERVED;
        if (!best || strength[type] > strength[best])
            best = type;
    }
    return best;
}

static void random_maps_equal_the_model(void **state)
{
    struct entry map[40];

    (void)state;
    srand(3);
    for (unsigned int round = 0; round < 2000; round++) {
        unsigned int n = (unsigned int)rand() % ARRAY_SIZE(map), at = 0;

        for (unsigned int i = 0; i < n; i++)
            map[i] =
                (struct entry){(uint64_t)rand() % 1000, (uint64_t)rand() % 200,
                               (uint32_t)rand() % 8};
        read_map(map, n);
        check_form();
        for (uint64_t a = 0; a < 1300; a++) {
            const struct e820_entry *e = &boot_info.e820[at];
            uint32_t type = 0;

            while (at < boot_info.nr_e820 && e->addr + e->size <= a)
                e = &boot_info.e820[++at];
            if (at < boot_info.nr_e820 && e->addr <= a)
                type = e->type;
            assert_int_equal(type, model_type(map, n, a));
        }
    }
}

/* ---- multiboot 2 ---- */

static char *tag_add(uint32_t type, const void *content, size_t len)
{
    struct mb2_info *info = (void *)low_memory;
    struct mb2_tag *t = (void *)(low_memory + info->total_size);

    t->type = type;
    t->size = (uint32_t)(sizeof(*t) + len);
    memcpy(t + 1, content, len);
    info->total_size += ROUND_UP(t->size, 8U);
    return (char *)(t + 1);
}

static void tags_begin(void)
{
    struct mb2_info *info = (void *)low_memory;

    e820_forget();
    memset(&boot_info, 0, sizeof(boot_info));
    memset(low_memory, 0, LOW_SIZE);
    info->total_size = 8;
}

static void modules_and_map_of_multiboot_2(void **state)
{
    struct {
        uint32_t entry_size, version;
        struct {
            uint64_t addr, len;
            uint32_t type, zero, more[2];
        } e[2];
    } PACKED map = {
        32, 0, {{0x100000, 0x1000, 1, 0, {0}}, {0x200000, 0x2000, 1, 0, {0}}}};
    struct {
        uint32_t start, end;
        char string[24];
    } module = {0x1000000, 0x1000123, "/vmlinuz a=b c"};

    (void)state;
    tags_begin();
    tag_add(MB2_TAG_CMDLINE, "/trellis.elf loglvl=all", 24);
    tag_add(MB2_TAG_MMAP, &map, sizeof(map));
    for (unsigned int i = 0; i < MAX_BOOT_MODULES + 3; i++) {
        tag_add(MB2_TAG_MODULE, &module, sizeof(module));
        module.start += 0x100000;
        module.end += 0x100000;
    }
    assert_true(multiboot_read(MB2_BOOT_MAGIC, low_addr(low_memory)));
    assert_string_equal(boot_info.cmdline, "loglvl=all");
    assert_int_equal(boot_info.nr_modules, MAX_BOOT_MODULES);
    assert_int_equal(boot_info.module[0].start, 0x1000000);
    assert_int_equal(boot_info.module[0].len, 0x123);
    assert_int_equal(boot_info.module[2].start, 0x1200000);
    assert_string_equal(boot_info.module[0].cmdline, "a=b c");
    assert_int_equal(boot_info.nr_e820, 2);
    expect(1, 0x200000, 0x202000, E820_RAM);
}

/* Sizes that would make the reader stand still or run past the end. */
static void damaged_tags_end_the_reading(void **state)
{
    struct {
        uint32_t entry_size, version;
        uint64_t e[3];
    } map = {0, 0, {0x100000, 0x1000, 1}};
    struct mb2_info *info = (void *)low_memory;
    uint32_t *size;

    (void)state;
    tags_begin();
    tag_add(MB2_TAG_MMAP, &map, sizeof(map));
    (void)multiboot_read(MB2_BOOT_MAGIC, low_addr(low_memory));
    map.entry_size = 8;
    tag_add(MB2_TAG_MMAP, &map, sizeof(map));
    (void)multiboot_read(MB2_BOOT_MAGIC, low_addr(low_memory));
    assert_int_equal(boot_info.nr_e820, 0);
    tags_begin();
    size = (uint32_t *)tag_add(MB2_TAG_CMDLINE, "x", 2) - 1;
    *size = 4;
    tag_add(MB2_TAG_CMDLINE, "never=seen", 11);
    assert_true(multiboot_read(MB2_BOOT_MAGIC, low_addr(low_memory)));
    assert_string_equal(boot_info.cmdline, "");
    *size = info->total_size + 100; /* past the end */
    assert_true(multiboot_read(MB2_BOOT_MAGIC, low_addr(low_memory)));
    assert_false(multiboot_read(0x12345678, low_addr(low_memory)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_map_stays),
        cmocka_unit_test(overlaps_go_to_the_stricter),
        cmocka_unit_test(the_end_of_the_address_space),
        cmocka_unit_test(too_long_a_map_loses_ram_only),
        cmocka_unit_test(random_maps_equal_the_model),
        cmocka_unit_test(modules_and_map_of_multiboot_2),
        cmocka_unit_test(damaged_tags_end_the_reading),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
