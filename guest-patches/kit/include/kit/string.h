/* SPDX-License-Identifier: MIT */
/*
 * The memory functions that the compiler may call by itself, and a few string
 * ones.
 */
#ifndef KIT_STRING_H
#define KIT_STRING_H

#include <kit/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strncmp(const char *a, const char *b, size_t n);
const char *strstr(const char *haystack, const char *needle);

#endif
