/* SPDX-License-Identifier: MIT */
/*
 * What every file may use: log output, assertions, panic, memory and string
 * functions. lib/ knows no domain; it links into host tests as well.
 */
#ifndef HV_LIB_H
#define HV_LIB_H

#include <hv/errno.h>
#include <hv/types.h>

#include <stdarg.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
/* A small constant size needs no call (-ffreestanding does not know that). */
#ifndef memcpy
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#define memset(dst, c, n)   __builtin_memset(dst, c, n)
#define memcmp(a, b, n)     __builtin_memcmp(a, b, n)
#endif
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *hay, const char *needle);
/* Copy at most size-1 bytes and terminate. Returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);
size_t strlcat(char *dst, const char *src, size_t size);
unsigned long long strtoull(const char *s, char **end, int base);

/* %d %i %u %x %X %o %c %s %p %% with -, 0, #, +, width, precision, h hh l ll
 * z t, and %pS: a text address as symbol+offset. Returns what would have been
 * written. */
int snprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

/*
 * Log a message to the console ring (and the serial line / screen when its
 * level passes loglvl=). Levels are a prefix of the format string. Callable
 * from everywhere, NMI included (then it may be dropped, never deadlocks).
 */
#define LOG_ERR   "<0>"
#define LOG_WARN  "<1>"
#define LOG_INFO  "<2>"
#define LOG_DEBUG "<3>"
/* Caused by a guest: rate-limited. */
#define LOG_GUEST_WARN  "<G1>"
#define LOG_GUEST_DEBUG "<G3>"
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print registers, symbolised backtrace, and stop or reboot the machine. */
void panic(const char *fmt, ...) NORETURN __attribute__((format(printf, 1, 2)));
struct cpu_regs;
/* The same with the registers of the place that failed. */
void panic_regs(const struct cpu_regs *regs, const char *fmt, ...) NORETURN
    __attribute__((format(printf, 2, 3)));
void bug(const char *file, int line, const char *expr) NORETURN;
void warn(const char *file, int line, const char *expr);

#define BUG() bug(__FILE__, __LINE__, "BUG()")
#define BUG_ON(c)                        \
    do {                                 \
        if (unlikely(c))                 \
            bug(__FILE__, __LINE__, #c); \
    } while (0)
#define WARN_ON(c)                        \
    do {                                  \
        if (unlikely(c))                  \
            warn(__FILE__, __LINE__, #c); \
    } while (0)
/* Checked in debug builds; the expression must have no side effect. */
#ifdef TRELLIS_DEBUG
#define ASSERT(c)                        \
    do {                                 \
        if (unlikely(!(c)))              \
            bug(__FILE__, __LINE__, #c); \
    } while (0)
#else
#define ASSERT(c) ((void)sizeof(!(c)))
#endif
#define ASSERT_UNREACHABLE() ASSERT(!"unreachable")

/*
 * Clamp an index below size even under misspeculation: returns i if i < size,
 * else 0, without a branch. Use after the architectural bounds check, before
 * the array access.
 */
static inline size_t index_nospec(size_t i, size_t size)
{
    size_t mask;

    __asm__("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(i), "r"(size) : "cc");
    return i & mask;
}

/*
 * The same for a size that is a constant power of two, by one AND. A plain
 * i % SIZE behind a check is none: the compiler knows from the check that it
 * changes nothing, and leaves it out.
 */
#define index_nospec_pow2(i, size)                               \
    ({                                                           \
        size_t i_ = (i);                                         \
        _Static_assert(!((size) & ((size)-1)), "power of two");  \
        __asm__("and %1, %0" : "+r"(i_) : "e"((size)-1) : "cc"); \
        i_;                                                      \
    })

#endif
