/* SPDX-License-Identifier: MIT */
/*
 * Formatted text into a buffer; hv/lib.h lists what is understood.
 */
#include <hv/lib.h>
#include <hv/symbols.h>

struct out {
    char *buf;
    size_t size, len;
};

struct spec {
    bool left, zero, alt, plus, upper;
    int width, precision; /* precision -1: not given */
    char length;          /* 0, 'h', 'H' (hh), 'l', 'q' (ll), 'z', 't' */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_n(struct out *o, char c, int n)
{
    while (n-- > 0)
        put(o, c);
}

static void put_string(struct out *o, const struct spec *sp, const char *s)
{
    int n;

    if (!s)
        s = "(null)";
    n = (int)strnlen(s, sp->precision >= 0 ? (size_t)sp->precision : 1UL << 20);
    if (!sp->left)
        put_n(o, ' ', sp->width - n);
    for (int i = 0; i < n; i++)
        put(o, s[i]);
    if (sp->left)
        put_n(o, ' ', sp->width - n);
}

static void put_number(struct out *o, const struct spec *sp, uint64_t v,
                       unsigned int base, char sign)
{
    const char *digits = sp->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[64];
    int n = 0, total, zeros = 0;
    bool prefix = sp->alt && base == 16 && v;

    for (uint64_t w = v; w; w /= base)
        tmp[n++] = digits[w % base];
    if (!n && sp->precision != 0)
        tmp[n++] = '0';
    if (sp->precision > n)
        zeros = sp->precision - n;
    total = n + (sign != 0) + (prefix ? 2 : 0);
    if (sp->zero && !sp->left && sp->precision < 0 && sp->width > total)
        zeros = sp->width - total;
    total += zeros;

    if (!sp->left)
        put_n(o, ' ', sp->width - total);
    if (sign)
        put(o, sign);
    if (prefix) {
        put(o, '0');
        put(o, sp->upper ? 'X' : 'x');
    }
    put_n(o, '0', zeros);
    while (n)
        put(o, tmp[--n]);
    if (sp->left)
        put_n(o, ' ', sp->width - total);
}

static void put_symbol(struct out *o, const struct spec *sp, uintptr_t addr)
{
    struct spec hex = {.alt = true, .precision = -1};
    struct symbol sym;

    if (!symbol_find(addr, &sym)) {
        hex.width = sp->width;
        put_number(o, &hex, addr, 16, 0);
        return;
    }
    put_string(o, &hex, sym.name);
    put(o, '+');
    put_number(o, &hex, sym.offset, 16, 0);
    if (!sym.offset)
        put_string(o, &hex, "x0");
}

static int64_t arg_signed(const struct spec *sp, va_list *ap)
{
    switch (sp->length) {
    case 'H':
        return (signed char)va_arg(*ap, int);
    case 'h':
        return (short)va_arg(*ap, int);
    case 0:
        return va_arg(*ap, int);
    default:
        return va_arg(*ap, long);
    }
}

static uint64_t arg_unsigned(const struct spec *sp, va_list *ap)
{
    switch (sp->length) {
    case 'H':
        return (unsigned char)va_arg(*ap, unsigned int);
    case 'h':
        return (unsigned short)va_arg(*ap, unsigned int);
    case 0:
        return va_arg(*ap, unsigned int);
    default:
        return va_arg(*ap, unsigned long);
    }
}

static const char *parse_number(const char *f, int *value, va_list *ap)
{
    *value = 0;
    if (*f == '*') {
        *value = va_arg(*ap, int);
        return f + 1;
    }
    while (*f >= '0' && *f <= '9')
        *value = *value * 10 + (*f++ - '0');
    return f;
}

static const char *parse_spec(const char *f, struct spec *sp, va_list *ap)
{
    *sp = (struct spec){.precision = -1};
    for (;; f++) {
        if (*f == '-')
            sp->left = true;
        else if (*f == '0')
            sp->zero = true;
        else if (*f == '#')
            sp->alt = true;
        else if (*f == '+')
            sp->plus = true;
        else
            break;
    }
    f = parse_number(f, &sp->width, ap);
    if (sp->width < 0) {
        sp->left = true;
        sp->width = -sp->width;
    }
    if (*f == '.')
        f = parse_number(f + 1, &sp->precision, ap);
    if (*f == 'h' || *f == 'l' || *f == 'z' || *f == 't') {
        sp->length = *f++;
        if (*f == sp->length && (*f == 'h' || *f == 'l'))
            sp->length = *f++ == 'h' ? 'H' : 'q';
    }
    return f;
}

/* Writes one conversion; returns what follows it in the format. */
static const char *convert(struct out *o, const char *f, va_list *ap)
{
    struct spec sp;
    int64_t v;

    f = parse_spec(f, &sp, ap);
    switch (*f) {
    case 'd':
    case 'i':
        v = arg_signed(&sp, ap);
        put_number(o, &sp, v < 0 ? -(uint64_t)v : (uint64_t)v, 10,
                   v < 0 ? '-' : (sp.plus ? '+' : 0));
        break;
    case 'u':
        put_number(o, &sp, arg_unsigned(&sp, ap), 10, 0);
        break;
    case 'X':
        sp.upper = true;
        /* fall through */
    case 'x':
        put_number(o, &sp, arg_unsigned(&sp, ap), 16, 0);
        break;
    case 'o':
        put_number(o, &sp, arg_unsigned(&sp, ap), 8, 0);
        break;
    case 'c':
        put_n(o, ' ', sp.left ? 0 : sp.width - 1);
        put(o, (char)va_arg(*ap, int));
        put_n(o, ' ', sp.left ? sp.width - 1 : 0);
        break;
    case 's':
        put_string(o, &sp, va_arg(*ap, const char *));
        break;
    case 'p':
        v = (int64_t)(uintptr_t)va_arg(*ap, void *);
        if (f[1] == 'S') {
            put_symbol(o, &sp, (uintptr_t)v);
            f++;
            break;
        }
        sp.precision = 16;
        put_number(o, &sp, (uint64_t)v, 16, 0);
        break;
    case '%':
        put(o, '%');
        break;
    case '\0':
        return f;
    default: /* not ours: show it as it is written */
        put(o, '%');
        put(o, *f);
        break;
    }
    return f + 1;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {buf, size, 0};
    va_list args;

    va_copy(args, ap);
    while (*fmt) {
        if (*fmt != '%')
            put(&o, *fmt++);
        else
            fmt = convert(&o, fmt + 1, &args);
    }
    va_end(args);
    if (size)
        buf[o.len < size ? o.len : size - 1] = '\0';
    return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
