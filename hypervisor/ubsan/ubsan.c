/* SPDX-License-Identifier: MIT */
/*
 * What code compiled with -fsanitize=undefined calls when it did what C does
 * not define: the place and the values are printed, and that is a bug. Only
 * in the image of `make UBSAN=1 hypervisor`.
 *
 * Names and structures are those of GCC's and clang's instrumentation, which
 * the compilers' runtime (libubsan) describes.
 */
#include <hv/lib.h>

struct location {
    const char *file;
    uint32_t line, column;
};

struct type {
    uint16_t kind; /* 0: integer */
    uint16_t info; /* bit 0: signed; above: log2 of its bits */
    char name[];
};

/* What all kinds of data begin with. */
struct data {
    struct location at;
};

struct data_type {
    struct location at;
    const struct type *type;
};

struct data_types {
    struct location at;
    const struct type *left, *right;
};

struct data_mismatch {
    struct location at;
    const struct type *type;
    uint8_t log_align, access;
};

/* Called by the compiler's code only: there is no header. */
#define HANDLER(name, ...)                   \
    void __ubsan_handle_##name(__VA_ARGS__); \
    void __ubsan_handle_##name(__VA_ARGS__)

static void NORETURN report(const struct location *at, const char *what,
                            const struct type *type, unsigned long a,
                            unsigned long b)
{
    printk(LOG_ERR "UBSAN: %s in %s:%u:%u: type %s, values %lx, %lx\n", what,
           at->file, at->line, at->column, type ? type->name : "none", a, b);
    bug(at->file, (int)at->line, "undefined behaviour");
}

HANDLER(add_overflow, struct data_type *d, unsigned long a, unsigned long b)
{
    report(&d->at, "addition overflows", d->type, a, b);
}

HANDLER(sub_overflow, struct data_type *d, unsigned long a, unsigned long b)
{
    report(&d->at, "subtraction overflows", d->type, a, b);
}

HANDLER(mul_overflow, struct data_type *d, unsigned long a, unsigned long b)
{
    report(&d->at, "multiplication overflows", d->type, a, b);
}

HANDLER(negate_overflow, struct data_type *d, unsigned long a)
{
    report(&d->at, "negation overflows", d->type, a, 0);
}

HANDLER(divrem_overflow, struct data_type *d, unsigned long a, unsigned long b)
{
    report(&d->at, "division overflows or is by zero", d->type, a, b);
}

HANDLER(shift_out_of_bounds, struct data_types *d, unsigned long a,
        unsigned long b)
{
    report(&d->at, "shift out of bounds", d->left, a, b);
}

HANDLER(out_of_bounds, struct data_types *d, unsigned long index)
{
    report(&d->at, "index out of bounds", d->left, index, 0);
}

HANDLER(type_mismatch_v1, struct data_mismatch *d, unsigned long pointer)
{
    report(&d->at, pointer ? "misaligned or foreign access" : "null access",
           d->type, pointer, d->access);
}

HANDLER(pointer_overflow, struct data *d, unsigned long base,
        unsigned long result)
{
    report(&d->at, "pointer arithmetic overflows", NULL, base, result);
}

HANDLER(load_invalid_value, struct data_type *d, unsigned long value)
{
    report(&d->at, "a value that its type does not have", d->type, value, 0);
}

HANDLER(builtin_unreachable, struct data *d)
{
    report(&d->at, "the unreachable was reached", NULL, 0, 0);
}

HANDLER(missing_return, struct data *d)
{
    report(&d->at, "a function without its value", NULL, 0, 0);
}

HANDLER(vla_bound_not_positive, struct data_type *d, unsigned long bound)
{
    report(&d->at, "an array of no size", d->type, bound, 0);
}

HANDLER(nonnull_arg, struct data *d)
{
    report(&d->at, "a null argument", NULL, 0, 0);
}

HANDLER(invalid_builtin, struct data *d)
{
    report(&d->at, "an argument that a builtin does not take", NULL, 0, 0);
}
