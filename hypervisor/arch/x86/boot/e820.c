/* SPDX-License-Identifier: MIT */
/*
 * The memory map: firmware's entries sorted, overlaps resolved in favour of
 * the more restrictive type, neighbours of one type merged.
 */
#include <hv/boot.h>
#include <hv/lib.h>

#include <asm/boot.h>

static struct e820_entry __initdata raw[E820_MAX_RAW];
static unsigned int __initdata nr_raw;

/* No room: memory goes unused rather than what is reserved is used. */
static void __init replace_smallest_ram(struct e820_entry e)
{
    struct e820_entry *smallest = NULL;

    for (unsigned int i = 0; i < nr_raw; i++) {
        struct e820_entry *r = &raw[i];

        if (r->type == E820_RAM && (!smallest || r->size < smallest->size))
            smallest = r;
    }
    if (smallest && (e.type != E820_RAM || e.size > smallest->size))
        *smallest = e;
}

void __init e820_add(uint64_t addr, uint64_t size, uint32_t type)
{
    if (type < E820_RAM || type > E820_UNUSABLE)
        type = E820_RESERVED;
    if (addr + size < addr)
        size = type == E820_RAM ? 0 : ~0ULL - addr;
    if (!size)
        return;
    if (nr_raw < E820_MAX_RAW)
        raw[nr_raw++] = (struct e820_entry){addr, size, type};
    else
        replace_smallest_ram((struct e820_entry){addr, size, type});
}

void __init e820_forget(void)
{
    nr_raw = 0;
    boot_info.nr_e820 = 0;
}

/* Which of two claims to the same bytes wins. */
static unsigned int __init strength(uint32_t type)
{
    static const uint8_t __initconst order[] = {
        [E820_RAM] = 0,      [E820_ACPI] = 1,     [E820_NVS] = 2,
        [E820_RESERVED] = 3, [E820_UNUSABLE] = 4,
    };

    return order[type];
}

/* Strongest type at addr and up to where nothing starts or ends; 0: none. */
static uint32_t __init type_at(uint64_t addr, uint64_t *until)
{
    uint32_t type = 0;

    *until = ~0ULL;
    for (unsigned int i = 0; i < nr_raw; i++) {
        uint64_t start = raw[i].addr, end = start + raw[i].size;

        if (start > addr && start < *until)
            *until = start;
        if (start > addr || end <= addr)
            continue;
        if (end < *until)
            *until = end;
        if (!type || strength(raw[i].type) > strength(type))
            type = raw[i].type;
    }
    return type;
}

static void __init append(uint64_t start, uint64_t end, uint32_t type)
{
    struct e820_entry *last = &boot_info.e820[boot_info.nr_e820];

    if (boot_info.nr_e820 && last[-1].type == type &&
        last[-1].addr + last[-1].size == start) {
        last[-1].size += end - start;
        return;
    }
    if (boot_info.nr_e820 == E820_MAX)
        return;
    *last = (struct e820_entry){start, end - start, type};
    boot_info.nr_e820++;
}

void __init e820_finish(void)
{
    uint64_t addr = 0, until;

    for (;;) {
        uint32_t type = type_at(addr, &until);

        if (type)
            append(addr, until, type);
        else if (until == ~0ULL)
            break;
        addr = until;
    }
}

void __init show_e820(void)
{
    static const char *const __initconst name[] = {"?",    "RAM", "reserved",
                                                   "ACPI", "NVS", "unusable"};

    for (unsigned int i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        printk("  %012lx-%012lx %s\n", e->addr, e->addr + e->size,
               name[e->type]);
    }
}
