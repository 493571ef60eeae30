/* SPDX-License-Identifier: MIT */
/* A daemon may have as many descriptors as the system lets it, root or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libs/daemon/files.h"

static struct rlimit limit(void)
{
    struct rlimit lim;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
    return lim;
}

static void soft_limit_is_raised(void **state)
{
    struct rlimit before = limit();
    struct rlimit lim = before;

    (void)state;
    lim.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
    files_raise_limit();
    lim = limit();
    assert_true(lim.rlim_max >= before.rlim_max);
    assert_int_equal(lim.rlim_cur, lim.rlim_max);
}

/* A hard limit binds who is not root; a process of its own, for it stays. */
static void hard_limit_binds_a_user(void **state)
{
    struct rlimit low = {64, 128};
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        if (setrlimit(RLIMIT_NOFILE, &low) != 0 ||
            (geteuid() == 0 && setuid(65534) != 0))
            _exit(1);
        files_raise_limit();
        low = limit();
        _exit(low.rlim_cur == 128 && low.rlim_max == 128 ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_limit_is_raised),
        cmocka_unit_test(hard_limit_binds_a_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
