/* SPDX-License-Identifier: MIT */
/* hypervisor/lib under the names that lib_renamed.h gives it. */
#include <stdarg.h>
#include <stddef.h>

void *hv_memcpy(void *dst, const void *src, size_t n);
void *hv_memmove(void *dst, const void *src, size_t n);
void *hv_memset(void *dst, int c, size_t n);
int hv_memcmp(const void *a, const void *b, size_t n);
size_t hv_strlen(const char *s);
size_t hv_strnlen(const char *s, size_t max);
int hv_strcmp(const char *a, const char *b);
int hv_strncmp(const char *a, const char *b, size_t n);
char *hv_strchr(const char *s, int c);
char *hv_strstr(const char *hay, const char *needle);
size_t hv_strlcpy(char *dst, const char *src, size_t size);
size_t hv_strlcat(char *dst, const char *src, size_t size);
unsigned long long hv_strtoull(const char *s, char **end, int base);
int hv_snprintf(char *buf, size_t size, const char *fmt, ...);
