/* SPDX-License-Identifier: MIT */
/*
 * The table of function addresses that the second link puts into the image
 * (symbols.awk), searched by halving.
 */
#include <hv/symbols.h>

#include <hv/lib.h>

#include <asm/image.h>

struct entry {
    uint32_t address; /* low half: the image is smaller than 4 GiB */
    uint32_t name;    /* offset in symbol_names */
};

extern const uint32_t symbol_count;
extern const struct entry symbol_table[];
extern const char symbol_names[];

static bool in_code(uintptr_t addr)
{
    return (addr >= (uintptr_t)text_start && addr < (uintptr_t)text_end) ||
           (addr >= (uintptr_t)init_text_start &&
            addr < (uintptr_t)init_text_end);
}

bool symbol_find(uintptr_t addr, struct symbol *out)
{
    uint32_t lo = 0, hi = symbol_count, key = (uint32_t)addr;

    if (!in_code(addr) || !hi || symbol_table[0].address > key)
        return false;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (symbol_table[mid].address <= key)
            lo = mid;
        else
            hi = mid;
    }
    out->name = symbol_names + symbol_table[lo].name;
    out->offset = key - symbol_table[lo].address;
    return true;
}

uint32_t symbol_total(void)
{
    return symbol_count;
}

/* The image lies within the 4 GiB that text_start is in. */
bool symbol_by_number(uint32_t nr, uintptr_t *addr, struct symbol *out)
{
    if (nr >= symbol_count)
        return false;
    nr = (uint32_t)index_nospec(nr, symbol_count);
    *addr = ((uintptr_t)text_start & ~0xffffffffUL) | symbol_table[nr].address;
    out->name = symbol_names + symbol_table[nr].name;
    out->offset = 0;
    return true;
}
