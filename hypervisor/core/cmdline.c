/* SPDX-License-Identifier: MIT */
/*
 * Parses the command line against the options that files declare (.params).
 */
#include <hv/cmdline.h>
#include <hv/lib.h>

extern const struct param params_start[], params_end[];

char saved_cmdline[1024];

static int __init parse_bool(const char *s, bool *out)
{
    if (!*s || !strcmp(s, "yes") || !strcmp(s, "on") || !strcmp(s, "true") ||
        !strcmp(s, "1"))
        *out = true;
    else if (!strcmp(s, "no") || !strcmp(s, "off") || !strcmp(s, "false") ||
             !strcmp(s, "0"))
        *out = false;
    else
        return -EINVAL;
    return 0;
}

int __init cmdline_size(const char *s, const char **rest, uint64_t *out)
{
    char *end;
    uint64_t v = strtoull(s, &end, 0);
    unsigned int shift = 10;

    if (end == s)
        return -EINVAL;
    switch (*end | 0x20) {
    case 'b':
        shift = 0;
        end++;
        break;
    case 'k':
        end++;
        break;
    case 'm':
        shift = 20;
        end++;
        break;
    case 'g':
        shift = 30;
        end++;
        break;
    case 't':
        shift = 40;
        end++;
        break;
    }
    if (shift && v >> (64 - shift))
        return -EINVAL;
    *out = v << shift;
    *rest = end;
    return 0;
}

static int __init parse_size(const char *s, uint64_t *out)
{
    const char *rest;
    uint64_t v;

    if (cmdline_size(s, &rest, &v) || *rest)
        return -EINVAL;
    *out = v;
    return 0;
}

static int __init parse_uint(const char *s, unsigned int *out)
{
    char *end;
    unsigned long long v = strtoull(s, &end, 0);

    if (end == s || *end || v > ~0U)
        return -EINVAL;
    *out = (unsigned int)v;
    return 0;
}

static int __init set_param(const struct param *p, const char *value)
{
    switch (p->type) {
    case PARAM_UINT:
        return parse_uint(value, p->var);
    case PARAM_SIZE:
        return parse_size(value, p->var);
    case PARAM_BOOL:
        return parse_bool(value, p->var);
    case PARAM_STRING:
        return strlcpy(p->var, value, p->len) < p->len ? 0 : -EINVAL;
    default:
        return p->fn(value);
    }
}

static const struct param *__init find_param(const char *name)
{
    for (const struct param *p = params_start; p < params_end; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

/* One word: name, name=value, or no-name for a yes/no option. */
static void __init parse_word(char *word)
{
    char *value = strchr(word, '=');
    const struct param *p;
    bool yes;

    if (value)
        *value++ = '\0';
    p = find_param(word);
    if (p) {
        if (set_param(p, value ? value : ""))
            printk(LOG_WARN "Command line: bad value in '%s=%s'\n", word,
                   value ? value : "");
        return;
    }
    p = strncmp(word, "no-", 3) ? NULL : find_param(word + 3);
    if (p && p->type == PARAM_BOOL && !parse_bool(value ? value : "", &yes)) {
        *(bool *)p->var = !yes;
        return;
    }
    printk(LOG_WARN "Command line: unknown option '%s'\n", word);
}

/* Words end at a space; "..." keeps spaces together. */
void __init cmdline_parse(const char *line)
{
    static char __initdata word[sizeof(saved_cmdline)];

    strlcpy(saved_cmdline, line, sizeof(saved_cmdline));
    while (*line) {
        size_t n = 0;
        bool quoted = false;

        for (; *line && (quoted || *line != ' '); line++) {
            if (*line == '"')
                quoted = !quoted;
            else if (n < sizeof(word) - 1)
                word[n++] = *line;
        }
        word[n] = '\0';
        if (n)
            parse_word(word);
        while (*line == ' ')
            line++;
    }
}
