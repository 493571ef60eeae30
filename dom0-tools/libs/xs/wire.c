/* SPDX-License-Identifier: MIT */
/* Wire codec of the store: errors, strings, numbers, permissions, paths. */
#include "libs/xs/wire.h"

#include <errno.h>
#include <string.h>

static const struct {
    int err;
    const char *name;
} errors[] = {
    {EINVAL, "EINVAL"}, {EACCES, "EACCES"},   {EEXIST, "EEXIST"},
    {EISDIR, "EISDIR"}, {ENOENT, "ENOENT"},   {ENOMEM, "ENOMEM"},
    {ENOSPC, "ENOSPC"}, {EIO, "EIO"},         {ENOTEMPTY, "ENOTEMPTY"},
    {ENOSYS, "ENOSYS"}, {EROFS, "EROFS"},     {EBUSY, "EBUSY"},
    {EAGAIN, "EAGAIN"}, {EISCONN, "EISCONN"}, {E2BIG, "E2BIG"},
    {EPERM, "EPERM"},
};

#define NR_ERRORS (sizeof(errors) / sizeof(errors[0]))

const char *xs_error_name(int err)
{
    if (err < 0)
        err = -err;
    for (size_t i = 0; i < NR_ERRORS; i++) {
        if (errors[i].err == err)
            return errors[i].name;
    }
    return "EIO";
}

int xs_error_parse(const char *name, size_t len_bytes)
{
    size_t len = strnlen(name, len_bytes);

    for (size_t i = 0; i < NR_ERRORS; i++) {
        if (strlen(errors[i].name) == len &&
            memcmp(errors[i].name, name, len) == 0)
            return -errors[i].err;
    }
    return -EIO;
}

int xs_strings(const char *buf, size_t len_bytes, const char **argv,
               unsigned int min, unsigned int max)
{
    unsigned int nr = 0;

    while (nr < max && len_bytes > 0) {
        const char *end = memchr(buf, '\0', len_bytes);

        if (end == NULL)
            break;
        argv[nr++] = buf;
        len_bytes -= (size_t)(end - buf) + 1;
        buf = end + 1;
    }
    return nr < min ? -EINVAL : (int)nr;
}

int xs_parse_u64(const char *text, uint64_t *value)
{
    uint64_t v = 0;

    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        unsigned int digit = (unsigned int)(*text - '0');

        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return -EINVAL;
        v = v * 10 + digit;
    }
    *value = v;
    return 0;
}

int xs_parse_u32(const char *text, uint32_t *value)
{
    uint64_t v;
    int rc = xs_parse_u64(text, &v);

    if (rc != 0 || v > UINT32_MAX)
        return -EINVAL;
    *value = (uint32_t)v;
    return 0;
}

int xs_perm_parse(const char *text, struct xs_perm *perm)
{
    if (*text == '\0' || strchr("nrwb", *text) == NULL)
        return -EINVAL;
    perm->access = *text;
    return xs_parse_u32(text + 1, &perm->domid);
}

size_t xs_perm_format(char text[XS_PERM_TEXT_MAX], const struct xs_perm *perm)
{
    char digits[10];
    size_t nr = 0;
    size_t len = 0;
    uint32_t v = perm->domid;

    do {
        digits[nr++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    text[len++] = perm->access;
    while (nr > 0)
        text[len++] = digits[--nr];
    text[len] = '\0';
    return len;
}

static bool path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '@';
}

bool xs_path_special(const char *path)
{
    return path[0] == '@';
}

bool xs_path_valid(const char *path)
{
    size_t max = path[0] == '/' ? XENSTORE_ABS_PATH_MAX : XENSTORE_REL_PATH_MAX;
    size_t len = strnlen(path, max + 1);

    if (len == 0 || len > max)
        return false;
    if (len == 1 && path[0] == '/')
        return true;
    if (path[len - 1] == '/')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (path[i] == '/' ? path[i + 1] == '/' : !path_char(path[i]))
            return false;
    }
    return true;
}
