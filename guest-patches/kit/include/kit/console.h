/* SPDX-License-Identifier: MIT */
/*
 * Text output: the hypervisor's console for the control domain, the console
 * ring for any other.
 */
#ifndef KIT_CONSOLE_H
#define KIT_CONSOLE_H

#include <kit/types.h>

void console_init(void);
void console_write(const char *text, size_t len_bytes);

/* %d %u %x %lx %lu %ld %p %s %c %%, width and zero flag; no floating point. */
void printk(const char *format, ...) PRINTF_LIKE(1, 2);
size_t format_v(char *out, size_t size, const char *format, va_list args);
size_t format_to(char *out, size_t size, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
