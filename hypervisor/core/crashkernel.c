/* SPDX-License-Identifier: MIT */
/*
 * crashkernel=, as users know it:
 *
 *   SIZE[@OFFSET]                         so much, there
 *   SIZE<LIMIT  or  SIZE,below=LIMIT      so much, ending below LIMIT
 *   FROM-[TO]:SIZE[,FROM-[TO]:SIZE...]    by the machine's RAM; the first that
 *                                         fits; @ and < may follow
 */
#include <hv/cmdline.h>
#include <hv/errno.h>
#include <hv/kexec.h>
#include <hv/lib.h>

/* One FROM-[TO]:SIZE at *s, which moves behind it. */
static int __init parse_range(const char **s, uint64_t ram, uint64_t *size)
{
    uint64_t from, to = ~0UL, n;

    if (cmdline_size(*s, s, &from) || *(*s)++ != '-')
        return -EINVAL;
    if (**s != ':' && (cmdline_size(*s, s, &to) || to <= from))
        return -EINVAL;
    if (*(*s)++ != ':' || cmdline_size(*s, s, &n))
        return -EINVAL;
    if (!*size && ram >= from && ram < to)
        *size = n;
    return 0;
}

static int __init parse_place(const char *s, struct crashkernel_wish *w)
{
    static const char below[] = ",below=";
    uint64_t *where = &w->limit;

    if (!*s)
        return 0;
    if (*s == '@') {
        where = &w->fixed;
        s++;
    } else if (*s == '<') {
        s++;
    } else if (!strncmp(s, below, sizeof(below) - 1)) {
        s += sizeof(below) - 1;
    } else {
        return -EINVAL;
    }
    return cmdline_size(s, &s, where) || *s || !*where ? -EINVAL : 0;
}

/* A range has a '-' behind its first number. */
static bool __init is_range(const char *s)
{
    uint64_t n;

    return !cmdline_size(s, &s, &n) && *s == '-';
}

int __init crashkernel_parse(const char *s, uint64_t ram_bytes,
                             struct crashkernel_wish *wish)
{
    *wish = (struct crashkernel_wish){0};
    if (!is_range(s)) {
        if (cmdline_size(s, &s, &wish->size))
            return -EINVAL;
    } else {
        for (;;) {
            if (parse_range(&s, ram_bytes, &wish->size))
                return -EINVAL;
            if (*s != ',' || !is_range(s + 1))
                break;
            s++;
        }
    }
    return parse_place(s, wish);
}
