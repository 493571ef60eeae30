/* SPDX-License-Identifier: MIT */
/*
 * Forced into hypervisor/lib sources: their libc names become hv_ ones, so
 * that a test can call both, and libc's stay what the sanitizer knows.
 */
#define memcpy    hv_memcpy
#define memmove   hv_memmove
#define memset    hv_memset
#define memcmp    hv_memcmp
#define strlen    hv_strlen
#define strnlen   hv_strnlen
#define strcmp    hv_strcmp
#define strncmp   hv_strncmp
#define strchr    hv_strchr
#define strstr    hv_strstr
#define strlcpy   hv_strlcpy
#define strlcat   hv_strlcat
#define strtoull  hv_strtoull
#define snprintf  hv_snprintf
#define vsnprintf hv_vsnprintf
