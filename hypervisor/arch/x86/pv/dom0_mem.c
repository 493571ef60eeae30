/* SPDX-License-Identifier: MIT */
/*
 * dom0_mem=: a list of amounts, each the size itself or, after min: or max:,
 * a bound of it. An amount is a size, a share of the machine's memory (50%),
 * or both (1G+10%); a negative size is what is left for others.
 */
#include "dom0_mem.h"

#include <hv/cmdline.h>
#include <hv/lib.h>
#include <hv/page.h>

/* Without the option this much is left for guests. */
#define RESERVE_MIN_PAGES (128UL << (20 - PAGE_SHIFT))
#define RESERVE_FRACTION  16

struct amount {
    bool given, negative;
    unsigned int percent;
    uint64_t nr_pages;
};
static struct amount size __initdata, min __initdata, max __initdata;

/* N%; moves *s behind it. */
static int __init parse_percent(const char **s, unsigned int *percent)
{
    char *end;
    unsigned long long v = strtoull(*s, &end, 10);

    if (**s == '-' || end == *s || *end != '%' || v > 100)
        return -EINVAL;
    *percent = (unsigned int)v;
    *s = end + 1;
    return 0;
}

static int __init parse_amount(const char **s, struct amount *out)
{
    struct amount a = {.given = true};
    uint64_t bytes;
    int rc = 0;

    if (parse_percent(s, &a.percent)) {
        a.negative = **s == '-';
        *s += a.negative;
        rc = cmdline_size(*s, s, &bytes);
        if (!rc && **s == '+') {
            (*s)++;
            rc = parse_percent(s, &a.percent);
        }
        a.nr_pages = rc ? 0 : bytes >> PAGE_SHIFT;
    }
    if (!rc)
        *out = a;
    return rc;
}

/* Given twice, the last one counts. */
static int __init parse_dom0_mem(const char *s)
{
    size = min = max = (struct amount){0};
    for (;;) {
        struct amount *a = &size;

        if (!strncmp(s, "min:", 4))
            a = &min;
        else if (!strncmp(s, "max:", 4))
            a = &max;
        if (a != &size)
            s += 4;
        if (parse_amount(&s, a))
            return -EINVAL;
        if (!*s)
            return 0;
        if (*s++ != ',')
            return -EINVAL;
    }
}
PARAM_FUNC("dom0_mem", parse_dom0_mem);

static uint64_t __init pages_of(const struct amount *a, uint64_t nr_total)
{
    uint64_t share = nr_total / 100 * a->percent;

    if (!a->negative)
        return a->nr_pages + share;
    return nr_total + share > a->nr_pages ? nr_total + share - a->nr_pages : 0;
}

/* All but a reserve, or most of what a small machine has. */
static uint64_t __init unasked(uint64_t nr_free, uint64_t initrd_pages)
{
    uint64_t reserve =
        max_t(uint64_t, nr_free / RESERVE_FRACTION, RESERVE_MIN_PAGES);

    return nr_free <= reserve + initrd_pages ? nr_free * 3 / 4
                                             : nr_free - reserve;
}

uint64_t __init dom0_mem_pages(uint64_t nr_total, uint64_t nr_free,
                               uint64_t initrd_pages)
{
    uint64_t most = nr_free - nr_free / 64; /* tables are to be built, too */
    uint64_t nr = size.given ? pages_of(&size, nr_total) : most;

    if (!size.given && !max.given)
        nr = unasked(nr_free, initrd_pages);
    if (min.given)
        nr = max_t(uint64_t, nr, pages_of(&min, nr_total));
    if (max.given)
        nr = min_t(uint64_t, nr, pages_of(&max, nr_total));
    return min_t(uint64_t, nr, most);
}

uint64_t __init dom0_mem_limit(uint64_t nr_total, uint64_t nr_now)
{
    if (!max.given)
        return UINT32_MAX;
    return max_t(uint64_t, pages_of(&max, nr_total), nr_now);
}
