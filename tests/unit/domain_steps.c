/* SPDX-License-Identifier: MIT */
/*
 * A creation that fails half way must leave nothing behind: whichever step
 * fails, exactly those before it are undone, last first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libs/domain/steps.h"

/* What happened, in letters: "a" step a ran, "A" it was undone. */
struct trace {
    char text[32];
    char fail; /* the step that fails */
};

static void note(struct trace *t, char c)
{
    size_t len = strlen(t->text);

    t->text[len] = c;
    t->text[len + 1] = '\0';
}

static int run(struct trace *t, char c, struct errmsg *err)
{
    if (t->fail == c)
        return err_set(err, -ENOSPC, "no room for %c", c);
    note(t, c);
    return 0;
}

#define STEP(lower, upper)                             \
    static int do_##lower(void *t, struct errmsg *err) \
    {                                                  \
        return run(t, #lower[0], err);                 \
    }                                                  \
    static void undo_##lower(void *t)                  \
    {                                                  \
        note(t, #upper[0]);                            \
    }

STEP(a, A)
STEP(b, B)
STEP(c, C)
STEP(d, D)

static const struct step steps[] = {
    {"making a", do_a, undo_a},
    {"making b", do_b, NULL}, /* has nothing to undo */
    {"making c", do_c, undo_c},
    {"making d", do_d, undo_d},
};

static void test_all_succeed(void **state)
{
    struct trace t = {.text = ""};
    struct errmsg err;

    (void)state;
    assert_int_equal(steps_run(steps, 4, &t, NULL, &err), 0);
    assert_string_equal(t.text, "abcd");
    steps_undo(steps, 4, &t);
    assert_string_equal(t.text, "abcdDCA");
    undo_b(&t);
}

static void test_each_fails(void **state)
{
    static const char *const expected[] = {"", "aA", "abA", "abcCA"};

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        struct trace t = {.text = "", .fail = (char)('a' + i)};
        struct errmsg err;
        char line[64];

        assert_int_equal(steps_run(steps, 4, &t, NULL, &err), -ENOSPC);
        assert_string_equal(t.text, expected[i]);
        snprintf(line, sizeof(line), "making %c: no room for %c", t.fail,
                 t.fail);
        assert_string_equal(err.text, line);
    }
}

static unsigned int stop_after;

static bool stop(void)
{
    return stop_after-- == 0;
}

static void test_interrupted(void **state)
{
    static const char *const expected[] = {"", "aA", "abA", "abcCA", "abcdDCA"};

    (void)state;
    for (unsigned int i = 0; i <= 4; i++) {
        struct trace t = {.text = ""};
        struct errmsg err;

        stop_after = i;
        assert_int_equal(steps_run(steps, 4, &t, stop, &err), -EINTR);
        assert_string_equal(t.text, expected[i]);
        assert_true(err.text[0] != '\0');
    }
}

static void test_hint_is_kept(void **state)
{
    struct errmsg err;

    (void)state;
    err_set(&err, -EIO, "disk %s", "xvda");
    err_hint(&err, "do %s", "this");
    assert_int_equal(err_wrap(&err, -EIO, "guest '%s'", "g"), -EIO);
    assert_string_equal(err.text, "guest 'g': disk xvda");
    assert_string_equal(err.hint, "do this");
    err_set(&err, -EIO, "other");
    assert_string_equal(err.hint, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_succeed),
        cmocka_unit_test(test_each_fails),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_hint_is_kept),
    };

    return cmocka_run_group_tests_name("domain_steps", tests, NULL, NULL);
}
