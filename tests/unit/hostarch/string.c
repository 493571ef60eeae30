/* SPDX-License-Identifier: MIT */
/* The two string functions of hv/lib.h that this libc does not have. */
#include <hv/lib.h>

size_t strlcpy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src);

    if (size > 0) {
        size_t n = len < size - 1 ? len : size - 1;

        memcpy(dst, src, n);
        dst[n] = '\0';
    }
    return len;
}

size_t strlcat(char *dst, const char *src, size_t size)
{
    size_t have = strnlen(dst, size);

    return have + strlcpy(dst + have, src, size - have);
}
