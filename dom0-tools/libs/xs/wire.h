/* SPDX-License-Identifier: MIT */
/*
 * Wire codec of the store, shared by client and daemon: pure functions on
 * buffers, every length checked. A message is a 16-byte header (type, request
 * id, transaction id, payload length) and up to XENSTORE_PAYLOAD_MAX bytes.
 */
#ifndef LIBS_XS_WIRE_H
#define LIBS_XS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <public/io/xs_wire.h>

#include "libs/xs/xs.h"

/* "n4294967295" and its NUL. */
#define XS_PERM_TEXT_MAX 12U

/* Name of a (positive or negative) errno on the wire; "EIO" for others. */
const char *xs_error_name(int err);
/* -errno for a name; -EIO for one we do not know. */
int xs_error_parse(const char *name, size_t len_bytes);

/*
 * Cut a payload into NUL-terminated strings: argv[0..]. At most max; what
 * follows the last is its tail (value of a WRITE). Returns how many; -EINVAL
 * when the strings asked for (min) are not all there and terminated.
 */
int xs_strings(const char *buf, size_t len_bytes, const char **argv,
               unsigned int min, unsigned int max);

/* Decimal number, whole string. -EINVAL otherwise, or when out of range. */
int xs_parse_u32(const char *text, uint32_t *value);
int xs_parse_u64(const char *text, uint64_t *value);

/* "r5" and back. format returns the length without NUL. */
int xs_perm_parse(const char *text, struct xs_perm *perm);
size_t xs_perm_format(char text[XS_PERM_TEXT_MAX], const struct xs_perm *perm);

/*
 * Path rules: characters A-Z a-z 0-9 - / _ @, no empty component, no slash at
 * the end (but "/"), length by kind: absolute, relative, or "@special".
 */
bool xs_path_valid(const char *path);
bool xs_path_special(const char *path);

#endif
