/* SPDX-License-Identifier: MIT */
/*
 * Whose console is opened, and when again: guests.c with a store of one guest,
 * whose events and consoles are this file's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "consoled/console.h"
#include "consoled/guests.h"
#include "consoled/hv.h"
#include "libs/daemon/log.h"
#include "libs/daemon/loop.h"
#include "libs/sys/domctl.h"
#include "libs/xs/xs.h"

#define DOMID 7U

struct hv hv;
struct console {
    uint32_t port;
};

static struct console the_console;
static bool can_open;
static bool announced = true; /* console/port is in the store */
static bool mended;
static unsigned int opens;
static unsigned int opened; /* now */
static char tty[32];        /* in the store */
static char token[16];      /* of the event that comes next */

void log_line(const char *fmt, ...)
{
    (void)fmt;
}

int loop_add(struct loop_source *src, uint32_t events)
{
    (void)src;
    (void)events;
    return 0;
}

struct console *console_open(uint32_t domid, uint32_t port, uint64_t ring_mfn,
                             const char *name)
{
    (void)ring_mfn;
    assert_int_equal(domid, DOMID);
    assert_string_equal(name, "web");
    opens++;
    if (!can_open)
        return NULL;
    opened++;
    the_console.port = port;
    return &the_console;
}

void console_close(struct console *con)
{
    assert_ptr_equal(con, &the_console);
    opened--;
}

uint32_t console_domid(const struct console *con)
{
    (void)con;
    return DOMID;
}

uint32_t console_remote_port(const struct console *con)
{
    return con->port;
}

/* None before it is mended. */
const char *console_tty(const struct console *con)
{
    (void)con;
    return mended ? "/dev/pts/9" : "";
}

void consoles_mend(void (*got_tty)(const struct console *con))
{
    if (mended && opened > 0)
        got_tty(&the_console);
}

int sys_domain_list(struct sys *sys, uint32_t first, unsigned int max,
                    struct xen_domctl_getdomaininfo *out)
{
    (void)sys;
    (void)max;
    if (first > DOMID)
        return 0;
    memset(out, 0, sizeof(*out));
    out->domain = DOMID;
    return 1;
}

int xs_open(struct xs **out)
{
    *out = NULL;
    return 0;
}

void xs_close(struct xs *xs)
{
    (void)xs;
}

int xs_fd(const struct xs *xs)
{
    (void)xs;
    return -1;
}

int xs_watch(struct xs *xs, const char *path, const char *name)
{
    (void)xs;
    (void)path;
    (void)name;
    return 0;
}

int xs_unwatch(struct xs *xs, const char *path, const char *name)
{
    (void)xs;
    (void)path;
    (void)name;
    return 0;
}

int xs_is_introduced(struct xs *xs, uint32_t domid)
{
    (void)xs;
    return domid == DOMID;
}

int xs_read(struct xs *xs, uint32_t tx, const char *path, char **value,
            size_t *len_bytes)
{
    (void)xs;
    (void)tx;
    (void)len_bytes;
    if (strcmp(path, "/local/domain/7/name") != 0)
        return -ENOENT;
    *value = strdup("web");
    return 0;
}

int xs_read_u64(struct xs *xs, uint32_t tx, const char *path, uint64_t *value)
{
    (void)xs;
    (void)tx;
    (void)path;
    *value = 2;
    return announced ? 0 : -ENOENT;
}

int xs_write_str(struct xs *xs, uint32_t tx, const char *path,
                 const char *value)
{
    (void)xs;
    (void)tx;
    assert_string_equal(path, "/local/domain/7/console/tty");
    snprintf(tty, sizeof(tty), "%s", value);
    return 0;
}

int xs_next_event(struct xs *xs, struct xs_event *ev)
{
    (void)xs;
    if (token[0] == '\0')
        return 0;
    ev->path = strdup(token);
    ev->token = ev->path;
    token[0] = '\0';
    return 1;
}

static void event(const char *of)
{
    snprintf(token, sizeof(token), "%s", of);
    assert_int_equal(guests_run(), 0);
}

/* What failed is tried again when a domain comes or goes, not all the time. */
static void failed_console_is_tried_again(void **state)
{
    (void)state;
    assert_int_equal(guests_start(), 0);
    event("domains");
    assert_int_equal(opens, 1);
    assert_int_equal(guests_run(), 0);
    assert_int_equal(opens, 1);
    event("domains");
    assert_int_equal(opens, 2);
    can_open = true;
    event("domains");
    assert_int_equal(opens, 3);
    assert_int_equal(opened, 1);
    event("domains");
    assert_int_equal(opens, 3);
    guests_stop();
    assert_int_equal(opened, 0);
}

/* One that is not announced yet waits for its own watch. */
static void unannounced_console_waits(void **state)
{
    (void)state;
    opens = 0;
    announced = false;
    assert_int_equal(guests_start(), 0);
    event("domains");
    event("domains");
    assert_int_equal(opens, 0);
    announced = true;
    event("domains");
    assert_int_equal(opens, 0);
    event("7");
    assert_int_equal(opens, 1);
    guests_stop();
}

static void late_tty_is_published(void **state)
{
    (void)state;
    assert_int_equal(guests_start(), 0);
    event("domains");
    assert_int_equal(opened, 1);
    assert_string_equal(tty, "");
    mended = true;
    assert_int_equal(guests_run(), 0);
    assert_string_equal(tty, "/dev/pts/9");
    guests_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_console_is_tried_again),
        cmocka_unit_test(unannounced_console_waits),
        cmocka_unit_test(late_tty_is_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
