/* SPDX-License-Identifier: MIT */
/*
 * The options spec-ctrl=, xpti=, pv-l1tf= (docs/command-line.md): lists of
 * words, each yes by its name, by `name=yes`, no by `no-name` or `name=no`.
 */
#include <asm/spec_ctrl.h>

#include <hv/lib.h>

#define WORD_MAX 32

struct word {
    char name[WORD_MAX];
    const char *value; /* in name[], "" if there is none */
};

/* Cut the next word off a list; false at its end. */
static bool next_word(const char **list, struct word *w)
{
    const char *s = *list;
    size_t n = 0;
    char *eq;

    if (!*s)
        return false;
    while (*s && *s != ',') {
        if (n < sizeof(w->name) - 1)
            w->name[n++] = *s;
        s++;
    }
    w->name[n] = '\0';
    *list = *s ? s + 1 : s;
    eq = strchr(w->name, '=');
    if (eq)
        *eq = '\0';
    w->value = eq ? eq + 1 : "";
    return true;
}

/* 1, 0, or SPEC_DEFAULT if s is neither. */
static int yes_no(const char *s)
{
    static const char *const yes[] = {"yes", "on", "true", "1"};
    static const char *const no[] = {"no", "off", "false", "0"};

    for (unsigned int i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(s, yes[i]))
            return 1;
        if (!strcmp(s, no[i]))
            return 0;
    }
    return SPEC_DEFAULT;
}

/* Is w this name? Then *out is what it says. */
static bool word_is(const struct word *w, const char *name, int *out)
{
    int v = *w->value ? yes_no(w->value) : 1;

    if (v == SPEC_DEFAULT)
        return false;
    if (!strcmp(w->name, name)) {
        *out = v;
        return true;
    }
    if (!strncmp(w->name, "no-", 3) && !strcmp(w->name + 3, name)) {
        *out = !v;
        return true;
    }
    return false;
}

static bool parse_thunk(int *out, const char *value)
{
    if (!strcmp(value, "retpoline"))
        *out = PATCH_THUNK_RETPOLINE;
    else if (!strcmp(value, "lfence"))
        *out = PATCH_THUNK_LFENCE;
    else if (!strcmp(value, "jmp"))
        *out = PATCH_THUNK_JMP;
    else
        return false;
    return true;
}

/* All off, or back to what the processor asks for. */
static void set_all(struct spec_options *o, bool on)
{
    if (on) {
        *o = spec_options_default;
        return;
    }
    *o = (struct spec_options){.thunk = PATCH_THUNK_JMP, .tsx = 1};
}

static bool parse_word(struct spec_options *o, const struct word *w)
{
    const struct {
        const char *name;
        int *var;
    } words[] = {
        {"ibrs", &o->ibrs},
        {"ibpb", &o->ibpb},
        {"ibpb-entry", &o->ibpb_entry},
        {"stibp", &o->stibp},
        {"ssbd", &o->ssbd},
        {"rsb", &o->rsb},
        {"md-clear", &o->md_clear},
        {"srb-lock", &o->srb_lock},
    };
    /* Known, and without effect: docs/security.md says why. */
    static const char *const always[] = {"eager-fpu", "l1d-flush",
                                         "branch-harden"};
    int ignored;

    if (!*w->value && yes_no(w->name) != SPEC_DEFAULT) {
        set_all(o, yes_no(w->name));
        return true;
    }
    if (!strcmp(w->name, "bti-thunk"))
        return parse_thunk(&o->thunk, w->value);
    for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
        if (word_is(w, words[i].name, words[i].var))
            return true;
    for (unsigned int i = 0; i < ARRAY_SIZE(always); i++)
        if (word_is(w, always[i], &ignored))
            return true;
    return false;
}

static int complain(const char *option, const struct word *w)
{
    printk(LOG_WARN "Command line: %s: unknown '%s%s%s'\n", option, w->name,
           *w->value ? "=" : "", w->value);
    return -EINVAL;
}

int spec_parse(struct spec_options *o, const char *list)
{
    struct word w;
    int rc = 0;

    while (next_word(&list, &w))
        if (!parse_word(o, &w))
            rc = complain("spec-ctrl", &w);
    return rc;
}

int spec_parse_domains(int *dom0, int *domu, const char *list)
{
    struct word w;
    int rc = 0;

    if (!*list)
        *dom0 = *domu = 1;
    while (next_word(&list, &w)) {
        if (!*w.value && !strcmp(w.name, "default"))
            *dom0 = *domu = SPEC_DEFAULT;
        else if (!*w.value && yes_no(w.name) != SPEC_DEFAULT)
            *dom0 = *domu = yes_no(w.name);
        else if (!word_is(&w, "dom0", dom0) && !word_is(&w, "domu", domu))
            rc = complain("list of domains", &w);
    }
    return rc;
}
