/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions. Copies use the string instructions, which are
 * fast on every processor that is of interest (and need no vector registers,
 * which hold guests' state). Eight bytes at a time: that matters to software
 * emulation, which runs them one step after the other.
 */
#include <hv/lib.h>

#ifndef __SANITIZE_ADDRESS__ /* else they are renamed: tests/unit */
#undef memcpy
#undef memset
#undef memcmp
#endif

void *memcpy(void *dst, const void *src, size_t n)
{
    size_t words = n / 8, rest = n % 8;
    void *d = dst;

    __asm__ volatile("rep movsq\n"
                     "mov %3, %2\n"
                     "rep movsb"
                     : "+D"(d), "+S"(src), "+c"(words)
                     : "r"(rest)
                     : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    char *d = dst;
    const char *s = src;

    if (d <= s || d >= s + n)
        return memcpy(dst, src, n);
    d += n;
    s += n;
    while (n--)
        *--d = *--s;
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    size_t words = n / 8, rest = n % 8;
    void *d = dst;

    __asm__ volatile("rep stosq\n"
                     "mov %2, %1\n"
                     "rep stosb"
                     : "+D"(d), "+c"(words)
                     : "r"(rest), "a"((unsigned char)c * 0x0101010101010101UL)
                     : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; a++, b++, n--)
        ;
    return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (!*s)
            return NULL;
    }
}

char *strstr(const char *hay, const char *needle)
{
    size_t n = strlen(needle);

    for (;; hay++) {
        if (!strncmp(hay, needle, n))
            return (char *)hay;
        if (!*hay)
            return NULL;
    }
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src);
    size_t n = len < size ? len : size - 1;

    if (size) {
        memcpy(dst, src, n);
        dst[n] = '\0';
    }
    return len;
}

size_t strlcat(char *dst, const char *src, size_t size)
{
    size_t used = strnlen(dst, size);

    if (used == size)
        return size + strlen(src);
    return used + strlcpy(dst + used, src, size - used);
}
