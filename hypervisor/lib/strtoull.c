/* SPDX-License-Identifier: MIT */
/*
 * Numbers from text. No sign, no white space; an overflow gives the maximum.
 */
#include <hv/lib.h>

static unsigned int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned int)(c - '0');
    c |= 0x20;
    if (c >= 'a' && c <= 'z')
        return (unsigned int)(c - 'a') + 10;
    return 255;
}

unsigned long long strtoull(const char *s, char **end, int base)
{
    unsigned long long v = 0;
    unsigned int b = (unsigned int)base;
    bool over = false;

    if ((b == 0 || b == 16) && s[0] == '0' && (s[1] | 0x20) == 'x' &&
        digit_value(s[2]) < 16) {
        s += 2;
        b = 16;
    } else if (b == 0) {
        b = s[0] == '0' ? 8 : 10;
    }

    for (; digit_value(*s) < b; s++)
        if (__builtin_mul_overflow(v, (unsigned long long)b, &v) ||
            __builtin_add_overflow(v, digit_value(*s), &v))
            over = true;
    if (end)
        *end = (char *)s;
    return over ? ~0ULL : v;
}
