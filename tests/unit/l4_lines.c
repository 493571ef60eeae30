/* SPDX-License-Identifier: MIT */
/*
 * Copies of L4 tables for isolated vcpus. A copy must be the table in every
 * entry but the hypervisor's, whatever was in it before; and the word that says
 * where entries are must never be an entry that is present.
 */
#include <stdlib.h>

#include <hostarch.h>

#include <asm/pv/isolation.h>

#define ROUNDS 2000

static bool is_guests(unsigned int slot)
{
    return slot < HV_SLOT_FIRST || slot > HV_SLOT_LAST;
}

static void fill(pte_t *l4, unsigned int nr)
{
    memset(l4, 0, PT_ENTRIES * sizeof(*l4));
    while (nr--)
        l4[rand() % PT_ENTRIES] = ((uint64_t)rand() << 12) | PTE_P;
    for (unsigned int i = HV_SLOT_FIRST; i <= HV_SLOT_LAST; i++)
        l4[i] = 0x1000UL * i | PTE_P;
}

static void each_slot_has_a_bit_that_is_not_present(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        if (!is_guests(i))
            continue;
        assert_false(l4_line_bit(i) & PTE_P);
        assert_int_equal(__builtin_popcountl(l4_line_bit(i)), 1);
        /* Shared with its line, and with no other. */
        for (unsigned int k = 0; k < PT_ENTRIES; k++)
            if (is_guests(k))
                assert_int_equal(l4_line_bit(i) == l4_line_bit(k),
                                 i / L4_LINE_ENTRIES == k / L4_LINE_ENTRIES);
    }
}

static void the_word_says_where_entries_are(void **state)
{
    (void)state;
    static pte_t l4[PT_ENTRIES];

    fill(l4, 0);
    assert_int_equal(l4_lines(l4), 0);
    for (unsigned int i = 0; i < PT_ENTRIES; i++) {
        if (!is_guests(i))
            continue;
        fill(l4, 0);
        l4[i] = PTE_P;
        assert_int_equal(l4_lines(l4), l4_line_bit(i));
        l4[i] = ~PTE_P; /* the guest's own word */
        assert_int_equal(l4_lines(l4), 0);
    }
}

/* One copy, many tables after each other. */
static void a_copy_is_the_last_table_and_nothing_else(void **state)
{
    (void)state;
    static pte_t l4[PT_ENTRIES], copy[PT_ENTRIES], before[PT_ENTRIES];
    uint64_t had = 0;

    srand(1);
    fill(copy, 0);
    for (unsigned int n = 0; n < ROUNDS; n++) {
        uint64_t lines;

        fill(l4, (unsigned int)rand() % 20);
        lines = l4_lines(l4);
        memcpy(before, copy, sizeof(copy));
        l4_copy_lines(copy, l4, lines, had);
        had = lines;
        for (unsigned int i = 0; i < PT_ENTRIES; i++)
            assert_int_equal(copy[i], is_guests(i) ? l4[i] : before[i]);
    }
}

/* A word with more bits than the table needs is only slower. */
static void too_many_bits_do_no_harm(void **state)
{
    (void)state;
    static pte_t l4[PT_ENTRIES], copy[PT_ENTRIES];

    fill(l4, 30);
    fill(copy, 0);
    l4_copy_lines(copy, l4, ~0UL, 0);
    for (unsigned int i = 0; i < PT_ENTRIES; i++)
        if (is_guests(i))
            assert_int_equal(copy[i], l4[i]);
    assert_int_equal(copy[HV_SLOT_FIRST], 0x1000UL * HV_SLOT_FIRST | PTE_P);
    assert_int_equal(copy[HV_SLOT_LAST], 0x1000UL * HV_SLOT_LAST | PTE_P);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slot_has_a_bit_that_is_not_present),
        cmocka_unit_test(the_word_says_where_entries_are),
        cmocka_unit_test(a_copy_is_the_last_table_and_nothing_else),
        cmocka_unit_test(too_many_bits_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
