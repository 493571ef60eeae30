/* SPDX-License-Identifier: MIT */
/*
 * What consoled does with a guest's bytes: the ring under mad indices, the
 * kept stream and its readers' places, and names that become file names.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "consoled/consring.h"
#include "consoled/keep.h"
#include "consoled/logfile.h"
#include "libs/daemon/log.h"

static void ring_bytes_and_wraps(void **state)
{
    struct xencons_interface *p = calloc(1, sizeof(*p));
    struct consring r;
    unsigned char sent = 0;
    unsigned char got = 0;
    bool nonsense;

    (void)state;
    assert_non_null(p);
    p->out_prod = p->out_cons = UINT32_MAX - 3000;
    p->in_prod = p->in_cons = UINT32_MAX - 3000;
    consring_start(&r, p);
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        unsigned char buf[3000];
        size_t n = (size_t)random() % 700;

        while (n-- > 0 && p->out_prod - p->out_cons < sizeof(p->out))
            p->out[p->out_prod++ % sizeof(p->out)] = (char)sent++;
        n = consring_read(&r, (char *)buf, (size_t)random() % sizeof(buf),
                          &nonsense);
        assert_false(nonsense);
        for (size_t j = 0; j < n; j++)
            assert_int_equal(buf[j], got++);
    }
    assert_int_equal(consring_write(&r, "typed", 5), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(p->in[(p->in_cons + (uint32_t)i) % sizeof(p->in)],
                         "typed"[i]);
    free(p);
}

/* Our own indices are not taken from the page again. */
static void ring_scribbled_on(void **state)
{
    struct xencons_interface *p = calloc(1, sizeof(*p));
    struct consring r;
    char buf[4096];
    bool nonsense;

    (void)state;
    assert_non_null(p);
    consring_start(&r, p);
    p->out_prod = sizeof(p->out) + 1;
    assert_int_equal(consring_read(&r, buf, sizeof(buf), &nonsense), 0);
    assert_true(nonsense);
    /* Skipped: what comes next is read. */
    memcpy(p->out + (p->out_prod % sizeof(p->out)), "ok", 2);
    p->out_prod += 2;
    assert_int_equal(consring_read(&r, buf, sizeof(buf), &nonsense), 2);
    assert_memory_equal(buf, "ok", 2);
    p->in_cons = 5;
    assert_int_equal(consring_write(&r, "x", 1), 0);
    srandom(2);
    for (int i = 0; i < 100000; i++) {
        p->out_prod = (uint32_t)random();
        p->out_cons = (uint32_t)random();
        p->in_cons = (uint32_t)random();
        p->in_prod = (uint32_t)random();
        if (random() % 2)
            p->out_prod = r.out_cons + (uint32_t)random() % 2100;
        if (random() % 2)
            p->in_cons = r.in_prod - (uint32_t)random() % 1100;
        consring_read(&r, buf, sizeof(buf), &nonsense);
        consring_write(&r, buf, (size_t)random() % sizeof(buf));
    }
    free(p);
}

static void kept_stream(void **state)
{
    static struct keep k;
    uint64_t early = 0;
    uint64_t follower = 0;
    uint64_t written = 0;
    const char *data;
    size_t n;

    (void)state;
    assert_int_equal(keep_at(&k, &early, &data), 0);
    keep_append(&k, "hello", 5);
    assert_int_equal(keep_at(&k, &early, &data), 5);
    assert_memory_equal(data, "hello", 5);
    written = 5;
    follower = 5;
    srandom(3);
    for (int i = 0; i < 3000; i++) {
        char buf[500];
        size_t len = (size_t)random() % sizeof(buf);

        for (size_t j = 0; j < len; j++)
            buf[j] = (char)(written + j);
        keep_append(&k, buf, len);
        written += len;
        while ((n = keep_at(&k, &follower, &data)) > 0) {
            for (size_t j = 0; j < n; j++)
                assert_int_equal(data[j], (char)(follower + j));
            follower += n;
        }
    }
    assert_int_equal(follower, written);
    /* Too late for the beginning: what is left comes, in order. */
    n = keep_at(&k, &early, &data);
    assert_int_equal(early, written - CONSOLE_KEEP);
    early += n;
    n += keep_at(&k, &early, &data);
    assert_int_equal(n, CONSOLE_KEEP);
}

static void names_become_files(void **state)
{
    char out[16];

    (void)state;
    logfile_safe_name("web-1.example", out, sizeof(out));
    assert_string_equal(out, "web-1.example");
    logfile_safe_name("../../etc/x", out, sizeof(out));
    assert_string_equal(out, "_._.._etc_x");
    logfile_safe_name("a b\n\xff/", out, sizeof(out));
    assert_string_equal(out, "a_b___");
    logfile_safe_name("a-name-that-is-far-too-long", out, sizeof(out));
    assert_int_equal(strlen(out), sizeof(out) - 1);
    logfile_safe_name("", out, sizeof(out));
    assert_string_equal(out, "");
}

static char log_dir[] = "/tmp/cons-log-XXXXXX";

static long size_of(const char *leaf)
{
    char path[96];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", log_dir, leaf);
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void remove_all(void)
{
    static const char *const leaves[] = {"c-x.log", "c-x.log.1", "c-x.log.2",
                                         "c-full.log"};

    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        char path[96];

        snprintf(path, sizeof(path), "%s/%s", log_dir, leaves[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(log_dir), 0);
}

static void logs_start_over_and_outlive_a_full_disk(void **state)
{
    struct rlimit old;
    struct rlimit tight;
    struct logfile *lf;
    char text[100];

    (void)state;
    log_open("/dev/null");
    memset(text, 'x', sizeof(text));
    assert_non_null(mkdtemp(log_dir));
    logfile_policy.dir = log_dir;
    logfile_policy.max_bytes = 1000;
    logfile_policy.keep = 2;
    lf = logfile_open("c-", "x");
    assert_non_null(lf);
    for (int i = 0; i < 45; i++)
        logfile_write(lf, text, sizeof(text));
    logfile_close(lf);
    assert_int_equal(size_of("c-x.log"), 500);
    assert_int_equal(size_of("c-x.log.1"), 1000);
    assert_int_equal(size_of("c-x.log.2"), 1000);
    assert_int_equal(size_of("c-x.log.3"), -1);

    /* No more than 250 bytes fit: the rest is lost, nothing else happens. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 250;
    lf = logfile_open("c-", "full");
    assert_non_null(lf);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 5; i++)
        logfile_write(lf, text, sizeof(text));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(size_of("c-full.log"), 250);
    logfile_write(lf, text, sizeof(text));
    assert_int_equal(size_of("c-full.log"), 350);
    logfile_close(lf);
    /* No folder, no log, and writing to none is fine. */
    remove_all();
    logfile_policy.dir = "/proc/nonsense";
    lf = logfile_open("c-", "x");
    assert_null(lf);
    logfile_write(lf, text, sizeof(text));
    logfile_close(lf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_bytes_and_wraps),
        cmocka_unit_test(ring_scribbled_on),
        cmocka_unit_test(kept_stream),
        cmocka_unit_test(names_become_files),
        cmocka_unit_test(logs_start_over_and_outlive_a_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
