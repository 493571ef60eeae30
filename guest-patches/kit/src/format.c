/* SPDX-License-Identifier: MIT */
/*
 * A small printf. Output beyond the buffer is dropped; the result is always
 * terminated.
 */
#include <kit/console.h>

struct sink {
    char *out;
    size_t size;
    size_t used;
};

static void put(struct sink *s, char c)
{
    if (s->used + 1 < s->size)
        s->out[s->used++] = c;
}

static void put_number(struct sink *s, uint64_t n, unsigned int base,
                       bool negative, unsigned int width, char fill)
{
    char digits[24];
    unsigned int len = 0;

    do {
        digits[len++] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    if (negative)
        digits[len++] = '-';
    while (width > len) {
        put(s, fill);
        width--;
    }
    while (len)
        put(s, digits[--len]);
}

static void put_string(struct sink *s, const char *text)
{
    for (; *text; text++)
        put(s, *text);
}

static void put_signed(struct sink *s, int64_t n, unsigned int width, char fill)
{
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    put_number(s, magnitude, 10, n < 0, width, fill);
}

size_t format_v(char *out, size_t size, const char *format, va_list args)
{
    struct sink s = {out, size, 0};

    for (; *format; format++) {
        unsigned int width = 0;
        bool is_long = false;
        char fill = ' ';

        if (*format != '%') {
            put(&s, *format);
            continue;
        }
        format++;
        if (*format == '0')
            fill = '0';
        for (; *format >= '0' && *format <= '9'; format++)
            width = width * 10 + (unsigned int)(*format - '0');
        for (; *format == 'l'; format++)
            is_long = true;
        switch (*format) {
        case 'd':
            put_signed(&s, is_long ? va_arg(args, long) : va_arg(args, int),
                       width, fill);
            break;
        case 'u':
        case 'x':
            put_number(&s,
                       is_long ? va_arg(args, unsigned long)
                               : va_arg(args, unsigned int),
                       *format == 'x' ? 16 : 10, false, width, fill);
            break;
        case 'p':
            put_number(&s, addr(va_arg(args, void *)), 16, false, 16, '0');
            break;
        case 's':
            put_string(&s, va_arg(args, const char *));
            break;
        case 'c':
            put(&s, (char)va_arg(args, int));
            break;
        default:
            put(&s, *format);
            break;
        }
    }
    if (size)
        out[s.used] = '\0';
    return s.used;
}

size_t format_to(char *out, size_t size, const char *format, ...)
{
    va_list args;
    size_t len;

    va_start(args, format);
    len = format_v(out, size, format, args);
    va_end(args);
    return len;
}

void printk(const char *format, ...)
{
    char line[512];
    va_list args;
    size_t len;

    va_start(args, format);
    len = format_v(line, sizeof(line), format, args);
    va_end(args);
    console_write(line, len);
}
