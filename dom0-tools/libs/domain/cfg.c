/* SPDX-License-Identifier: MIT */
/*
 * Parser of xl.cfg's grammar: recursive descent over a bounded text. Nesting
 * is limited, so is the stack it takes.
 */
#include "libs/domain/cfg.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 8u

struct parser {
    const char *file;
    const char *pos, *end;
    unsigned int line;
    struct errmsg *err;
};

static int fail(struct parser *p, const char *what)
{
    return err_set(p->err, -EINVAL, "%s:%u: %s", p->file, p->line, what);
}

static bool at_end(const struct parser *p)
{
    return p->pos >= p->end;
}

static bool at(const struct parser *p, char c)
{
    return !at_end(p) && *p->pos == c;
}

static void skip_comment(struct parser *p)
{
    while (!at_end(p) && *p->pos != '\n')
        p->pos++;
}

/* Blanks and comments; newlines too, where they mean nothing. */
static void skip_space(struct parser *p, bool newlines)
{
    while (!at_end(p)) {
        if (*p->pos == '#')
            skip_comment(p);
        else if (*p->pos == '\n' && newlines)
            p->line++, p->pos++;
        else if (*p->pos == '\\' && p->pos + 1 < p->end && p->pos[1] == '\n')
            p->line++, p->pos += 2;
        else if (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\r')
            p->pos++;
        else
            return;
    }
}

static void value_free(struct cfg_value *v)
{
    for (unsigned int i = 0; i < v->nr_items; i++)
        value_free(&v->items[i]);
    free(v->items);
    free(v->string);
    memset(v, 0, sizeof(*v));
}

static char unescaped(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

static int parse_string(struct parser *p, struct cfg_value *v)
{
    char quote = *p->pos++;
    size_t len = 0;

    v->kind = CFG_STRING;
    v->string = malloc((size_t)(p->end - p->pos) + 1);
    if (!v->string)
        return -ENOMEM;
    while (!at(p, quote)) {
        if (at_end(p) || *p->pos == '\n' || *p->pos == '\0')
            return fail(p, "string is not closed on this line");
        if (*p->pos == '\\' && p->pos + 1 < p->end &&
            strchr("nt\\'\"", p->pos[1])) {
            v->string[len++] = unescaped(p->pos[1]);
            p->pos += 2;
        } else {
            v->string[len++] = *p->pos++;
        }
    }
    p->pos++;
    v->string[len] = '\0';
    return 0;
}

static int parse_number(struct parser *p, struct cfg_value *v)
{
    const char *start = p->pos;
    char *stop;

    v->kind = CFG_NUMBER;
    while (!at_end(p) && (isalnum((unsigned char)*p->pos) || *p->pos == '-' ||
                          *p->pos == '+' || *p->pos == '.'))
        p->pos++;
    v->string = strndup(start, (size_t)(p->pos - start));
    if (!v->string)
        return -ENOMEM;
    errno = 0;
    v->number = strtoll(v->string, &stop, 0);
    if (errno || stop == v->string || *stop)
        return err_set(p->err, -EINVAL,
                       "%s:%u: '%s' is not a number; strings "
                       "need quotes",
                       p->file, p->line, v->string);
    return 0;
}

static int parse_value(struct parser *p, struct cfg_value *v,
                       unsigned int depth);

static int parse_item(struct parser *p, struct cfg_value *list,
                      unsigned int depth)
{
    struct cfg_value *more =
        realloc(list->items, (list->nr_items + 1) * sizeof(*more));

    if (!more)
        return -ENOMEM;
    list->items = more;
    memset(&more[list->nr_items], 0, sizeof(*more));
    list->nr_items++;
    return parse_value(p, &more[list->nr_items - 1], depth + 1);
}

static int parse_list(struct parser *p, struct cfg_value *v, unsigned int depth)
{
    v->kind = CFG_LIST;
    if (depth >= NESTING_MAX)
        return fail(p, "lists are nested too deeply");
    p->pos++;
    for (;;) {
        int rc;

        skip_space(p, true);
        if (at(p, ']'))
            break;
        rc = parse_item(p, v, depth);
        if (rc)
            return rc;
        skip_space(p, true);
        if (at(p, ','))
            p->pos++;
        else if (!at(p, ']'))
            return fail(p, "',' or ']' expected in list");
    }
    p->pos++;
    return 0;
}

static int parse_value(struct parser *p, struct cfg_value *v,
                       unsigned int depth)
{
    v->line = p->line;
    if (at(p, '\'') || at(p, '"'))
        return parse_string(p, v);
    if (at(p, '['))
        return parse_list(p, v, depth);
    if (!at_end(p) && (isalnum((unsigned char)*p->pos) || *p->pos == '-'))
        return parse_number(p, v);
    return fail(p, "a value is expected here");
}

static struct cfg_entry *entry_get(struct cfg *cfg, const char *name,
                                   size_t len)
{
    struct cfg_entry *more;

    for (unsigned int i = 0; i < cfg->nr; i++)
        if (strlen(cfg->entries[i].name) == len &&
            memcmp(cfg->entries[i].name, name, len) == 0)
            return &cfg->entries[i];
    more = realloc(cfg->entries, (cfg->nr + 1) * sizeof(*more));
    if (!more)
        return NULL;
    cfg->entries = more;
    more = &more[cfg->nr];
    memset(more, 0, sizeof(*more));
    more->name = strndup(name, len);
    if (!more->name)
        return NULL;
    cfg->nr++;
    return more;
}

static int append_list(struct cfg_value *to, struct cfg_value *from)
{
    unsigned int nr = to->nr_items + from->nr_items;
    struct cfg_value *all = realloc(to->items, (nr + 1) * sizeof(*all));

    if (!all)
        return -ENOMEM;
    if (from->nr_items)
        memcpy(all + to->nr_items, from->items, from->nr_items * sizeof(*all));
    to->items = all;
    to->nr_items = nr;
    from->nr_items = 0;
    return 0;
}

static int append_string(struct cfg_value *to, const struct cfg_value *from)
{
    char *joined;

    if (asprintf(&joined, "%s%s", to->string, from->string) < 0)
        return -ENOMEM;
    free(to->string);
    to->string = joined;
    return 0;
}

static int append(struct parser *p, struct cfg_value *to,
                  struct cfg_value *from)
{
    if (to->kind == CFG_LIST && from->kind == CFG_LIST)
        return append_list(to, from);
    if (to->kind == CFG_STRING && from->kind == CFG_STRING)
        return append_string(to, from);
    return fail(p, "'+=' joins two lists or two strings");
}

/* Store v under name, or join it to what is there. v is always used up. */
static int assign(struct parser *p, struct cfg *cfg, const char *name,
                  size_t len, bool join, struct cfg_value *v)
{
    struct cfg_entry *e = entry_get(cfg, name, len);
    bool fresh = e && !e->line;
    int rc = 0;

    if (!e) {
        value_free(v);
        return -ENOMEM;
    }
    e->file = p->file;
    e->line = v->line;
    if (join && !fresh) {
        rc = append(p, &e->value, v);
        value_free(v);
        return rc;
    }
    value_free(&e->value);
    e->value = *v;
    return 0;
}

static int parse_assignment(struct parser *p, struct cfg *cfg)
{
    const char *name = p->pos;
    struct cfg_value v = {0};
    bool join;
    size_t len;
    int rc;

    while (!at_end(p) && (isalnum((unsigned char)*p->pos) || *p->pos == '_'))
        p->pos++;
    len = (size_t)(p->pos - name);
    if (!len || isdigit((unsigned char)*name))
        return fail(p, "the name of a setting is expected here");
    skip_space(p, false);
    join = at(p, '+') && p->pos + 1 < p->end && p->pos[1] == '=';
    p->pos += join;
    if (!at(p, '='))
        return err_set(p->err, -EINVAL, "%s:%u: '=' expected after '%.*s'",
                       p->file, p->line, (int)len, name);
    p->pos++;
    skip_space(p, false);
    rc = parse_value(p, &v, 0);
    if (rc) {
        value_free(&v);
        return rc;
    }
    skip_space(p, false);
    if (!at_end(p) && *p->pos != '\n' && *p->pos != ';') {
        value_free(&v);
        return fail(p, "unexpected text after the value");
    }
    return assign(p, cfg, name, len, join, &v);
}

int cfg_parse(struct cfg *cfg, const char *file, const char *text, size_t len,
              struct errmsg *err)
{
    struct parser p = {file, text, text + len, 1, err};
    int rc;

    for (;;) {
        skip_space(&p, true);
        if (at(&p, ';')) {
            p.pos++;
            continue;
        }
        if (at_end(&p))
            return 0;
        rc = parse_assignment(&p, cfg);
        if (rc == -ENOMEM)
            return err_set(err, rc, "%s: no memory", file);
        if (rc)
            return rc;
    }
}

/* True if a command line's value has its own syntax already. */
static bool looks_typed(const char *value)
{
    char *stop;

    if (strchr("'\"[", *value))
        return true;
    strtoll(value, &stop, 0);
    return *stop == '\0';
}

int cfg_parse_argument(struct cfg *cfg, const char *arg, struct errmsg *err)
{
    static const char file[] = "command line";
    struct parser p = {file, arg, arg + strlen(arg), 1, err};
    const char *eq = strchr(arg, '=');
    struct cfg_value v = {.kind = CFG_STRING, .line = 1};
    size_t len;
    bool join;

    if (!eq || eq == arg)
        return err_set(err, -EINVAL, "'%s' is not of the form key=value", arg);
    if (looks_typed(eq + 1))
        return cfg_parse(cfg, file, arg, strlen(arg), err);
    join = eq[-1] == '+';
    len = (size_t)(eq - arg) - join;
    v.string = strdup(eq + 1);
    if (!v.string)
        return err_set(err, -ENOMEM, "no memory");
    return assign(&p, cfg, arg, len, join, &v);
}

const struct cfg_entry *cfg_find(const struct cfg *cfg, const char *name)
{
    for (unsigned int i = 0; i < cfg->nr; i++)
        if (strcmp(cfg->entries[i].name, name) == 0)
            return &cfg->entries[i];
    return NULL;
}

void cfg_free(struct cfg *cfg)
{
    for (unsigned int i = 0; i < cfg->nr; i++) {
        free(cfg->entries[i].name);
        value_free(&cfg->entries[i].value);
    }
    free(cfg->entries);
    memset(cfg, 0, sizeof(*cfg));
}
