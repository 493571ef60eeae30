/* SPDX-License-Identifier: MIT */
/*
 * Command-line options, declared where they are used. Unknown options are
 * named in the log. docs/command-line.md documents every one.
 */
#ifndef HV_CMDLINE_H
#define HV_CMDLINE_H

#include <hv/types.h>

enum param_type {
    PARAM_UINT,
    PARAM_SIZE,
    PARAM_BOOL,
    PARAM_STRING,
    PARAM_FN
};

struct param {
    const char *name;
    void *var; /* unsigned int, uint64_t (SIZE), bool, char[len] */
    int (*fn)(const char *value); /* PARAM_FN */
    uint16_t len;
    uint8_t type;
};

#define PARAM_ENTRY           \
    static const struct param \
        __attribute__((used, section(".params"), aligned(8)))
/* var=N */
#define PARAM_U(opt, v) \
    PARAM_ENTRY param_##v = {.name = (opt), .var = &(v), .type = PARAM_UINT}
/* var=1024M: bytes, suffix K M G; plain numbers are KiB */
#define PARAM_SZ(opt, v) \
    PARAM_ENTRY param_##v = {.name = (opt), .var = &(v), .type = PARAM_SIZE}
/* opt, no-opt, opt=yes|no|on|off|1|0 */
#define PARAM_B(opt, v) \
    PARAM_ENTRY param_##v = {.name = (opt), .var = &(v), .type = PARAM_BOOL}
#define PARAM_STR(opt, v)     \
    PARAM_ENTRY param_##v = { \
        .name = (opt), .var = (v), .type = PARAM_STRING, .len = sizeof(v)}
#define PARAM_FUNC(opt, f) \
    PARAM_ENTRY param_##f = {.name = (opt), .fn = (f), .type = PARAM_FN}

void cmdline_parse(const char *line);
/* A size with its suffix; *rest: what follows it. -EINVAL. */
int cmdline_size(const char *s, const char **rest, uint64_t *out);
extern char saved_cmdline[1024];

#endif
