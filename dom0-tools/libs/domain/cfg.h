/* SPDX-License-Identifier: MIT */
/*
 * The grammar of xl.cfg files: assignments of strings, numbers and lists.
 * Knows no key; the table of keys is in guest_keys.c.
 *
 *   file   := { [ NAME ("=" | "+=") value ] (newline | ";") }
 *   value  := STRING | NUMBER | "[" [ value { "," value } [ "," ] ] "]"
 *   STRING := '...' | "..." with \n \t \\ \' \" inside; # starts a comment
 */
#ifndef TOOLS_DOMAIN_CFG_H
#define TOOLS_DOMAIN_CFG_H

#include <stddef.h>

#include "libs/image/errmsg.h"

enum cfg_kind {
    CFG_STRING,
    CFG_NUMBER,
    CFG_LIST,
};

struct cfg_value {
    enum cfg_kind kind;
    unsigned int line;
    char *string;            /* CFG_STRING; for CFG_NUMBER as it was written */
    long long number;        /* CFG_NUMBER */
    struct cfg_value *items; /* CFG_LIST */
    unsigned int nr_items;
};

struct cfg_entry {
    char *name;
    const char *file; /* for messages; the caller's string */
    unsigned int line;
    struct cfg_value value;
};

/* Entries in order of first assignment; each name once. */
struct cfg {
    struct cfg_entry *entries;
    unsigned int nr;
};

/*
 * Add the assignments in text to cfg. Later ones replace earlier ones, `+=`
 * appends. file must outlive cfg.
 * Returns 0; -EINVAL with "file:line: why"; -ENOMEM.
 */
int cfg_parse(struct cfg *cfg, const char *file, const char *text, size_t len,
              struct errmsg *err);

/*
 * Add one "name=value" from a command line, where a string needs no quotes.
 */
int cfg_parse_argument(struct cfg *cfg, const char *arg, struct errmsg *err);

/* NULL if there is no such entry. */
const struct cfg_entry *cfg_find(const struct cfg *cfg, const char *name);

void cfg_free(struct cfg *cfg);

#endif
